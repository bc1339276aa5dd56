"""Pictures as files and arrays: opened with Pillow, filled in part, and given back as what they were."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_LOSSLESS = {".png", ".tif", ".tiff", ".bmp"}


class PictureError(ValueError):
    """A picture that cannot be read or written; the message names it and says why."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """One picture.

    Attributes:
        pixels: ``[H, W, C]``, upright: grey, grey with alpha, RGB, or RGB with alpha; uint8, uint16, or floating-point
            in [0, 1].
        path: the file that it came from.
        metadata: ICC profile, EXIF data (orientation reset) and resolution of that file, as Pillow saves them.
        is_flat: whether it came as an array ``[H, W]``.
    """

    pixels: np.ndarray
    path: Path | None = None
    metadata: dict[str, Any]
    is_flat: bool = False

    @classmethod
    def open(cls, source: str | os.PathLike[str] | np.ndarray) -> Picture:
        """Read a file, or take an array ``[H, W]`` or ``[H, W, C]``.

        Raises:
            PictureError: for what cannot be read, or is deeper or of more colors than what this package keeps.
            TypeError: for something else.
        """
        if isinstance(source, np.ndarray):
            return cls(pixels=_checked(source), metadata={}, is_flat=source.ndim == 2)
        if not isinstance(source, str | os.PathLike):
            raise TypeError(f"a photo is the path of a file or a numpy array; got {type(source).__name__}")
        path = Path(source)
        try:
            with Image.open(path) as image:
                return _from_image(image, path)
        except PictureError:
            raise
        except FileNotFoundError:
            raise PictureError(f"{path}: there is no such file") from None
        except Exception as error:  # decoders raise anything
            raise PictureError(f"{path}: {' '.join(str(error).split()) or type(error).__name__}") from error

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def native(self) -> np.ndarray:
        """The pixels in the dimensions that they came in."""
        return self.pixels[..., 0] if self.is_flat else self.pixels

    @property
    def rgb(self) -> np.ndarray:
        """float32 ``[1, 3, H, W]`` in [0, 1]; alpha left out."""
        rgb = _to_rgb(self.pixels).transpose(2, 0, 1)
        return np.array(rgb, order="C")[None]

    def composite(self, fill: np.ndarray, alpha: np.ndarray) -> Picture:
        """``alpha * fill + (1 - alpha) * rgb``; where alpha is 0 every value stays as it is.

        Args:
            fill: float32 ``[1, 3, H, W]`` in [0, 1].
            alpha: float32 ``[H, W]``.
        """
        weight = alpha[..., None]
        blended = weight * fill[0].transpose(1, 2, 0) + (1 - weight) * _to_rgb(self.pixels)
        color = 1 if self.pixels.shape[2] <= 2 else 3
        if color == 1:
            blended = (blended @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
        old = self.pixels[..., :color]
        white = _white(old.dtype)
        new = np.rint(blended * white) if old.dtype.kind == "u" else blended
        pixels = self.pixels.copy()
        pixels[..., :color] = np.where(weight > 0, new.clip(0, white).astype(old.dtype), old)
        return replace(self, pixels=pixels)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file without loss; the suffix names the format, one of .png, .tif, .tiff, .bmp.

        Raises:
            PictureError: if that is not possible.
        """
        path = Path(path)
        if path.suffix.lower() not in _LOSSLESS:
            raise PictureError(f"{path}: expected a lossless format, one of {', '.join(sorted(_LOSSLESS))}")
        pixels = self.pixels
        if pixels.dtype.kind == "f":
            pixels = np.rint(pixels * 255).astype(np.uint8)
        if pixels.dtype == np.uint16 and pixels.shape[2] > 1:
            raise PictureError(f"{path}: Pillow writes no color of 16 bits a channel")
        try:
            Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(path, **self.metadata)
        except Exception as error:
            raise PictureError(f"{path}: cannot be written: {error}") from error

    @property
    def suffix(self) -> str:
        """The suffix of the picture's own file if that is lossless, else ``.png``."""
        own = "" if self.path is None else self.path.suffix.lower()
        return own if own in _LOSSLESS else ".png"


def _from_image(image: Image.Image, path: Path) -> Picture:
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        raise PictureError(f"{path}: the file holds {getattr(image, 'n_frames', 1)} pictures, not a single one")
    if _is_deep_color(image, path):
        raise PictureError(f"{path}: color of 16 bits a channel is read by hcl_sdk, not here")
    upright = ImageOps.exif_transpose(image)
    metadata = {key: upright.info[key] for key in ("icc_profile", "exif", "dpi") if upright.info.get(key)}
    if upright.mode.startswith("I;16"):
        pixels = np.asarray(upright).astype(np.uint16)
    else:
        if upright.mode in ("1", "P", "PA"):
            upright = upright.convert(
                "L" if upright.mode == "1" else "RGBA" if upright.has_transparency_data else "RGB"
            )
        if upright.mode not in _MODES.values():
            raise PictureError(f"{path}: pictures of Pillow's mode {upright.mode!r} are read by hcl_sdk, not here")
        pixels = np.asarray(upright)
    return Picture(pixels=_checked(pixels), path=path, metadata=metadata)


def _is_deep_color(image: Image.Image, path: Path) -> bool:
    """Whether Pillow would drop half of the bits without a word."""
    if image.mode.startswith("I"):
        return False
    if image.format == "PNG":
        with open(path, "rb") as file:
            return file.read(25)[24] == 16
    bits = getattr(image, "tag_v2", {}).get(258, ())  # BitsPerSample of TIFF
    return any(bit > 8 for bit in (bits if isinstance(bits, tuple) else (bits,)))


def _checked(array: np.ndarray) -> np.ndarray:
    pixels = array[..., None] if array.ndim == 2 else array
    if pixels.ndim != 3 or pixels.shape[2] not in _MODES or pixels.size == 0:
        raise PictureError(f"an array must be [H, W] or [H, W, C] with C = 1, 2, 3 or 4; got shape {list(array.shape)}")
    if pixels.dtype.kind == "f":
        if not (pixels.min() >= 0 and pixels.max() <= 1):  # NaN is neither
            raise PictureError(f"floating-point values must lie in [0, 1]; got {pixels.min()} to {pixels.max()}")
    elif pixels.dtype not in (np.uint8, np.uint16):
        raise PictureError(f"an array must be uint8, uint16 or floating-point in [0, 1]; got {pixels.dtype}")
    return np.array(pixels, order="C")


def _white(dtype: np.dtype) -> int:
    return {1: 255, 2: 65535}[dtype.itemsize] if dtype.kind == "u" else 1


def _to_rgb(pixels: np.ndarray) -> np.ndarray:
    colors = pixels[..., :1] if pixels.shape[2] <= 2 else pixels[..., :3]
    rgb = colors.astype(np.float32) / np.float32(_white(colors.dtype))
    return np.broadcast_to(rgb, (*rgb.shape[:2], 3))
