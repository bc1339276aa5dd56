"""Masks dilated and feathered: the alpha by which a fill is blended over the photo."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from hcl_sdk.functional.arrays._boxes import Window, bound_mask, locate, shift

Tile: TypeAlias = tuple[Window, NDArray[np.float32]]
"""A window, and numbers for its pixels."""


def feather_mask(mask: NDArray[np.bool_], dilate: float, feather: float) -> NDArray[np.float32]:
    """Do :func:`hcl_sdk.functional.compositing.feather_mask` for one mask: ``[H, W]`` to ``[H, W]`` float32.

    Raises:
        TypeError: if a width is not a number.
        ValueError: if a width is negative or not finite.
    """
    alpha = np.zeros(mask.shape, np.float32)
    for box, weight in feather_tiles(mask, dilate, feather):
        alpha[box] = weight
    return alpha


def grow_mask(mask: NDArray[np.bool_], dilate: float, feather: float) -> NDArray[np.bool_]:
    """Grow a mask to the pixels where :func:`feather_mask` is above 0."""
    grown = np.zeros(mask.shape, np.bool_)
    for box, weight in feather_tiles(mask, dilate, feather):
        np.greater(weight, 0, out=grown[box])
    return grown


def feather_tiles(mask: NDArray[np.bool_], dilate: float, feather: float) -> Iterator[Tile]:
    """Compute :func:`feather_mask` tile by tile, without borders that are all zero.

    Distances take time and tens of bytes per pixel, and the damage is usually a small part of the photo.

    Raises:
        TypeError, ValueError: as :func:`feather_mask`.
    """
    for name, width in (("dilate", dilate), ("feather", feather)):
        if not isinstance(width, int | float) or isinstance(width, bool):
            raise TypeError(f"{name} must be a number of pixels; got {width!r} ({type(width).__name__})")
        if not 0 <= width < math.inf:
            raise ValueError(f"{name} must be a number of pixels >= 0; got {width!r}")
    return _feather_tiles(mask, dilate, feather)


def _feather_tiles(mask: NDArray[np.bool_], dilate: float, feather: float) -> Iterator[Tile]:
    height, width = mask.shape
    margin = math.ceil(min(dilate + feather, height + width))
    side = max(256, 2 * margin)
    for top in range(0, height, side):
        near_rows = slice(max(0, top - margin), min(height, top + side + margin))
        in_columns = np.asarray(mask[near_rows].any(axis=0))
        if not in_columns.any():
            continue
        for left in range(0, width, side):
            near = near_rows, slice(max(0, left - margin), min(width, left + side + margin))
            if not in_columns[near[1]].any() or not mask[near].any():
                continue
            box = slice(top, min(height, top + side)), slice(left, min(width, left + side))
            weight = _feather(mask[near], dilate, feather)[shift(box, near)]
            if weight.any():
                part = bound_mask(weight > 0)
                yield locate(box, part), weight[part]


def _feather(mask: NDArray[np.bool_], dilate: float, feather: float) -> NDArray[np.float32]:
    """Compute the alpha of a part, which is exact for pixels whose relevant surroundings lie in the part."""
    if mask.all() or dilate + feather == 0:
        return mask.astype(np.float32)
    distance = cast("np.ndarray", ndimage.distance_transform_edt(~mask))
    weight = (distance <= dilate).astype(np.float64)
    # 1 and 0 are set explicitly instead of left to rounding: pixels beyond must stay bit-identical to the photo.
    rim = (distance > dilate) & (distance < dilate + feather)
    weight[rim] = 0.5 + 0.5 * np.cos(np.pi * (distance[rim] - dilate) / feather)
    return weight.astype(np.float32)
