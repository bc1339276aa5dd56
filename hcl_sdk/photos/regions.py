"""The separate regions of a mask: boxes, areas, outlines, and COCO annotations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from torch import Tensor

Ring: TypeAlias = tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Region:
    """One connected region of a mask (pixels that touch at a side or a corner belong together).

    Two regions are equal if they have the same pixels and the same confidence.

    Attributes:
        box: (x, y, width, height) in pixels; (x, y) is the upper left pixel.
        area: number of pixels.
        confidence: the mean probability of *corrupted* over its pixels; None if none was given.
    """

    box: tuple[int, int, int, int]
    area: int
    confidence: float | None
    # The pixels as runs down the columns, from left to right: (x, first y, last y + 1) each, int32. Bytes, because they
    # compare and hash as what they hold; and runs, because boxes of pixels would take any amount of memory where large
    # regions lie within each other.
    _runs: bytes = field(repr=False)

    @property
    def outline(self) -> Ring:
        """The outer ring as (x, y) corners, clockwise as seen on a screen; traced when first asked for.

        Rings run along the sides of the pixels, so their corners have whole coordinates: pixel (x, y) is the square
        from (x, y) to (x + 1, y + 1). The last corner joins the first. What lies inside the outline and in no hole is
        the region, exactly. A ring may touch itself where two pixels touch at a corner only.
        """
        return self.polygons[0]

    @property
    def holes(self) -> tuple[Ring, ...]:
        """The rings of the holes, counterclockwise; traced when first asked for."""
        return self.polygons[1:]

    @cached_property
    def polygons(self) -> tuple[Ring, ...]:
        """The outline and then the holes; filled by the even-odd rule they are the region."""
        x, y, width, height = self.box
        columns, starts, stops = _unpacked(self._runs)
        changes = np.zeros((height + 1, width), np.int8)
        changes[starts - y, columns - x] = 1
        changes[stops - y, columns - x] = -1
        return tuple(_rings(changes.cumsum(axis=0, dtype=np.int8)[:-1] == 1, x, y))


def find_regions(corruption_mask: Tensor, confidence: Tensor | None = None) -> list[Region]:
    """Take a mask apart into its connected regions.

    Args:
        corruption_mask: ``[1, 1, H, W]`` bool, True = corrupted.
        confidence: ``[1, 1, H, W]`` probability of *corrupted*.

    Returns:
        The regions, the largest first, of equal ones the upper left first; empty for an empty mask.

    Raises:
        TypeError: if the mask is not bool.
        ValueError: if the mask is not ``[1, 1, H, W]`` or the confidence has another shape.

    >>> import torch
    >>> mask = torch.zeros(1, 1, 4, 5, dtype=torch.bool)
    >>> mask[..., 1:3, 2:5] = True
    >>> find_regions(mask)[0].box
    (2, 1, 3, 2)
    """
    import torch

    from hcl_sdk.functional.masks import check_mask

    check_mask(corruption_mask)
    if corruption_mask.shape[0] != 1:
        raise ValueError(f"corruption_mask must be [1, 1, H, W]; got shape {tuple(corruption_mask.shape)}")
    if confidence is not None and confidence.shape != corruption_mask.shape:
        raise ValueError(
            f"confidence must be of the mask's shape {list(corruption_mask.shape)}; got {list(confidence.shape)}"
        )
    mask = corruption_mask[0, 0].cpu().numpy()
    labels = np.zeros(mask.shape, np.int32)
    count = int(ndimage.label(mask, structure=np.ones((3, 3)), output=labels))  # pyright: ignore[reportArgumentType]
    if count == 0:
        return []
    label = labels[mask]
    areas = np.bincount(label, minlength=count + 1)[1:]
    means: list[float | None] = [None] * count
    if confidence is not None:
        values = confidence[0, 0].detach().to("cpu", torch.float64).numpy()
        means = (np.bincount(label, values[mask], minlength=count + 1)[1:] / areas).tolist()
    runs, first = _column_runs(labels)
    regions = []
    for i, (rows, columns) in enumerate(ndimage.find_objects(labels)):
        regions.append(
            Region(
                box=(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start),
                area=int(areas[i]),
                confidence=means[i],
                _runs=runs[first[i] : first[i + 1]].tobytes(),
            )
        )
    return sorted(regions, key=lambda region: -region.area)


def to_coco(
    regions: Sequence[Region], *, file_name: str, size: tuple[int, int], image_id: int = 1
) -> dict[str, list[dict[str, Any]]]:
    """The regions of one photo as a COCO data set (object detection format).

    Segmentations are uncompressed run lengths (column by column, beginning with what is *not* the region), because
    COCO's polygons cannot have holes and are rasterized differently by different readers; pycocotools reads run
    lengths of annotations with ``iscrowd`` 0 too.

    Args:
        regions: of the photo, from `find_regions`.
        file_name: the photo's, as the annotations are to name it.
        size: (height, width) of the photo.
        image_id: the photo's number in the data set.

    Returns:
        A dictionary with ``images``, ``annotations`` and ``categories``, ready for ``json.dump``. The one category is
        "corrupted"; annotations of regions with a confidence have it as ``score``.

    Raises:
        ValueError: if a region does not lie inside ``size``.
    """
    height, width = size
    annotations = []
    for i, region in enumerate(regions, start=1):
        x, y, w, h = region.box
        if x + w > width or y + h > height:
            raise ValueError(f"a region reaches to ({x + w}, {y + h}), beyond the photo of {width} x {height} pixels")
        annotation: dict[str, Any] = {
            "id": i,
            "image_id": image_id,
            "category_id": 1,
            "bbox": list(region.box),
            "area": region.area,
            "segmentation": {"size": [height, width], "counts": _run_lengths(region, height, width)},
            "iscrowd": 0,
        }
        if region.confidence is not None:
            annotation["score"] = region.confidence
        annotations.append(annotation)
    return {
        "images": [{"id": image_id, "file_name": file_name, "width": width, "height": height}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "corrupted", "supercategory": ""}],
    }


def _column_runs(labels: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """The regions' runs down the columns, ``[N, 3]``, region by region, and where in them each region begins."""
    edges = np.diff(np.pad(labels.T > 0, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    x, start = np.nonzero(edges == 1)
    _, stop = np.nonzero(edges == -1)
    label = labels[start, x]
    order = np.argsort(label, kind="stable")
    return np.stack((x, start, stop), axis=1).astype(np.int32)[order], np.cumsum(np.bincount(label)).tolist()


def _unpacked(runs: bytes) -> np.ndarray:
    return np.frombuffer(runs, np.int32).reshape(-1, 3).T


def _run_lengths(region: Region, height: int, width: int) -> list[int]:
    """COCO's uncompressed run lengths of a region: column by column, beginning with the pixels outside it."""
    columns, starts, stops = _unpacked(region._runs).astype(np.int64)
    changes = np.stack((columns * height + starts, columns * height + stops), axis=1).ravel()
    # A run that ends with its column and one that begins the next are one: their two changes cancel.
    kept = changes < height * width
    kept[1:] &= changes[1:] != changes[:-1]
    kept[:-1] &= changes[:-1] != changes[1:]
    return np.diff(changes[kept], prepend=0, append=height * width).tolist()


# Directions of travel along the sides of pixels, in the order of left turns backwards: a left turn is -1, modulo 4.
_EAST, _SOUTH, _WEST, _NORTH = range(4)


def _rings(mask: np.ndarray, x: int, y: int) -> list[Ring]:
    """The corners of all boundaries of one connected region whose box begins at (x, y): the outline, then the holes.

    The region lies to the right of the direction of travel, so outlines run clockwise and holes counterclockwise. Sides
    are gathered into straight runs and every run knows the one that goes on from its end; where four runs meet (pixels
    that touch at a corner) the left one goes on, which keeps the two pixels in one ring.
    """
    grid = np.pad(mask, 1)
    above, below = grid[:-1, 1:-1], grid[1:, 1:-1]
    left, right = grid[1:-1, :-1], grid[1:-1, 1:]
    east, west = _straight(below & ~above, _EAST), _straight(above & ~below, _WEST)
    south, north = _straight((left & ~right).T, _SOUTH), _straight((right & ~left).T, _NORTH)
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
    for first in range(len(corners)):  # the very first goes east along the top of the box: part of the outline
        ring, run = [], first
        while not seen[run]:
            seen[run] = 1
            ring.append(corners[run])
            run = after[run]
        if ring:
            rings.append(tuple(ring))
    return rings


def _straight(sides: np.ndarray, direction: int) -> tuple[np.ndarray, ...]:
    """Straight runs of sides along the rows of ``sides``: starts and ends (x, y), and directions.

    South and north hand in transposed arrays.
    """
    edges = np.diff(np.pad(sides, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    line, low = np.nonzero(edges == 1)
    _, high = np.nonzero(edges == -1)
    start, end = (low, high) if direction in (_EAST, _SOUTH) else (high, low)
    directions = np.full(line.shape, direction)
    if direction in (_EAST, _WEST):
        return start, line, end, line, directions
    return line, start, line, end, directions
