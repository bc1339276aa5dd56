"""Masks that are given as photos: white is corrupted and black is not, unless stated otherwise."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hcl_sdk.functional.arrays import cut_bands
from hcl_sdk.photos.color import MODES, PREMULTIPLIED_MODES, get_white, to_luma, to_rgb
from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.photos.formats import MAX_MEGAPIXELS
from hcl_sdk.photos.opening import File
from hcl_sdk.photos.photo import Source, copy_to_cpu, is_tensor, open_named
from hcl_sdk.photos.read import decode_file

if TYPE_CHECKING:
    from torch import Tensor

Corrupted: TypeAlias = Literal["white", "black"]
_LOOKED_AT = 16


def load_mask(source: Source, size: tuple[int, int], *, swapped: bool = False) -> Tensor:
    """Read a mask that a user made for a photo.

    Args:
        source: anything that `Photo.open` takes; also a tensor or an array ``[H, W]``, ``[1, H, W]`` or
            ``[1, 1, H, W]`` of any integer, bool or floating-point type. White (255, 1, True) is corrupted, black is
            not; in between, more than half is. Integers that are all 0 or 1 are taken as False and True.
        size: (height, width) of the photo, upright.
        swapped: whether the photo's orientation exchanged them, as `Photo.swapped` says; for messages.

    Returns:
        bool ``[1, 1, H, W]`` on the CPU, True = corrupted.

    Raises:
        TypeError: if the source has a type that a mask cannot have.
        PhotoError: if it cannot be read, differs from the photo in size, is colored, or is partly transparent.
    """
    import torch

    return torch.from_numpy(load_mask_array(source, size, swapped=swapped))[None, None]


def load_mask_array(source: Source, size: tuple[int, int], *, swapped: bool = False) -> NDArray[np.bool_]:
    """Read a mask as `load_mask` does, without torch, into a NumPy array ``[H, W]``."""
    if is_tensor(source):
        import torch

        values = copy_to_cpu(source, "the mask")
        source = _to_photo_array((values.float() if values.dtype == torch.bfloat16 else values).numpy(), size)
    elif isinstance(source, np.ndarray):
        source = _to_photo_array(source, size)
    name = str(source) if isinstance(source, str | os.PathLike) else "the mask"
    photo = open_named(source, "the mask", max_megapixels=max(MAX_MEGAPIXELS, size[0] * size[1] / 1e6))
    if photo.size != tuple(size):
        hint = "; the photo's size counts after its EXIF orientation is applied" if swapped else "; is it transposed?"
        hint = hint if photo.size == tuple(size)[::-1] else ""
        raise PhotoError(
            f"{name}: a mask of {photo.size[1]} x {photo.size[0]} pixels does not fit a photo of {size[1]} x {size[0]} "
            f"(width x height){hint}",
            name=name,
        )
    return to_mask(photo.pixels, photo.mode, name)


def read_mask(file: File, name: str, corrupted: Corrupted = "white") -> NDArray[np.bool_]:
    """Decode a mask, upright, ``[H, W]`` bool, True = corrupted: brighter, or darker, than half.

    Integers that are all 0 or 1 are taken as False and True.

    Args:
        file: its path or contents.
        name: a name for messages.
        corrupted: the value that means *corrupted*.

    Raises:
        PhotoError: if it cannot be decoded, is colored or partly transparent.
    """
    decoded = decode_file(file, name)
    white = to_mask(decoded.pixels, decoded.mode, name)
    return white if corrupted == "white" else ~white


def to_mask(pixels: np.ndarray, mode: str, name: str) -> NDArray[np.bool_]:
    """Find what is white in native values ``[H, W, C]``, as ``[H, W]`` bool; integers all 0 or 1 are False and True.

    Raises:
        PhotoError: if they are colored or partly transparent.
    """
    if mode in ("LA", "RGBA", *PREMULTIPLIED_MODES) and not (pixels[..., -1] == get_white(pixels.dtype)).all():
        raise PhotoError(f"{name}: the mask is partly transparent; mark what is corrupted in white on black", name=name)
    if pixels.dtype.kind in "iu" and mode in ("L", "LA", "RGB", "RGBA"):
        values = pixels if mode in ("L", "RGB") else pixels[..., :-1]
        if values.max() <= 1:
            pixels = pixels * pixels.dtype.type(get_white(pixels.dtype))
    height, width = pixels.shape[:2]
    white = np.empty((height, width), np.bool_)
    for rows in cut_bands(height, width):
        if mode in ("L", "LA"):
            white[rows] = pixels[rows, :, 0] > get_white(pixels.dtype) / 2
            continue
        rgb = to_rgb(pixels[rows], mode)
        red, green, blue = (rgb[..., channel] for channel in range(3))  # channel by channel is ten times as fast
        spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
        # Grays in lossy files have a trace of color.
        if spread.max() > 16 / 255:
            raise PhotoError(f"{name}: the mask is colored; mark what is corrupted in white on black", name=name)
        white[rows] = to_luma(rgb) > 0.5
    return white


def measure_masks(count: int, read: Callable[[int], NDArray[np.bool_]]) -> tuple[list[float], list[PhotoError]]:
    """Sample some of ``count`` masks: return how much of each is corrupted, and why others cannot be read."""
    shares: list[float] = []
    problems: list[PhotoError] = []
    for i in range(0, count, max(1, count // _LOOKED_AT)):
        try:
            shares.append(float(read(i).mean()))
        except PhotoError as error:
            problems.append(error)
    return shares, problems


def check_polarity(shares: Sequence[float], corrupted: Corrupted, where: str) -> None:
    """Check that masks do not cover most of their photos, in which case the other value is probably meant.

    Args:
        shares: the corrupted share of some masks, as returned by `measure_masks`.
        corrupted: the value that was taken for *corrupted*.
        where: where the masks are, for the message.

    Raises:
        ValueError: if they do.
    """
    if shares and np.median(shares) > 0.5:
        other = "black" if corrupted == "white" else "white"
        raise ValueError(
            f"with corrupted={corrupted!r} the masks in {where!r} cover {100 * np.median(shares):.0f} % of the photo "
            f"(median of {len(shares)}); expected at most half, so they seem to be meant with corrupted={other!r}"
        )


def _to_photo_array(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a mask without leading dimensions of 1, in a type that photos can have."""
    if mask.ndim == 4 and mask.shape[:2] == (1, 1):
        mask = mask[0, 0]
    elif mask.shape == (1, *size) or (mask.ndim == 3 and mask.shape[0] == 1 and mask.shape[2] not in MODES):
        mask = mask[0]
    if mask.dtype.kind in "iu" and mask.dtype.newbyteorder("=") not in (np.uint8, np.uint16):
        if mask.size and (mask.min() < 0 or mask.max() > 255):
            raise PhotoError(f"the mask must be of 0 and 1 or 0 to 255; got {mask.min()} to {mask.max()}")
        mask = mask.astype(np.uint8)
    return mask
