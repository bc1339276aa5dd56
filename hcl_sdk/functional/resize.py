"""Resizing maps and masks to the size of another, whatever that is: odd sizes exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor
from torch.nn import functional as F


def resize(x: Tensor, size: Sequence[int], mode: Literal["nearest", "bilinear"] = "nearest") -> Tensor:
    """Resize ``[B, C, h, w]`` (float or bool) to ``size``; half-pixel centers for bilinear."""
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    if not x.is_floating_point():
        return F.interpolate(x.float(), tuple(size), mode=mode).to(x.dtype)
    return F.interpolate(x, tuple(size), mode=mode)


def shrink(image: Tensor, size: Sequence[int]) -> Tensor:
    """Resize an image ``[B, C, H, W]`` to a smaller ``size`` with an antialiasing filter."""
    if tuple(image.shape[-2:]) == tuple(size):
        return image
    return F.interpolate(image, tuple(size), mode="bilinear", antialias=True)


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Continue an image ``[B, C, H, W]`` at the bottom and the right until both sides are multiples of ``multiple``.

    It is mirrored, or, where it is smaller than what is missing, its last pixels are repeated: a border of zeros would
    look foreign.
    """
    down, right = -image.shape[-2] % multiple, -image.shape[-1] % multiple
    if not (down or right):
        return image
    mirrored = down < image.shape[-2] and right < image.shape[-1]
    return F.pad(image, (0, right, 0, down), mode="reflect" if mirrored else "replicate")


def crop_to_strides(maps: Sequence[Tensor], image: Tensor, strides: Sequence[int]) -> tuple[Tensor, ...]:
    """Cut the maps of a padded image to ``ceil(H / stride)`` by ``ceil(W / stride)`` of the image that was padded."""
    height, width = image.shape[-2:]
    return tuple(m[..., : -(-height // s), : -(-width // s)] for m, s in zip(maps, strides, strict=True))
