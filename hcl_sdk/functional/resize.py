"""Resizing maps and masks to the size of another, whatever that is: odd sizes exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
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
    """Resize an image ``[B, C, H, W]`` in [0, 1] to a smaller ``size`` with an antialiasing Lanczos filter.

    Training images are resized with that one: to a detector that looks for blurred regions, too, a softer one blurs.
    """
    if tuple(image.shape[-2:]) == tuple(size):
        return image
    small = F.interpolate(image.cpu(), tuple(size), mode="lanczos", antialias=True)  # PyTorch has it for CPUs alone
    return small.clamp(0, 1).to(image.device)


def missing(extent: int, multiple: int) -> int:
    """What has to be added to ``extent`` to make it a multiple."""
    # Not -extent % multiple: whole numbers that are not known yet, in an export, are simplified in this form.
    return (extent + multiple - 1) // multiple * multiple - extent


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Continue an image ``[B, C, H, W]`` at the bottom and the right until both sides are multiples of ``multiple``.

    It is mirrored, or, where it is smaller than what is missing, its last pixels are repeated: a border of zeros would
    look foreign.
    """
    down, right = missing(image.shape[-2], multiple), missing(image.shape[-1], multiple)
    if torch.compiler.is_exporting():
        return _pad_any_size(image, down, right)
    if not (down or right):
        return image
    mirrored = down < image.shape[-2] and right < image.shape[-1]
    return F.pad(image, (0, right, 0, down), mode="reflect" if mirrored else "replicate")


def _pad_any_size(image: Tensor, down: int, right: int) -> Tensor:
    """What :func:`pad_to_multiple` gives, by indexing: an exported graph cannot choose its steps by the size."""
    indices = []
    for extent, more in zip(image.shape[-2:], (down, right), strict=True):
        position = torch.arange(extent + more, device=image.device)
        mirrored = torch.where(position < extent, position, 2 * (extent - 1) - position)
        indices.append((mirrored, torch.where(position < extent, position, extent - 1)))
    (rows, last_row), (columns, last_column) = indices
    mirrors = (rows >= 0).all() & (columns >= 0).all()
    return image.index_select(-2, torch.where(mirrors, rows, last_row)).index_select(
        -1, torch.where(mirrors, columns, last_column)
    )


def crop_to_strides(maps: Sequence[Tensor], image: Tensor, strides: Sequence[int]) -> tuple[Tensor, ...]:
    """Cut the maps of a padded image to ``ceil(H / stride)`` by ``ceil(W / stride)`` of the image that was padded."""
    height, width = image.shape[-2:]
    # Not -(-height // s): exported, a division of whole numbers is rounded towards zero.
    return tuple(m[..., : (height + s - 1) // s, : (width + s - 1) // s] for m, s in zip(maps, strides, strict=True))
