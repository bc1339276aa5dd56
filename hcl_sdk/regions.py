"""The separate regions of a mask: boxes, areas, outlines, and COCO annotations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

Ring: TypeAlias = tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Region:
    """One connected region of a mask (pixels that touch at a side or a corner belong together).

    Rings run along the sides of the pixels, so their corners have whole coordinates: pixel (x, y) is the square from
    (x, y) to (x + 1, y + 1). The last corner joins the first. What lies inside the outline and in no hole is the
    region, exactly. A ring may touch itself where two pixels touch at a corner only.

    Attributes:
        box: (x, y, width, height) in pixels; (x, y) is the upper left pixel.
        area: number of pixels.
        confidence: the mean probability of *corrupted* over its pixels; None if none was given.
        outline: the outer ring as (x, y) corners, clockwise as seen on a screen.
        holes: the rings of its holes, counterclockwise.
    """

    box: tuple[int, int, int, int]
    area: int
    confidence: float | None
    outline: Ring
    holes: tuple[Ring, ...]

    @property
    def polygons(self) -> tuple[Ring, ...]:
        """The outline and then the holes; filled by the even-odd rule they are the region."""
        return (self.outline, *self.holes)


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

    >>> mask = torch.zeros(1, 1, 4, 5, dtype=torch.bool)
    >>> mask[..., 1:3, 2:5] = True
    >>> find_regions(mask)[0].box
    (2, 1, 3, 2)
    """
    if corruption_mask.dtype != torch.bool:
        raise TypeError(f"corruption_mask must be a bool tensor, True = corrupted; got {corruption_mask.dtype}")
    if corruption_mask.ndim != 4 or corruption_mask.shape[:2] != (1, 1):
        raise ValueError(f"corruption_mask must be [1, 1, H, W]; got shape {list(corruption_mask.shape)}")
    if confidence is not None and confidence.shape != corruption_mask.shape:
        raise ValueError(
            f"confidence must be of the mask's shape {list(corruption_mask.shape)}; got {list(confidence.shape)}"
        )
    mask = corruption_mask[0, 0].cpu().numpy()
    labels = np.zeros(mask.shape, np.int32)
    count = int(ndimage.label(mask, structure=np.ones((3, 3)), output=labels))  # pyright: ignore[reportArgumentType]
    if count == 0:
        return []
    areas = np.bincount(labels[mask], minlength=count + 1)[1:]
    means: list[float | None] = [None] * count
    if confidence is not None:
        values = confidence[0, 0].detach().to("cpu", torch.float64).numpy()
        means = (np.bincount(labels[mask], values[mask], minlength=count + 1)[1:] / areas).tolist()
    outlines: list[Ring] = [()] * count
    holes: list[list[Ring]] = [[] for _ in range(count)]
    for ring, label, clockwise in _rings(labels):
        if clockwise:
            outlines[label - 1] = ring
        else:
            holes[label - 1].append(ring)
    regions = []
    for i, box in enumerate(ndimage.find_objects(labels)):
        rows, columns = box
        regions.append(
            Region(
                box=(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start),
                area=int(areas[i]),
                confidence=means[i],
                outline=outlines[i],
                holes=tuple(holes[i]),
            )
        )
    return sorted(regions, key=lambda region: -region.area)


