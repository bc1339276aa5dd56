"""Working sizes: how far a photo is shrunk or enlarged, and a mask with it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEAST_SIDE = 64
"""Encoders pad narrower images to about this many pixels."""

_ENLARGED = 4  # times at most: the blocks of a JPEG file become visible
_LONGEST = 4  # times the shorter side, in a photo that is not shrunk further


def shrink_size(size: Sequence[int], shorter: int | None) -> tuple[int, int]:
    """Shrink ``size`` (height, width) until its shorter side is at most ``shorter`` pixels; None leaves it unchanged.

    A size more than 4 times as long as wide is shrunk until it has no more pixels than 4 ``shorter`` by ``shorter``,
    since time and memory grow at least in proportion to them.

    >>> shrink_size((300, 400), 150)
    (150, 200)
    >>> shrink_size((256, 120000), 512)
    (47, 16384)
    """
    if shorter is None:
        return size[0], size[1]
    return _fit_size(size, shorter, most_scale=1.0)


def enlarge_size(size: Sequence[int], shorter: int | None) -> tuple[int, int]:
    """Enlarge a tiny ``size`` (height, width) until its shorter side has ``shorter`` pixels, 4 times at most.

    Tiny is a size whose shorter side has less than half as many; with None, none is. Between half and all of them,
    damage in photos saved as JPEG is found better at their own size. A size more than 4 times as long as wide is
    enlarged until it has 4 ``shorter`` by ``shorter`` pixels, as encoders see it.

    >>> enlarge_size((96, 128), 256)
    (256, 341)
    >>> enlarge_size((48, 64), 256)
    (192, 256)
    >>> enlarge_size((150, 200), 256)
    (150, 200)
    """
    if shorter is None or 2 * min(size) >= shorter or max(size) * max(min(size), LEAST_SIDE) >= _LONGEST * shorter**2:
        return size[0], size[1]
    return _fit_size(size, shorter, most_scale=_ENLARGED)


def choose_working_size(size: Sequence[int], detection_size: int | None, context_size: int | None) -> tuple[int, int]:
    """Choose the size (height, width) at which a photo of ``size`` is analyzed: smaller, or larger if it is tiny.

    >>> choose_working_size((3000, 4000), 512, 256)
    (512, 683)
    >>> choose_working_size((48, 64), 512, 256)
    (192, 256)
    """
    least = None if context_size is None else min(context_size, detection_size or context_size)
    return enlarge_size(shrink_size(size, detection_size), least)


def _fit_size(size: Sequence[int], shorter: int, most_scale: float) -> tuple[int, int]:
    """Scale ``size`` until its shorter side has ``shorter`` pixels, or it is as large as it may be."""
    short, long = min(size), max(size)
    most = _LONGEST * shorter**2
    scale = min(most_scale, shorter / short, math.sqrt(most / (short * long)))
    new_short = max(1, round(short * scale))
    new_long = max(1, min(round(long * scale), most // max(new_short, min(LEAST_SIDE, shorter))))
    return (new_short, new_long) if size[0] <= size[1] else (new_long, new_short)


def shrink_mask(mask: NDArray[np.bool_], size: Sequence[int]) -> NDArray[np.bool_]:
    """Shrink a mask ``[H, W]`` to ``size``: a pixel is True if any pixel that it covers, even in part, is."""
    for extent in size:
        height = len(mask)
        small = np.empty((extent, mask.shape[1]), np.bool_)
        for i in range(extent):
            small[i] = mask[i * height // extent : -(-(i + 1) * height // extent)].any(axis=0)
        mask = np.ascontiguousarray(small.T)  # the columns are the rows of the second round
    return mask
