"""Functions on NumPy arrays of one photo, without torch: working sizes, regions, surroundings, alpha."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from hcl_sdk._renamed import redirect

Window: TypeAlias = tuple[slice, slice]
"""Rows and columns of a photo, each with a start and a stop."""

Tile: TypeAlias = tuple[Window, NDArray[np.float32]]
"""A window, and numbers for its pixels."""

BAND = 1 << 20
"""Pixels of a photo that are worked on at a time, about: what is computed of them stays in the caches."""

CERTAIN = 1e-4
"""Probabilities closer to 0 or 1 count as this close where they become logits."""

SEEN_AT_ONCE = 512
"""Pixels of the shorter side of surroundings that are filled as one, if the restorer works at the photo's own size."""

_LIKELY = 0.1  # as sure as a detector is, at least, where there may be damage
_FALLOFF = 4  # pixels of a detector's working size within which its confidence falls off

REFINED_AROUND = 384
"""Pixels around damage from which a fill is refined, at most."""

REFINED_AT_ONCE = 1024
"""Rows and columns of damage for which a fill is refined at once, at most: that takes about 100 bytes a pixel."""

Box: TypeAlias = tuple[int, int, int, int]
"""(x, y, width, height) in pixels; (x, y) is the upper left pixel."""

_LONGEST = 4  # times the shorter side, in a photo that is not shrunk further
_LEAST_SIDE = 64  # pixels: encoders continue a narrower image until it has about so many


