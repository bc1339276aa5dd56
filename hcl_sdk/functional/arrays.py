"""What is computed on numpy arrays of one photo, and needs no torch: working sizes, regions, surroundings, alpha."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def working_size(size: Sequence[int], shorter: int | None) -> tuple[int, int]:
    """``size`` (height, width) shrunk until its shorter side is at most ``shorter`` pixels; None leaves it.

    >>> working_size((300, 400), 150)
    (150, 200)
    """
    height, width = size
    if shorter is None or min(height, width) <= shorter:
        return height, width
    scale = shorter / min(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def select_regions(mask: NDArray[np.bool_], peaks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The connected regions of a mask ``[H, W]`` that have a True pixel of ``peaks`` in them.

    Pixels that touch at a side or a corner belong together.
    """
    labels, count = cast("tuple[np.ndarray, int]", ndimage.label(mask, np.ones((3, 3))))
    has_peak = np.zeros(count + 1, np.bool_)
    has_peak[labels[mask & peaks]] = True
    return has_peak[labels]


def find_surroundings(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The box around the True pixels of ``[H, W]``, wider by its own size (at least 64 pixels) on every side.

    Raises:
        ValueError: if there are none.
    """
    if not mask.any():
        raise ValueError("expected a mask with a True pixel; got one without")
    slices = []
    for axis in (1, 0):
        inside = np.flatnonzero(mask.any(axis=axis))
        first, last = int(inside[0]), int(inside[-1]) + 1
        margin = max(64, last - first)
        slices.append(slice(max(0, first - margin), min(mask.shape[1 - axis], last + margin)))
    return slices[0], slices[1]


def feathered_alpha(mask: NDArray[np.bool_], dilate: float, feather: float) -> NDArray[np.float32]:
    """As :func:`hcl_sdk.functional.compositing.feathered_alpha`, for one mask: ``[H, W]`` to ``[H, W]`` float32.

    Raises:
        TypeError: if a width is not a number.
        ValueError: if a width is negative or not finite.
    """
    for name, width in (("dilate", dilate), ("feather", feather)):
        if not isinstance(width, int | float) or isinstance(width, bool):
            raise TypeError(f"{name} must be a number of pixels; got {width!r} ({type(width).__name__})")
        if not 0 <= width < math.inf:
            raise ValueError(f"{name} must be a number of pixels >= 0; got {width!r}")
    alpha = np.zeros(mask.shape, np.float32)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return alpha
    # Distances cost time and tens of bytes a pixel, and the damage is mostly a small part of the photo.
    margin = math.ceil(dilate + feather)
    box = (
        slice(max(int(rows[0]) - margin, 0), int(rows[-1]) + 1 + margin),
        slice(max(int(columns[0]) - margin, 0), int(columns[-1]) + 1 + margin),
    )
    distance = cast("np.ndarray", ndimage.distance_transform_edt(~mask[box]))
    weight = (distance <= dilate).astype(np.float64)
    # 1 and 0 are stated, not left to rounding: what lies beyond has to stay bit-identical to the photo.
    rim = (distance > dilate) & (distance < dilate + feather)
    weight[rim] = 0.5 + 0.5 * np.cos(np.pi * (distance[rim] - dilate) / feather)
    alpha[box] = weight
    return alpha
