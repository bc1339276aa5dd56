"""The separate regions of a mask: boxes, areas, outlines, and COCO annotations."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from hcl_sdk.functional.arrays import label_regions

if TYPE_CHECKING:
    from torch import Tensor

Ring: TypeAlias = tuple[tuple[int, int], ...]
Kinds: TypeAlias = Mapping[str, NDArray[np.floating]]
"""For each kind of damage a map ``[h, w]``, at any resolution: its probability, given that there is damage."""

_ROWS = 256
"""The number of rows of a photo that are processed together."""


@dataclass(frozen=True, kw_only=True)
class Region:
    """A connected region of a mask (pixels that touch at a side or a corner are connected).

    Two regions are equal if they have the same pixels and the same confidence.

    Attributes:
        box: (x, y, width, height) in pixels; (x, y) is the upper left pixel.
        area: number of pixels.
        confidence: the mean probability of *corrupted* over its pixels; None if none was given.
        kinds: the mean probability of each kind of damage over its pixels; None if unknown.
    """

    box: tuple[int, int, int, int]
    area: int
    confidence: float | None
    kinds: Mapping[str, float] | None = field(default=None, compare=False)
    # The pixels as runs down the columns, from left to right: (x, first y, last y + 1) each, int32. Bytes compare and
    # hash by their contents; and runs stay small, whereas boxes of pixels take any amount of memory if large regions
    # lie within each other.
    _runs: bytes = field(repr=False)

    @property
    def kind(self) -> str | None:
        """The most probable of ``kinds``; None if they are unknown."""
        return None if self.kinds is None else max(self.kinds, key=self.kinds.__getitem__)

    @property
    def outline(self) -> Ring:
        """The outer ring as (x, y) corners, clockwise as seen on a screen; traced on first access.

        Rings run along the sides of pixels, so their corners have integer coordinates: pixel (x, y) is the square from
        (x, y) to (x + 1, y + 1). The last corner is connected to the first. The region is exactly what lies inside the
        outline and in no hole. A ring may touch itself where two pixels touch only at a corner.
        """
        return self.polygons[0]

    @property
    def holes(self) -> tuple[Ring, ...]:
        """The rings of the holes, counterclockwise; traced on first access."""
        return self.polygons[1:]

    @cached_property
    def polygons(self) -> tuple[Ring, ...]:
        """The outline followed by the holes; filled by the even-odd rule, they are the region."""
        x, y, width, height = self.box
        columns, starts, stops = _unpack(self._runs)
        changes = np.zeros((height + 1, width), np.int8)
        changes[starts - y, columns - x] = 1
        changes[stops - y, columns - x] = -1
        return tuple(_trace_rings(changes.cumsum(axis=0, dtype=np.int8)[:-1] == 1, x, y))


def find_regions(corruption_mask: Tensor, confidence: Tensor | None = None, kinds: Kinds | None = None) -> list[Region]:
    """Divide a mask into its connected regions.

    Args:
        corruption_mask: ``[1, 1, H, W]`` bool, True = corrupted.
        confidence: ``[1, 1, H, W]``, probability of *corrupted*.
        kinds: the probability of each kind of damage; None if unknown.

    Returns:
        The regions, largest first, equally large ones from the upper left; empty for an empty mask.

    Raises:
        TypeError: if the mask is not bool.
        ValueError: if the mask is not ``[1, 1, H, W]``, or the confidence has another shape.

    >>> import torch
    >>> mask = torch.zeros(1, 1, 4, 5, dtype=torch.bool)
    >>> mask[..., 1:3, 2:5] = True
    >>> find_regions(mask)[0].box
    (2, 1, 3, 2)
    """
    mask = _take_mask(corruption_mask)
    if confidence is not None and confidence.shape != corruption_mask.shape:
        raise ValueError(
            f"confidence must be of the mask's shape {list(corruption_mask.shape)}; got {list(confidence.shape)}"
        )
    labels, areas = label_regions(mask)
    count = len(areas)
    if count == 0:
        return []
    label = labels[mask]
    means: list[float | None] = [None] * count
    if confidence is not None:
        values = confidence[0, 0].detach().to("cpu").numpy()[mask].astype(np.float64)
        means = (np.bincount(label, values, minlength=count + 1)[1:] / areas).tolist()
    of_kinds = None if kinds is None else _average_kinds(labels, areas, kinds)
    runs, first = _find_column_runs(labels)
    regions = []
    for i, (rows, columns) in enumerate(ndimage.find_objects(labels)):
        regions.append(
            Region(
                box=(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start),
                area=int(areas[i]),
                confidence=means[i],
                kinds=None if of_kinds is None else dict(zip(kinds or (), of_kinds[i].tolist(), strict=True)),
                _runs=runs[first[i] : first[i + 1]].tobytes(),
            )
        )
    return sorted(regions, key=lambda region: -region.area)


def select_kinds(
    corruption_mask: Tensor,
    kinds: Kinds,
    *,
    only: Collection[str] = (),
    skip: Collection[str] = (),
) -> Tensor:
    """Select the regions of a mask that are of certain kinds.

    Args:
        corruption_mask: ``[1, 1, H, W]`` bool, True = corrupted.
        kinds: the probability of each kind of damage.
        only: keep only regions whose most probable kind is one of these; empty for all kinds.
        skip: drop regions whose most probable kind is one of these.

    Returns:
        ``[1, 1, H, W]`` bool, True = corrupted.
    """
    import torch

    labels, areas = label_regions(_take_mask(corruption_mask))
    names = np.array(list(kinds))[_average_kinds(labels, areas, kinds).argmax(axis=1)]
    stays = ~np.isin(names, list(skip)) & (np.isin(names, list(only)) | (not only))
    return torch.from_numpy(np.concatenate(([False], stays))[labels])[None, None].to(corruption_mask.device)


def map_kinds(corruption_mask: Tensor, kinds: Kinds) -> NDArray[np.uint8]:
    """Map each pixel of a mask to the kind of its region.

    Args:
        corruption_mask: ``[1, 1, H, W]`` bool, True = corrupted.
        kinds: the probability of each kind of damage.

    Returns:
        ``[H, W]`` uint8: 0 outside the mask, otherwise the position of the kind in ``kinds``, counted from 1.
    """
    labels, areas = label_regions(_take_mask(corruption_mask))
    places = _average_kinds(labels, areas, kinds).argmax(axis=1) + 1
    return np.concatenate(([0], places)).astype(np.uint8)[labels]


def _take_mask(corruption_mask: Tensor) -> NDArray[np.bool_]:
    from hcl_sdk.functional.masks import check_mask

    check_mask(corruption_mask)
    if corruption_mask.shape[0] != 1:
        raise ValueError(f"corruption_mask must be [1, 1, H, W]; got shape {tuple(corruption_mask.shape)}")
    return corruption_mask[0, 0].cpu().numpy()


def _average_kinds(labels: NDArray[np.int32], areas: NDArray[np.int64], kinds: Kinds) -> NDArray[np.float64]:
    """Average the probability of each kind over each region, ``[regions, kinds]``; maps are enlarged by repetition."""
    height, width = labels.shape
    sums = np.zeros((len(areas), len(kinds)))
    for top in range(0, height, _ROWS):  # arrays as large as the photo would take too much memory
        rows, columns = np.nonzero(labels[top : top + _ROWS])
        label = labels[top + rows, columns] - 1
        for k, probability in enumerate(kinds.values()):
            own_height, own_width = probability.shape
            values = probability[(top + rows) * own_height // height, columns * own_width // width]
            sums[:, k] += np.bincount(label, values, minlength=len(areas))
    return sums / areas[:, None]


def to_coco(
    regions: Sequence[Region], *, file_name: str, size: tuple[int, int], image_id: int = 1
) -> dict[str, list[dict[str, Any]]]:
    """Convert the regions of one photo to a COCO dataset (object detection format).

    Segmentations are uncompressed run lengths (column by column, beginning with the pixels *outside* the region),
    because COCO's polygons cannot have holes and are rasterized differently by different readers; pycocotools also
    reads run lengths of annotations with ``iscrowd`` 0.

    Args:
        regions: the regions of the photo, from `find_regions`.
        file_name: the name of the photo in the annotations.
        size: (height, width) of the photo.
        image_id: the photo's number in the dataset.

    Returns:
        A dictionary with ``images``, ``annotations`` and ``categories``, ready for ``json.dump``. The category of a
        region is its kind, or "corrupted" if it is unknown. If they are known, the confidence of a region is its
        annotation's ``score``, and the probabilities of its kinds are the ``attributes``.

    Raises:
        ValueError: if a region does not lie inside ``size``.
    """
    height, width = size
    kinds = next((list(region.kinds) for region in regions if region.kinds is not None), [])
    numbers = {name: number for number, name in enumerate(("corrupted", *kinds), start=1)}
    annotations = []
    for i, region in enumerate(regions, start=1):
        x, y, w, h = region.box
        if x + w > width or y + h > height:
            raise ValueError(f"a region reaches to ({x + w}, {y + h}), beyond the photo of {width} x {height} pixels")
        annotation: dict[str, Any] = {
            "id": i,
            "image_id": image_id,
            "category_id": numbers[region.kind or "corrupted"],
            "bbox": list(region.box),
            "area": region.area,
            "segmentation": {"size": [height, width], "counts": _encode_run_lengths(region, height, width)},
            "iscrowd": 0,
        }
        if region.confidence is not None:
            annotation["score"] = region.confidence
        if region.kinds is not None:
            annotation["attributes"] = dict(region.kinds)
        annotations.append(annotation)
    return {
        "images": [{"id": image_id, "file_name": file_name, "width": width, "height": height}],
        "annotations": annotations,
        "categories": [
            {"id": number, "name": name, "supercategory": "" if name == "corrupted" else "corrupted"}
            for name, number in numbers.items()
        ],
    }


def _find_column_runs(labels: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Find the regions' runs down the columns, ``[N, 3]``, by region, and the index of each region's first run."""
    edges = np.diff(np.pad(labels.T > 0, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    x, start = np.nonzero(edges == 1)
    _, stop = np.nonzero(edges == -1)
    label = labels[start, x]
    order = np.argsort(label, kind="stable")
    return np.stack((x, start, stop), axis=1).astype(np.int32)[order], np.cumsum(np.bincount(label)).tolist()


def _unpack(runs: bytes) -> np.ndarray:
    return np.frombuffer(runs, np.int32).reshape(-1, 3).T


def _encode_run_lengths(region: Region, height: int, width: int) -> list[int]:
    """Encode a region as COCO's uncompressed run lengths: column by column, beginning with the pixels outside it."""
    columns, starts, stops = _unpack(region._runs).astype(np.int64)
    changes = np.stack((columns * height + starts, columns * height + stops), axis=1).ravel()
    # A run that ends with its column and one that begins the next are a single run: their two changes cancel.
    kept = changes < height * width
    kept[1:] &= changes[1:] != changes[:-1]
    kept[:-1] &= changes[:-1] != changes[1:]
    return np.diff(changes[kept], prepend=0, append=height * width).tolist()


# Directions of travel along the sides of pixels, in the order of left turns backwards: a left turn is -1, modulo 4.
_EAST, _SOUTH, _WEST, _NORTH = range(4)


def _trace_rings(mask: np.ndarray, x: int, y: int) -> list[Ring]:
    """Trace all boundaries of one connected region whose box begins at (x, y): the outline first, then the holes.

    The region lies to the right of the direction of travel, so outlines run clockwise and holes counterclockwise. Sides
    are joined into straight runs, and each run is linked to the one that continues at its end; where four runs meet
    (pixels that touch at a corner), the left one continues, which keeps both pixels in one ring.
    """
    grid = np.pad(mask, 1)
    above, below = grid[:-1, 1:-1], grid[1:, 1:-1]
    left, right = grid[1:-1, :-1], grid[1:-1, 1:]
    east, west = _find_straight_runs(below & ~above, _EAST), _find_straight_runs(above & ~below, _WEST)
    south, north = _find_straight_runs((left & ~right).T, _SOUTH), _find_straight_runs((right & ~left).T, _NORTH)
    start_x, start_y, end_x, end_y, direction = (
        np.concatenate(parts) for parts in zip(east, south, west, north, strict=True)
    )

    stride = mask.shape[1] + 1
    key = (start_y * stride + start_x) * 4 + direction
    order = np.argsort(key)
    end = (end_y * stride + end_x) * 4
    wanted_left, wanted_right = end + (direction - 1) % 4, end + (direction + 1) % 4
    at = np.searchsorted(key, wanted_left, sorter=order).clip(max=key.size - 1)
    goes_left = key[order[at]] == wanted_left
    after = np.where(goes_left, order[at], order[np.searchsorted(key, wanted_right, sorter=order) % key.size]).tolist()

    corners = list(zip((start_x + x).tolist(), (start_y + y).tolist(), strict=True))
    rings, seen = [], bytearray(len(corners))
    for first in range(len(corners)):  # the very first runs east along the top of the box, so it belongs to the outline
        ring, run = [], first
        while not seen[run]:
            seen[run] = 1
            ring.append(corners[run])
            run = after[run]
        if ring:
            rings.append(tuple(ring))
    return rings


def _find_straight_runs(sides: np.ndarray, direction: int) -> tuple[np.ndarray, ...]:
    """Find straight runs of sides along the rows of ``sides``: starts and ends (x, y), and directions.

    South and north are passed as transposed arrays.
    """
    edges = np.diff(np.pad(sides, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    line, low = np.nonzero(edges == 1)
    _, high = np.nonzero(edges == -1)
    start, end = (low, high) if direction in (_EAST, _SOUTH) else (high, low)
    directions = np.full(line.shape, direction)
    if direction in (_EAST, _WEST):
        return start, line, end, line, directions
    return line, start, line, end, directions
