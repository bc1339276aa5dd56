"""A mask split into parts that are filled one by one."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hcl_sdk.functional.arrays._boxes import Window, bound_mask, surround
from hcl_sdk.functional.arrays._sizes import LEAST_SIDE

SEEN_AT_ONCE = 512
"""The shorter side, in pixels, up to which surroundings are filled as a whole if the restorer works at full size."""

REFINED_AROUND = 384
"""Maximum number of pixels around damage that are used to refine its fill."""

FILLED_AROUND = 128
"""Maximum number of pixels of an earlier fill that are used next to damage: its texture is only second-hand."""

REFINED_APART = 64
"""Maximum number of groups of regions whose fills are refined one by one."""

REFINED_AT_ONCE = 1024
"""Maximum rows and columns of damage for which a fill is refined at once, which takes about 100 bytes per pixel."""


def split_mask(
    mask: NDArray[np.bool_], shorter: int, most: int = 16, *, box: Window | None = None, around: float = math.inf
) -> list[Window]:
    """Split the True pixels of a mask into groups that are far apart, to be filled one by one.

    A photo is filled at a working size. The surroundings of a small region keep all of their pixels, while those that
    two distant regions share are shrunk, and take time and memory where nothing is filled. Boxes are cut in two where
    all rows or columns between two regions are empty (XY-cut; Nagy and Seth, "Hierarchical Representation of Optically
    Scanned Documents", ICPR 1984), beginning with the one that gains most.

    Args:
        mask: ``[H, W]``.
        shorter: the shorter side, in pixels, of surroundings that are small enough as they are.
        most: the maximum number of groups.
        box: rows and columns outside of which the mask is ignored; None for the whole mask.
        around: the maximum number of pixels of surroundings on every side, like ``most`` of :func:`surround`.

    Returns:
        Tight, disjoint boxes that contain all True pixels.
    """
    box = box or (slice(0, mask.shape[0]), slice(0, mask.shape[1]))
    if not mask[box].any():
        return []
    whole = bound_mask(mask, box)
    groups = [_Group(whole, *_find_cut(mask, whole, shorter, around))]
    while len(groups) < most:
        best = max(groups, key=lambda group: group.gain)
        if best.gain == 0:
            break
        groups.remove(best)
        groups += [_Group(half, *_find_cut(mask, half, shorter, around)) for half in best.halves]
    return sorted((group.box for group in groups), key=lambda box: (box[0].start, box[1].start))


def cut_box(mask: NDArray[np.bool_], box: Window, side: int) -> list[Window]:
    """Cut a box into equal parts of at most ``side`` rows and columns; parts without True pixels are left out.

    >>> cut_box(np.eye(5, dtype=bool), (slice(0, 5), slice(1, 5)), 4)
    [(slice(1, 3, None), slice(1, 3, None)), (slice(3, 5, None), slice(3, 5, None))]
    """
    rows, columns = (
        [slice(start, min(span.stop, start + step)) for start in range(span.start, span.stop, step)]
        for span in box
        for count in [math.ceil((span.stop - span.start) / side)]
        for step in [math.ceil((span.stop - span.start) / count)]
    )
    parts = [(row, column) for row in rows for column in columns]
    return [bound_mask(mask, part) for part in parts if mask[part].any()]


def leave_unknown(near: Window, own: Window, hole: NDArray[np.bool_], kept: int = LEAST_SIDE) -> Window:
    """Narrow the surroundings of a box on sides where most of them are not pixels of the photo.

    Args:
        near: the surroundings.
        own: the box.
        hole: ``[rows, columns]`` of the surroundings, True = unknown or filled.
        kept: how many pixels of such a side are kept.

    >>> leave_unknown((slice(0, 500), slice(0, 300)), (slice(200, 300), slice(0, 300)), np.arange(500)[:, None] >= 200)
    (slice(0, 364, None), slice(0, 300, None))
    """
    narrowed = list(near)
    for axis in (0, 1):
        other = slice(own[1 - axis].start - near[1 - axis].start, own[1 - axis].stop - near[1 - axis].start)
        lines = (hole[:, other] if axis == 0 else hole[other].T).mean(axis=1)  # how much of each is unknown
        first, last = near[axis].start, near[axis].stop
        start, stop = max(first, own[axis].start - kept), min(last, own[axis].stop + kept)
        if start > first and lines[: start - first].mean() > 0.5:
            first = start
        if stop < last and lines[stop - near[axis].start :].mean() > 0.5:
            last = stop
        narrowed[axis] = slice(first, last)
    return narrowed[0], narrowed[1]


class _Group(NamedTuple):
    """A box, the pixels that cutting it saves in the surroundings, and its halves."""

    box: Window
    gain: int
    halves: tuple[Window, ...]


def _find_cut(mask: NDArray[np.bool_], box: Window, shorter: int, around: float) -> tuple[int, tuple[Window, ...]]:
    """Find the best cut of a box; return its gain and the halves, or 0 and nothing if none is worth it."""
    near = surround(box, mask.shape, around)
    if min(part.stop - part.start for part in near) <= shorter:
        return 0, ()
    best: tuple[int, tuple[Window, ...]] = 0, ()
    for axis in (0, 1):
        used = np.flatnonzero(mask[box].any(axis=1 - axis)) + box[axis].start
        gaps = np.diff(used)
        for i in np.argsort(-gaps, kind="stable")[:4]:
            if gaps[i] <= LEAST_SIDE:
                break
            parts = slice(box[axis].start, int(used[i]) + 1), slice(int(used[i + 1]), box[axis].stop)
            halves = tuple(bound_mask(mask, (part, box[1]) if axis == 0 else (box[0], part)) for part in parts)
            gain = _count(near) - sum(_count(surround(half, mask.shape, around)) for half in halves)
            if gain > max(best[0], _count(near) // 16):
                best = gain, halves
    return best


def _count(box: Window) -> int:
    return (box[0].stop - box[0].start) * (box[1].stop - box[1].start)
