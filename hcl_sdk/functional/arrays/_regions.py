"""Connected regions of a mask. Pixels that touch at a side or a corner are connected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from hcl_sdk.functional.arrays._boxes import BAND, Window, cut_bands, locate


def select_regions(mask: NDArray[np.bool_], peaks: NDArray[np.bool_], min_area: float = 0.0) -> NDArray[np.bool_]:
    """Select the connected regions of a mask ``[H, W]`` that contain a True pixel of ``peaks``.

    Pixels that touch at a side or a corner are connected. A region must also cover at least the share ``min_area`` of
    all pixels. Regions are labeled band by band and joined where the bands meet: labels for all pixels at once would
    take four times the space of the mask.
    """
    bands = cut_bands(*mask.shape, pixels=4 * BAND)
    firsts, count = [], 0  # the number that the regions of a band count from
    peaked: list[np.ndarray] = []
    joined: list[np.ndarray] = []
    areas: list[np.ndarray] = [np.zeros(1, np.int64)]
    above = np.zeros(mask.shape[1], np.int64)
    for rows in bands:
        labels, found = _label(mask[rows])
        firsts.append(count)
        peaked.append(np.unique(labels[mask[rows] & peaks[rows]]).astype(np.int64) + count)
        if min_area > 0:
            areas.append(np.bincount(labels.ravel(), minlength=found + 1)[1:])
        last = labels[-1].astype(np.int64)
        first = labels[0].astype(np.int64)
        first[first > 0] += count
        last[last > 0] += count
        for one, other in ((above, first), (above[1:], first[:-1]), (above[:-1], first[1:])):
            touching = (one > 0) & (other > 0)
            joined.append(np.stack([one[touching], other[touching]]))
        above, count = last, count + found
    pairs = np.concatenate(joined, axis=1)
    graph = sparse.coo_array((np.ones(pairs.shape[1], np.bool_), (pairs[0], pairs[1])), shape=(count + 1, count + 1))
    whole = sparse.csgraph.connected_components(graph, directed=False)[1]
    kept = np.zeros(count + 1, np.bool_)
    kept[whole[np.concatenate(peaked)]] = True
    if min_area > 0:
        kept &= np.bincount(whole, np.concatenate(areas), minlength=count + 1) >= min_area * mask.size
    selected = np.empty_like(mask)
    for rows, first in zip(bands, firsts, strict=True):
        labels, found = _label(mask[rows])
        has_peak = np.concatenate([[False], kept[whole[first + 1 : first + found + 1]]])
        selected[rows] = has_peak[labels]
    return selected


def label_regions(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Number the connected regions of a mask ``[H, W]``. Pixels that touch at a side or a corner are connected.

    Returns:
        The number of the region that each pixel belongs to, ``[H, W]``, from 1, 0 for none; and the area of each
        region in pixels, ``[regions]``.
    """
    labels = np.zeros(mask.shape, np.int32)
    count = int(ndimage.label(mask, structure=np.ones((3, 3)), output=labels))  # pyright: ignore[reportArgumentType]
    return labels, np.bincount(labels.ravel(), minlength=count + 1)[1:]


def find_gaps(mask: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.bool_], Window, NDArray[np.bool_], Window]]:
    """Find the areas that each connected region of a mask ``[H, W]`` encloses.

    Gaps that touch only at a corner are separate: regions are connected there.

    Yields:
        A gap in its box, that box, the region around it in its box, and that box.
    """
    labels = label_regions(mask)[0]
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        region = labels[box] == number
        if region.all():
            continue
        gaps = cast("tuple[np.ndarray, int]", ndimage.label(~region))[0]
        outside = set(np.concatenate([gaps[0], gaps[-1], gaps[:, 0], gaps[:, -1]]).tolist())
        for gap, part in enumerate(ndimage.find_objects(gaps), 1):
            if gap not in outside:
                yield gaps[part] == gap, locate(box, part), region, box


def dilate_mask(mask: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """Dilate a mask by a square of ``2 * width + 1`` pixels."""
    return cast("NDArray[np.bool_]", ndimage.maximum_filter(mask, 2 * width + 1, mode="constant", cval=0))


def _label(mask: NDArray[np.bool_]) -> tuple[np.ndarray, int]:
    """Number the connected regions from 1; return the labels and the number of regions."""
    if not mask.any():
        return np.zeros(mask.shape, np.int8), 0
    return cast("tuple[np.ndarray, int]", ndimage.label(mask, np.ones((3, 3))))