def shrink_size(size: Sequence[int], shorter: int | None) -> tuple[int, int]:
    """Shrink ``size`` (height, width) until its shorter side is at most ``shorter`` pixels; None leaves it unchanged.

    One that is more than 4 times as long as wide is shrunk until it has no more pixels than one of 4 ``shorter`` by
    ``shorter``: what is done with them takes time and memory in proportion at least.

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
    new_long = max(1, min(round(long * scale), most // max(new_short, min(_LEAST_SIDE, shorter))))
    return (new_short, new_long) if size[0] <= size[1] else (new_long, new_short)


def slice_box(box: Box, size: Sequence[int]) -> tuple[slice, slice]:
    """Convert a box, which may extend beyond a photo of ``size`` (height, width), to rows and columns of the photo.

    Raises:
        TypeError: if the box is not four whole numbers.
        ValueError: if its width or height is below 1, or nothing of the photo lies in it.

    Example:
        >>> slice_box((90, 10, 20, 5), (80, 100))
        (slice(10, 15, None), slice(90, 100, None))
    """
    if not isinstance(box, list | tuple) or len(box) != 4 or not all(isinstance(value, Integral) for value in box):
        raise TypeError(f"a region is four whole numbers (x, y, width, height); got {box!r} ({type(box).__name__})")
    x, y, width, height = (int(value) for value in box)
    if width < 1 or height < 1:
        raise ValueError(f"width and height of a region must be at least 1; got {x},{y},{width},{height}")
    rows = slice(max(0, y), max(0, min(size[0], y + height)))
    columns = slice(max(0, x), max(0, min(size[1], x + width)))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        raise ValueError(
            f"nothing of a photo of {size[1]} x {size[0]} pixels lies in the region {x},{y},{width},{height}"
        )
    return rows, columns


def cut_bands(height: int, width: int, pixels: int = BAND) -> list[slice]:
    """Divide the rows of a photo into bands of about ``pixels`` pixels, from top to bottom; a small photo is one."""
    rows = max(1, pixels // max(1, width))
    return [slice(y, min(height, y + rows)) for y in range(0, height, rows)]


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
        peaked.append(np.unique(labels[mask[rows] & peaks[rows]]) + count)
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


def _label(mask: NDArray[np.bool_]) -> tuple[np.ndarray, int]:
    """Number the connected regions from 1; return the labels and the number of regions."""
    if not mask.any():
        return np.zeros(mask.shape, np.int8), 0
    return cast("tuple[np.ndarray, int]", ndimage.label(mask, np.ones((3, 3))))


def shrink_mask(mask: NDArray[np.bool_], size: Sequence[int]) -> NDArray[np.bool_]:
    """Shrink a mask ``[H, W]`` to ``size``: a pixel is True if any pixel that it covers, even in part, is."""
    for extent in size:
        height = len(mask)
        small = np.empty((extent, mask.shape[1]), np.bool_)
        for i in range(extent):
            small[i] = mask[i * height // extent : -(-(i + 1) * height // extent)].any(axis=0)
        mask = np.ascontiguousarray(small.T)  # the columns are the rows of the second round
    return mask


def scale_box(box: Box, size: Sequence[int], wanted: Sequence[int]) -> Box:
    """Scale a box in a photo of ``size`` to one of size ``wanted``: all pixels that it covers, even in part."""
    (top, left), (bottom, right) = (box[1], box[0]), (box[1] + box[3], box[0] + box[2])
    y, x = top * wanted[0] // size[0], left * wanted[1] // size[1]
    return x, y, -(-right * wanted[1] // size[1]) - x, -(-bottom * wanted[0] // size[0]) - y


def find_peak(confidence: NDArray[np.floating], found: NDArray[np.bool_]) -> Box | None:
    """Find where the confidence is highest outside the regions that were found.

    Args:
        confidence: ``[H, W]``, probability of *corrupted*.
        found: ``[H, W]``, the pixels that were found. If there are any, only pixels with a confidence above 0.5 count,
            except regions that touch what was found, which are its border.

    Returns:
        The box (x, y, width, height) around the pixel with the highest confidence and the pixels connected with it
        that have more than half of it; None if there is none.
    """
    beyond = confidence > 0
    if found.any():
        shown = confidence > 0.5
        beyond = shown & ~select_regions(shown | found, found)
    values = np.where(beyond, confidence, 0)
    surest = np.unravel_index(np.argmax(values), values.shape)
    if values[surest] == 0:
        return None
    seed = np.zeros(values.shape, np.bool_)
    seed[surest] = True
    part = select_regions(values > values[surest] / 2, seed)
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    return x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y


def surround(box: Window, size: Sequence[int], most: float = math.inf) -> Window:
    """Enlarge a box in a photo of ``size`` by its own size, at least 64 pixels and at ``most`` so many, on every side.

    >>> surround((slice(100, 300), slice(0, 10)), (350, 1000))
    (slice(0, 350, None), slice(0, 74, None))
    """
    rows, columns = (
        slice(max(0, part.start - margin), min(extent, part.stop + margin))
        for part, extent in zip(box, size, strict=True)
        for margin in [int(min(max(64, part.stop - part.start), most))]
    )
    return rows, columns


def split_mask(mask: NDArray[np.bool_], shorter: int, most: int = 16) -> list[Window]:
    """Split the True pixels of a mask into groups that are far apart, to be filled one by one.

    A photo is filled at a working size. Of a small region all pixels of its surroundings are seen, but of surroundings
    that two small regions have in common only few, and these take time and memory where nothing is filled. Boxes are
    cut in two where all rows or columns between two regions are empty (XY-cut; Nagy and Seth, "Hierarchical
    Representation of Optically Scanned Documents", ICPR 1984), the one that gains most first.

    Args:
        mask: ``[H, W]``.
        shorter: pixels of the shorter side of surroundings that are small enough as they are.
        most: number of groups, at most.

    Returns:
        Boxes, tight and disjoint, that have all True pixels in them.
    """
    if not mask.any():
        return []
    whole = _tighten(mask, (slice(0, mask.shape[0]), slice(0, mask.shape[1])))
    groups = [_Group(whole, *_find_cut(mask, whole, shorter))]
    while len(groups) < most:
        best = max(groups, key=lambda group: group.gain)
        if best.gain == 0:
            break
        groups.remove(best)
        groups += [_Group(half, *_find_cut(mask, half, shorter)) for half in best.halves]
    return sorted((group.box for group in groups), key=lambda box: (box[0].start, box[1].start))


def cut_box(mask: NDArray[np.bool_], box: Window, side: int) -> list[Window]:
    """Cut a box into parts of at most ``side`` rows and columns; parts without True pixels are left out.

    >>> cut_box(np.eye(5, dtype=bool), (slice(0, 5), slice(1, 5)), 4)
    [(slice(1, 4, None), slice(1, 4, None)), (slice(4, 5, None), slice(4, 5, None))]
    """
    parts = [
        (slice(top, min(box[0].stop, top + side)), slice(left, min(box[1].stop, left + side)))
        for top in range(box[0].start, box[0].stop, side)
        for left in range(box[1].start, box[1].stop, side)
    ]
    return [_tighten(mask, part) for part in parts if mask[part].any()]


class _Group(NamedTuple):
    """A box, and how many pixels less the surroundings of its halves have than its own if it is cut."""

    box: Window
    gain: int
    halves: tuple[Window, ...]


def _find_cut(mask: NDArray[np.bool_], box: Window, shorter: int) -> tuple[int, tuple[Window, ...]]:
    """Find the best cut of a box; return its gain and the halves, or 0 and nothing if none is worth it."""
    near = surround(box, mask.shape)
    if min(part.stop - part.start for part in near) <= shorter:
        return 0, ()
    best: tuple[int, tuple[Window, ...]] = 0, ()
    for axis in (0, 1):
        used = np.flatnonzero(mask[box].any(axis=1 - axis)) + box[axis].start
        gaps = np.diff(used)
        for i in np.argsort(-gaps, kind="stable")[:4]:
            if gaps[i] <= _LEAST_SIDE:
                break
            parts = slice(box[axis].start, int(used[i]) + 1), slice(int(used[i + 1]), box[axis].stop)
            halves = tuple(_tighten(mask, (part, box[1]) if axis == 0 else (box[0], part)) for part in parts)
            gain = _count(near) - sum(_count(surround(half, mask.shape)) for half in halves)
            if gain > max(best[0], _count(near) // 16):
                best = gain, halves
    return best


def _count(box: Window) -> int:
    return (box[0].stop - box[0].start) * (box[1].stop - box[1].start)


def _tighten(mask: NDArray[np.bool_], box: Window) -> Window:
    """Tighten a box to the True pixels in it, of which there must be some."""
    part = mask[box]
    rows, columns = (
        slice(start + int(used[0]), start + int(used[-1]) + 1)
        for start, used in (
            (box[0].start, np.flatnonzero(part.any(axis=1))),
            (box[1].start, np.flatnonzero(part.any(axis=0))),
        )
    )
    return rows, columns


def measure_softness(confidence: NDArray[np.floating], corruption_mask: NDArray[np.bool_], threshold: float) -> float:
    """Measure over which width a confidence falls off beyond the border of what was found.

    A detector is sure up to a hard edge; along a soft one, or one that lies between the pixels of its working size, it
    hesitates: what is less than sure but not unlikely is then a band, whose area per length of border is its width.

    Args:
        confidence: ``[h, w]``, at the size that the detector worked at.
        corruption_mask: ``[H, W]`` bool, what was found in the photo.
        threshold: of the confidence, for what was found.

    Returns:
        Pixels of the photo; 0 if nothing was found.
    """
    found = (confidence > threshold) & shrink_mask(corruption_mask, confidence.shape)
    eroded = cast("NDArray[np.bool_]", ndimage.binary_erosion(found, border_value=1))
    border = found & ~eroded
    if not border.any():
        return 0.0
    near = cast("NDArray[np.bool_]", ndimage.binary_dilation(found, np.ones((3, 3)), iterations=_FALLOFF))
    scale = math.sqrt(corruption_mask.size / confidence.size)
    return float(((confidence > _LIKELY) & near & ~found).sum() / border.sum() * scale)


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
        TypeError, ValueError: likewise.
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
            inner = tuple(slice(b.start - n.start, b.stop - n.start) for b, n in zip(box, near, strict=True))
            weight = _feather(mask[near], dilate, feather)[inner]
            rows, columns = np.flatnonzero(weight.any(axis=1)), np.flatnonzero(weight.any(axis=0))
            if rows.size:
                part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
                yield _locate_part(box, part), weight[part]


def intersect(one: Window, other: Window) -> Window | None:
    """Intersect two boxes: their common rows and columns; None if there are none."""
    rows, columns = (slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True))
    return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


def shift(part: Window, box: Window) -> Window:
    """Shift rows and columns of the photo to count from the corner of a box."""
    rows, columns = (slice(p.start - b.start, p.stop - b.start) for p, b in zip(part, box, strict=True))
    return rows, columns


def _locate_part(box: Window, part: Window) -> Window:
    """Part of a box, counted from its corner, as rows and columns of the photo."""
    rows, columns = (slice(int(b.start + p.start), int(b.start + p.stop)) for b, p in zip(box, part, strict=True))
    return rows, columns


def _feather(mask: NDArray[np.bool_], dilate: float, feather: float) -> NDArray[np.float32]:
    """Compute the alpha of a part, which is right for pixels whose relevant surroundings lie in the part."""
    if mask.all() or dilate + feather == 0:
        return mask.astype(np.float32)
    distance = cast("np.ndarray", ndimage.distance_transform_edt(~mask))
    weight = (distance <= dilate).astype(np.float64)
    # 1 and 0 are stated, not left to rounding: what lies beyond has to stay bit-identical to the photo.
    rim = (distance > dilate) & (distance < dilate + feather)
    weight[rim] = 0.5 + 0.5 * np.cos(np.pi * (distance[rim] - dilate) / feather)
    return weight.astype(np.float32)


SWEEPS = 10
"""Gauss-Seidel iterations at each scale of a membrane; what is left to do at a scale has a wavelength of few pixels."""

_Floats = NDArray[np.float32]
_Numbers = NDArray[np.intp]


def close_seam(image: _Floats, mask: NDArray[np.bool_], fill: _Floats) -> _Floats:
    """Do :func:`hcl_sdk.functional.compositing.close_seam` for one image: ``[C, H, W]`` and ``[H, W]``."""
    if not mask.any() or mask.all():
        return np.where(mask, fill, image)
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    box = slice(max(rows[0] - 1, 0), rows[-1] + 2), slice(max(columns[0] - 1, 0), columns[-1] + 2)
    hole = mask[box][..., None].astype(np.float32)
    inside = _add_sides(np.concatenate([fill[:, *box].transpose(1, 2, 0) * hole, hole], axis=-1))
    jump = image[:, *box].transpose(1, 2, 0) - inside[..., :-1] / np.maximum(inside[..., -1:], 1)
    closed = np.where(mask, fill, image)
    closed[:, *box] += (stretch_membrane(jump.astype(np.float32), mask[box]) * hole).transpose(2, 0, 1)
    return closed


def stretch_membrane(values: _Floats, mask: NDArray[np.bool_]) -> _Floats:
    """Continue values smoothly into a hole: the solution of Laplace's equation.

    Coarse to fine (cascadic multigrid), on the pixels of the hole alone; nothing flows through the border of the image.

    Args:
        values: ``[H, W, C]`` float32. Only those of pixels that have a side in common with the hole matter.
        mask: ``[H, W]``, True = where values are wanted; not True everywhere.

    Returns:
        ``[H, W, C]``: as ``values`` outside the mask.
    """
    hole = mask[..., None].astype(np.float32)
    border = (_add_sides(hole) > 0) * (1 - hole)  # what lies beyond it has no influence
    levels = [(np.where(mask[..., None], 0, values), mask)]
    while levels[-1][1].any():
        sums = _halve(np.concatenate([levels[-1][0] * border, border, hole], axis=-1))
        weight = sums[..., -2:-1]
        border = (weight > 0).astype(np.float32)
        hole = (sums[..., -1:] > 0) * (1 - border)
        levels.append((sums[..., :-2] / np.maximum(weight, 1), hole[..., 0] > 0))
    solved = levels[-1][0]
    for values, mask in reversed(levels[:-1]):
        width = mask.shape[1]
        flat = values.reshape(-1, values.shape[2])
        halves = _color_chessboard(mask)
        for numbers, _, _ in halves:
            flat[numbers] = solved[numbers // width // 2, numbers % width // 2]
        for _ in range(SWEEPS):
            for numbers, neighbors, inside in halves:
                total = sum(flat[near] for near in neighbors) - (4 - inside) * flat[numbers]
                flat[numbers] = total / np.maximum(inside, 1)
        solved = flat.reshape(values.shape)
    return solved


def _add_sides(image: _Floats) -> _Floats:
    """Sum the four neighbors of each pixel of ``[H, W, C]``; outside the border there are none."""
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    return padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]


def _halve(image: _Floats) -> _Floats:
    """Sum over squares of two by two."""
    height, width, channels = image.shape
    even = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)))
    return even.reshape((height + 1) // 2, 2, (width + 1) // 2, 2, channels).sum(axis=(1, 3))


def _color_chessboard(mask: NDArray[np.bool_]) -> list[tuple[_Numbers, _Numbers, _Floats]]:
    """Divide the True pixels like a chessboard into black and white ones: for either color, the indices of the pixels
    ``[P]`` and of their neighbors ``[4, P]`` (outside the image, the pixels themselves), and the number of neighbors
    inside it ``[P, 1]``.
    """
    height, width = mask.shape
    parts = []
    rows, columns = np.nonzero(mask)
    for color in (0, 1):
        chosen = (rows + columns) % 2 == color
        y, x = rows[chosen], columns[chosen]
        places = (
            (np.maximum(y - 1, 0), x),
            (np.minimum(y + 1, height - 1), x),
            (y, np.maximum(x - 1, 0)),
            (y, np.minimum(x + 1, width - 1)),
        )
        numbers = y * width + x
        neighbors = np.stack([row * width + column for row, column in places])
        parts.append((numbers, neighbors, (neighbors != numbers).sum(axis=0)[:, None].astype(np.float32)))
    return parts


redirect(__name__, {"feathered_alpha": "feather_mask", "working_size": "shrink_size"})
