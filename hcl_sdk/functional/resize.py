"""Resizing maps and masks to given sizes, including odd ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk._renamed import redirect
from hcl_sdk.functional.arrays import BAND, Window, cut_bands


def resize(x: Tensor, size: Sequence[int], mode: Literal["nearest", "bilinear"] = "nearest") -> Tensor:
    """Resize ``[B, C, h, w]`` (float or bool) to ``size``; half-pixel centers for bilinear."""
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    if not x.is_floating_point():
        return F.interpolate(x.float(), tuple(size), mode=mode).to(x.dtype)
    return F.interpolate(x, tuple(size), mode=mode)


def shrink(image: Tensor, size: Sequence[int]) -> Tensor:
    """Resize an image ``[B, C, H, W]`` in [0, 1] with an antialiasing Lanczos filter, usually to a smaller ``size``.

    Training images are resized with the same filter: a detector that looks for blurred regions would notice a softer
    one.
    """
    if tuple(image.shape[-2:]) == tuple(size):
        return image
    small = F.interpolate(image.cpu(), tuple(size), mode="lanczos", antialias=True)  # PyTorch has it for CPUs only
    return small.clamp(0, 1).to(image.device)


class BandShrinker:
    """Shrinks an image as :func:`shrink` does, but band by band, so that it need not be in memory as a whole.

    Args:
        extent: height and width of the image.
        size: height and width of the result.

    Attributes:
        bands: the rows that :meth:`add` expects, from top to bottom.
    """

    def __init__(self, extent: Sequence[int], size: Sequence[int]) -> None:
        height, width = extent
        self.extent, self.size = (height, width), tuple(size)
        is_same = self.extent == self.size
        self.bands = [slice(0, height)] if is_same else cut_bands(height, width)
        self._narrow: Tensor | None = None

    def add(self, rows: slice, band: Tensor) -> None:
        """Add the next rows of the image, ``[1, C, rows, W]`` in [0, 1]."""
        if len(self.bands) == 1:
            self._narrow = band
            return
        # Rows first, as in PyTorch, so that the numbers are the same.
        if band.shape[-1] != self.size[1]:
            band = F.interpolate(band, (rows.stop - rows.start, self.size[1]), mode="lanczos", antialias=True)
        if self._narrow is None:
            self._narrow = band.new_empty(*band.shape[:2], self.extent[0], self.size[1])
        self._narrow[:, :, rows] = band

    def finish(self) -> Tensor:
        """Return the image, ``[1, C, *size]``, once all bands have been added."""
        assert self._narrow is not None
        if len(self.bands) == 1:
            return shrink(self._narrow, self.size)
        narrow = self._narrow
        if narrow.shape[-2] != self.size[0]:
            narrow = F.interpolate(narrow, self.size, mode="lanczos", antialias=True)
        return narrow.clamp_(0, 1)


class ByteShrinker(BandShrinker):
    """Shrinks to 8 bits, without holding all floating-point numbers at once, for large results.

    Intermediate values are rounded, so a value may be off by one, and clipped, which changes overshoots next to edges
    between black and white.
    """

    def __init__(self, extent: Sequence[int], size: Sequence[int]) -> None:
        super().__init__(extent, size)
        self.bands = cut_bands(*self.extent)

    def add(self, rows: slice, band: Tensor) -> None:
        """Add the next rows of the image, ``[1, C, rows, W]`` in [0, 1]."""
        if band.shape[-1] != self.size[1]:
            band = F.interpolate(band, (rows.stop - rows.start, self.size[1]), mode="lanczos", antialias=True)
        if self._narrow is None:
            self._narrow = band.new_empty(*band.shape[:2], self.extent[0], self.size[1], dtype=torch.uint8)
        self._narrow[:, :, rows] = _to_bytes(band)

    def finish(self) -> Tensor:
        """Return the image, ``[1, C, *size]`` uint8, once all bands have been added."""
        assert self._narrow is not None
        if self._narrow.shape[-2] == self.size[0]:
            return self._narrow
        small = self._narrow.new_empty(*self._narrow.shape[:2], *self.size)
        count = max(1, round(self.extent[0] * self.size[1] / BAND))
        for columns in torch.arange(self.size[1]).chunk(count):
            part = self._narrow[..., columns].float() / 255
            extent = self.size[0], len(columns)
            small[..., columns] = _to_bytes(F.interpolate(part, extent, mode="lanczos", antialias=True))
        return small


def _to_bytes(image: Tensor) -> Tensor:
    return image.mul(255).round_().clamp_(0, 255).byte()


def enlarge_part(x: Tensor, size: Sequence[int], part: Window) -> Tensor:
    """Return a part of ``x`` ``[B, C, h, w]`` resized to ``size``, bilinearly, as :func:`resize` does it.

    Values do not depend on the part in which they are computed.

    Returns:
        ``[B, C, rows, columns]``.
    """
    if tuple(x.shape[-2:]) == tuple(size):
        return x[..., part[0], part[1]]
    rows, row_shares = _find_places(x.shape[-2], size[0], part[0])
    columns, column_shares = _find_places(x.shape[-1], size[1], part[1])
    first = int(rows[0])
    x = x[..., first : int(rows[-1]) + 2, :]
    x = _mix(x, -1, columns, column_shares)  # only of the rows that are needed: whole rows are mixed faster
    return _mix(x, -2, rows - first, row_shares[:, None])


def _find_places(extent: int, wanted: int, span: slice) -> tuple[Tensor, Tensor]:
    """Find the two pixels that each pixel of a span lies between: index of the first, weight of the second."""
    place = (torch.arange(span.start, span.stop, dtype=torch.float64) + 0.5) * (extent / wanted) - 0.5
    place = place.clamp_(min=0, max=extent - 1)
    low = place.long()
    return low, (place - low).float()


def _mix(x: Tensor, dim: int, low: Tensor, shares: Tensor) -> Tensor:
    one, other = x.index_select(dim, low), x.index_select(dim, (low + 1).clamp(max=x.shape[dim] - 1))
    return other.sub_(one).mul_(shares).add_(one)


def get_padding(extent: int, multiple: int) -> int:
    """Return the number of pixels to add to ``extent`` to make it a multiple."""
    # Not -extent % multiple: integers that are unknown during an export are simplified in this form.
    return (extent + multiple - 1) // multiple * multiple - extent


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Pad an image ``[B, C, H, W]`` at the bottom and the right until both sides are multiples of ``multiple``.

    The padding is mirrored or, if the image is smaller than the padding, repeats its last pixels: a border of zeros
    would look foreign.
    """
    down, right = get_padding(image.shape[-2], multiple), get_padding(image.shape[-1], multiple)
    if torch.compiler.is_exporting():
        return _pad_any_size(image, down, right)
    if not (down or right):
        return image
    mirrored = down < image.shape[-2] and right < image.shape[-1]
    return F.pad(image, (0, right, 0, down), mode="reflect" if mirrored else "replicate")


def _pad_any_size(image: Tensor, down: int, right: int) -> Tensor:
    """Pad as :func:`pad_to_multiple` does, by indexing: an exported graph cannot choose its steps by the size."""
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
    """Crop the maps of a padded image to ``ceil(H / stride)`` by ``ceil(W / stride)`` of the image before padding."""
    height, width = image.shape[-2:]
    # Not -(-height // s): once exported, integer division rounds towards zero.
    return tuple(m[..., : (height + s - 1) // s, : (width + s - 1) // s] for m, s in zip(maps, strides, strict=True))


redirect(__name__, {"missing": "get_padding"})
