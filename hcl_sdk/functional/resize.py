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