def to_coco(
    regions: Sequence[Region], *, file_name: str, size: tuple[int, int], image_id: int = 1
) -> dict[str, list[dict[str, Any]]]:
    """The regions of one picture as a COCO data set (object detection format).

    Segmentations are uncompressed run lengths (column by column, beginning with what is *not* the region), because
    COCO's polygons cannot have holes and are rasterized differently by different readers; pycocotools reads run
    lengths of annotations with ``iscrowd`` 0 too.

    Args:
        regions: of the picture, from `find_regions`.
        file_name: the picture's, as the annotations are to name it.
        size: (height, width) of the picture.
        image_id: the picture's number in the data set.

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
            raise ValueError(f"a region reaches to ({x + w}, {y + h}), beyond the picture of {width} x {height} pixels")
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


# Directions of travel along the sides of pixels, in the order of left turns backwards: a left turn is -1, modulo 4.
_EAST, _SOUTH, _WEST, _NORTH = range(4)


def _rings(labels: np.ndarray) -> list[tuple[Ring, int, bool]]:
    """All boundaries of the labeled regions: their corners, the region's label, and whether they run clockwise.

    The region lies to the right of the direction of travel, so outlines run clockwise and holes counterclockwise. Sides
    are gathered into straight runs and every run knows the one that goes on from its end; where four runs meet (pixels
    that touch at a corner) the left one goes on, which keeps the two pixels in one ring.
    """
    grid = np.pad(labels, 1)
    above, below = grid[:-1, 1:-1], grid[1:, 1:-1]
    left, right = grid[1:-1, :-1], grid[1:-1, 1:]
    east = _runs((below > 0) & (above == 0), below, _EAST)
    west = _runs((above > 0) & (below == 0), above, _WEST)
    south = _runs(((left > 0) & (right == 0)).T, left.T, _SOUTH)
    north = _runs(((right > 0) & (left == 0)).T, right.T, _NORTH)
    start_x, start_y, end_x, end_y, direction, label = (
        np.concatenate(parts) for parts in zip(east, south, west, north, strict=True)
    )

    stride = labels.shape[1] + 1
    key = (start_y * stride + start_x) * 4 + direction
    order = np.argsort(key)
    end = (end_y * stride + end_x) * 4
    wanted_left, wanted_right = end + (direction - 1) % 4, end + (direction + 1) % 4
    at = np.searchsorted(key, wanted_left, sorter=order).clip(max=key.size - 1)
    goes_left = key[order[at]] == wanted_left
    after = np.where(goes_left, order[at], order[np.searchsorted(key, wanted_right, sorter=order) % key.size]).tolist()

    corners = list(zip(start_x.tolist(), start_y.tolist(), strict=True))
    rings, seen = [], bytearray(len(corners))
    for first in range(len(corners)):
        ring, run = [], first
        while not seen[run]:
            seen[run] = 1
            ring.append(corners[run])
            run = after[run]
        if ring:
            twice_area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True))
            rings.append((tuple(ring), int(label[first]), twice_area > 0))
    return rings


def _runs(sides: np.ndarray, labels: np.ndarray, direction: int) -> tuple[np.ndarray, ...]:
    """Straight runs of sides along the rows of ``sides``: starts and ends (x, y), directions and labels.

    South and north hand in transposed arrays.
    """
    edges = np.diff(np.pad(sides, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    line, low = np.nonzero(edges == 1)
    _, high = np.nonzero(edges == -1)
    label = labels[line, low]
    start, end = (low, high) if direction in (_EAST, _SOUTH) else (high, low)
    directions = np.full(line.shape, direction)
    if direction in (_EAST, _WEST):
        return start, line, end, line, directions, label
    return line, start, line, end, directions, label


def _run_lengths(region: Region, height: int, width: int) -> list[int]:
    """COCO's uncompressed run lengths of a region: column by column, beginning with the pixels outside it."""
    x, y, w, h = region.box
    # A pixel is inside if an odd number of horizontal sides lies above it in its column.
    crossed = np.zeros((h + 1, w), bool)
    for ring in region.polygons:
        for (x0, y0), (x1, y1) in zip(ring, (*ring[1:], ring[0]), strict=True):
            if y0 == y1:
                crossed[y0 - y, min(x0, x1) - x : max(x0, x1) - x] ^= True
    columns, rows = np.nonzero(crossed.T)
    changes = (columns + x) * height + rows + y
    # A run that ends with its column and one that begins the next are one: their two changes cancel.
    values, counts = np.unique(changes, return_counts=True)
    changes = values[(counts % 2 == 1) & (values < height * width)]
    return np.diff(changes, prepend=0, append=height * width).tolist()
