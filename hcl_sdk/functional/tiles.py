"""Processing of images that are too large as a whole: overlapping tiles, and merging the results into one map."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from hcl_sdk.functional.arrays import Window


def cut_tiles(size: Sequence[int], *, side: int, overlap: int, multiple: int) -> list[Window]:
    """Cover an image of ``size`` (height, width) with overlapping tiles, from left to right and from top to bottom.

    Args:
        size: height and width of the image.
        side: the maximum side of a tile in pixels; more than ``overlap``.
        overlap: the minimum number of pixels that neighbors share.
        multiple: tiles begin at multiples of this, which divides ``side`` and ``overlap``, so that the maps of an
            encoder with such strides lie on the same grid in all tiles.

    Returns:
        Rows and columns of each tile; tiles are as equal in size, and as few, as possible.

    Example:
        >>> [tile[1] for tile in cut_tiles((64, 150), side=64, overlap=16, multiple=16)]
        [slice(0, 64, None), slice(48, 112, None), slice(96, 150, None)]
    """
    rows, columns = (_cut_line(extent, side, overlap, multiple) for extent in size)
    return [(row, column) for row in rows for column in columns]


def _cut_line(extent: int, side: int, overlap: int, multiple: int) -> list[slice]:
    cells, most, shared = -(-extent // multiple), side // multiple, overlap // multiple
    count = max(1, -(-(cells - shared) // (most - shared)))
    length = -(-(cells + (count - 1) * shared) // count)
    starts = [round(i * (cells - length) / (count - 1)) if i else 0 for i in range(count)]
    return [slice(start * multiple, min(extent, (start + length) * multiple)) for start in starts]


class TileMerger:
    """Joins maps of overlapping tiles: where tiles overlap, one fades into the other.

    Args:
        size: height and width of the image that was cut by :func:`cut_tiles`.
        stride: pixels of the image per pixel of the maps; divides the ``multiple`` of the tiles.
        overlap: pixels of the image over which a tile fades in from each side that is not a border of the image.
    """

    def __init__(self, size: Sequence[int], *, stride: int, overlap: int) -> None:
        self._size, self._stride, self._overlap = size, stride, overlap
        height, width = (-(-extent // stride) for extent in size)
        self._total = torch.zeros(1, 1, height, width)
        self._weight = torch.zeros(height, width)

    def add(self, tile: Window, values: Tensor) -> None:
        """Add the map ``[1, 1, h, w]`` of a tile."""
        rows, columns = (slice(s.start // self._stride, -(-s.stop // self._stride)) for s in tile)
        ramps = [self._fade(s, extent) for s, extent in zip(tile, self._size, strict=True)]
        weight = ramps[0][:, None] * ramps[1]
        self._total[..., rows, columns] += values.detach().float().cpu() * weight
        self._weight[rows, columns] += weight

    def finish(self) -> Tensor:
        """Return the map of the whole image, ``[1, 1, ceil(H / stride), ceil(W / stride)]`` float32 on the CPU."""
        return self._total.div_(self._weight)

    def _fade(self, span: slice, extent: int) -> Tensor:
        count = -(-span.stop // self._stride) - span.start // self._stride
        place = (torch.arange(count) + 0.5) * self._stride
        ramp = torch.ones(count)
        if span.start > 0:
            ramp = ramp.minimum(place / self._overlap)
        if span.stop < extent:
            ramp = ramp.minimum((count * self._stride - place) / self._overlap)
        return ramp
