"""Working sizes: how far a photo is shrunk, and a mask with it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEAST_SIDE = 64
"""Encoders pad narrower images to about this many pixels."""

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
    short, long = min(size), max(size)
    most = _LONGEST * shorter**2
    scale = min(1.0, shorter / short, math.sqrt(most / (short * long)))
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
