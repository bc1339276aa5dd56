"""Rectangular parts of a photo: boxes, the windows that they are in arrays, and bands of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Window: TypeAlias = tuple[slice, slice]
"""Rows and columns of a photo, each with a start and a stop."""

Box: TypeAlias = tuple[int, int, int, int]
"""(x, y, width, height) in pixels; (x, y) is the upper left pixel."""

BAND = 1 << 20
"""About how many pixels of a photo are processed at a time, so that intermediate results stay in the caches."""


def slice_box(box: Box, size: Sequence[int]) -> Window:
    """Convert a box, which may extend beyond a photo of ``size`` (height, width), to rows and columns of the photo.

    Raises:
        TypeError: if the box is not four whole numbers.
        ValueError: if its width or height is below 1, or nothing of the photo lies in it.

    Example:
        >>> slice_box((90, 10, 20, 5), (80, 100))
        (slice(10, 15, None), slice(90, 100, None))
    """
    values = box.tolist() if isinstance(box, np.ndarray) else box
    is_four = isinstance(values, list | tuple) and len(values) == 4
    if not is_four or not all(isinstance(value, Integral) and not isinstance(value, bool) for value in values):
        raise TypeError(f"a region is four whole numbers (x, y, width, height); got {box!r} ({type(box).__name__})")
    x, y, width, height = (int(value) for value in values)
    if width < 1 or height < 1:
        raise ValueError(f"width and height of a region must be at least 1; got {x},{y},{width},{height}")
    rows = slice(max(0, y), max(0, min(size[0], y + height)))
    columns = slice(max(0, x), max(0, min(size[1], x + width)))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        raise ValueError(
            f"nothing of a photo of {size[1]} x {size[0]} pixels lies in the region {x},{y},{width},{height}"
        )
    return rows, columns


def scale_box(box: Box, size: Sequence[int], wanted: Sequence[int]) -> Box:
    """Scale a box in a photo of ``size`` to one of size ``wanted``: all pixels that it covers, even in part."""
    (top, left), (bottom, right) = (box[1], box[0]), (box[1] + box[3], box[0] + box[2])
    y, x = top * wanted[0] // size[0], left * wanted[1] // size[1]
    return x, y, -(-right * wanted[1] // size[1]) - x, -(-bottom * wanted[0] // size[0]) - y


def surround(box: Window, size: Sequence[int], most: float = math.inf) -> Window:
    """Enlarge a box in a photo of ``size`` on every side by its own size, but at least 64 and at most ``most`` pixels.

    >>> surround((slice(100, 300), slice(0, 10)), (350, 1000))
    (slice(0, 350, None), slice(0, 74, None))
    """
    rows, columns = (
        widen(part, int(min(max(64, part.stop - part.start), most)), extent)
        for part, extent in zip(box, size, strict=True)
    )
    return rows, columns


def widen(part: slice, margin: int, extent: int) -> slice:
    """Enlarge rows or columns by ``margin`` on either side, within a photo that has ``extent`` of them."""
    return slice(max(0, part.start - margin), min(extent, part.stop + margin))


def bound_mask(mask: NDArray[np.bool_], box: Window | None = None) -> Window:
    """Find the tight box around the True pixels of a mask ``[H, W]``, of which there must be some.

    Args:
        mask: ``[H, W]``.
        box: rows and columns outside of which the mask is ignored; None for the whole mask.
    """
    box = box or (slice(0, mask.shape[0]), slice(0, mask.shape[1]))
    part = mask[box]
    rows, columns = (
        slice(start + int(used[0]), start + int(used[-1]) + 1)
        for start, used in (
            (box[0].start, np.flatnonzero(part.any(axis=1))),
            (box[1].start, np.flatnonzero(part.any(axis=0))),
        )
    )
    return rows, columns


def intersect(one: Window, other: Window) -> Window | None:
    """Intersect two boxes: their common rows and columns; None if there are none."""
    rows, columns = (slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True))
    return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


def shift(part: Window, box: Window) -> Window:
    """Shift rows and columns of the photo to count from the corner of a box."""
    rows, columns = (slice(p.start - b.start, p.stop - b.start) for p, b in zip(part, box, strict=True))
    return rows, columns


def locate(box: Window, part: Window) -> Window:
    """Convert a part of a box, counted from its corner, to rows and columns of the photo; undo :func:`shift`."""
    rows, columns = (slice(int(b.start + p.start), int(b.start + p.stop)) for b, p in zip(box, part, strict=True))
    return rows, columns


def cut_bands(height: int, width: int, pixels: int = BAND) -> list[slice]:
    """Divide the rows of a photo into bands of about ``pixels`` pixels, from top to bottom; a small photo is one."""
    rows = max(1, pixels // max(1, width))
    return [slice(y, min(height, y + rows)) for y in range(0, height, rows)]
