"""One photo of a visitor: what was found in it, how the visitor corrected that, and the result."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from pathlib import Path

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from hcl_sdk import Photo, PhotoError, Pipeline, Result, Suspect
from hcl_sdk.functional.arrays import label_regions
from hcl_sdk.interfaces import DAMAGE
from hcl_sdk.photos.read import read_megapixels

Mask = NDArray[np.bool_]
Box = tuple[int, int, int, int]

PREVIEW = 1024
"""The longer side of the images that the browser shows, in pixels."""

_IN_PIECES = "text", "graphic"
"""Kinds of damage whose pieces belong together: the letters of a caption, the parts of a logo."""
_REACH = 0.05
"""How far apart such pieces may be, as a share of the photo's shorter side; the words of a caption are closer."""


@attrs.frozen(kw_only=True)
class Adjustments:
    """Values of the sliders.

    Attributes:
        sensitivity, feather, texture: as in a pipeline.
        dilate: likewise; None for what the weights and the edges of the damage determine.
        least_area: regions of fewer pixels are left alone.
    """

    sensitivity: float = 0.5
    dilate: float | None = None
    feather: float = 0.0
    texture: float = 0.0
    least_area: int = 0

    @property
    def filling(self) -> dict[str, float | None]:
        """The settings that affect how a mask is filled."""
        return {"dilate": self.dilate, "feather": self.feather, "texture": self.texture}


@attrs.frozen(kw_only=True)
class Spot:
    """One region of the mask: a connected one, or pieces of one kind that lie close together.

    Attributes:
        label: its number in `Selection.labels`.
        box: (x, y, width, height).
        area: area in pixels.
        kind: kind of damage, according to the detector; empty if it does not know kinds.
        is_filled: whether it is to be filled; otherwise it is left alone.
    """

    label: int
    box: Box
    area: int
    kind: str
    is_filled: bool


@attrs.frozen(kw_only=True, eq=False)
class Selection:
    """The regions that were found or painted.

    Attributes:
        labels: ``[H, W]``, the number of the region that a pixel belongs to, or 0.
        spots: the regions, largest first.
    """

    labels: NDArray[np.int32]
    spots: tuple[Spot, ...]

    @property
    def mask(self) -> Mask:
        """The pixels to be filled, ``[H, W]``."""
        return self._mark(spot.label for spot in self.spots if spot.is_filled)

    @property
    def left(self) -> Mask:
        """The pixels that were found and are to be left alone, ``[H, W]``."""
        return self._mark(spot.label for spot in self.spots if not spot.is_filled)

    def find_spot(self, x: int, y: int, reach: int) -> Spot | None:
        """Return the region at a pixel, or else the nearest within ``reach`` pixels: thin regions are hard to hit."""
        top, left = max(0, y - reach), max(0, x - reach)
        near = self.labels[top : y + reach + 1, left : x + reach + 1]
        rows, columns = np.nonzero(near)
        if rows.size == 0:
            return None
        nearest = np.argmin((rows + top - y) ** 2 + (columns + left - x) ** 2)
        label = near[rows[nearest], columns[nearest]]
        return next(spot for spot in self.spots if spot.label == label)

    def _mark(self, labels: Iterable[int]) -> Mask:
        marked = np.zeros(len(self.spots) + 1, bool)
        marked[list(labels)] = True
        return marked[self.labels]


class Work:
    """One photo, and the mask that detector and visitor make together.

    Attributes:
        photo: as it was uploaded.
        name: its file name.
        preview: RGB ``[h, w, 3]``, as the browser shows it.
        confidence: the detector's confidence, ``[1, 1, H, W]``; None before it has run.
        found: the detector's result; None before it has run.
        kinds: ``[k, h, w]``, the probability of each kind of damage at the detector's resolution; None if the detector
            does not know kinds.
        added, erased: what the visitor painted, ``[H, W]``; wins over what was found, and erased wins over added.
        left: pixels of regions that the visitor wants left alone, ``[H, W]``.
        box: (x, y, width, height) that the search is limited to; None for the whole photo.
        corner: (x, y) of the first of the two taps that make a box.
        result: the result of the latest restoration.
        filled_with: the settings that it was filled with.
        files: files of the latest restoration, to download: "restored", "mask", "coco".
    """

    def __init__(self, photo: Photo, name: str) -> None:
        self.photo, self.name = photo, name
        height, width = photo.size
        self.preview = _fit(photo)
        self.confidence: torch.Tensor | None = None
        self.found: Result | None = None
        self.kinds: NDArray[np.float32] | None = None
        self.added: Mask = np.zeros((height, width), bool)
        self.erased: Mask = np.zeros((height, width), bool)
        self.left: Mask = np.zeros((height, width), bool)
        self.box: Box | None = None
        self.corner: tuple[int, int] | None = None
        self._before = self.added, self.erased
        self.result: Result | None = None
        self.filled_with: dict[str, float | None] = {}
        self.files: dict[str, Path] = {}

    @classmethod
    def open(cls, path: Path, megapixels: int) -> Work:
        """Read an uploaded photo.

        Raises:
            PhotoError: if it cannot be read, or has more pixels than are allowed.
        """
        try:
            found = read_megapixels(path, path.name, max_megapixels=math.inf)
        except PhotoError:  # Photo.open explains better what is wrong with it
            found = 0.0
        if found > megapixels:
            raise PhotoError(f"a photo of {found:.0f} megapixels; this page takes up to {megapixels}", name=path.name)
        try:
            return cls(Photo.open(path), path.name)
        except PhotoError as error:  # its message begins with a path that visitors need not see
            raise PhotoError(str(error).removeprefix(f"{path}: "), name=path.name) from error

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.photo.size

    @property
    def scale(self) -> float:
        """Pixels of the preview per pixel of the photo."""
        return self.preview.shape[1] / self.size[1]

    def find(self, pipeline: Pipeline) -> None:
        """Run the detector."""
        self.found = result = pipeline.detect(self.photo)
        self.confidence = result.confidence
        logits = None if result.detection is None else result.detection.damage_logits
        self.kinds = None if logits is None else logits[0].float().softmax(dim=0).cpu().numpy()

    def select(self, pipeline: Pipeline, adjustments: Adjustments) -> Selection:
        """Compute the regions that were found or painted, and which of them are to be filled."""
        found = np.zeros(self.size, bool)
        if self.confidence is not None:
            found = pipeline.to_mask(self.confidence, sensitivity=adjustments.sensitivity)[0, 0].numpy().copy()
        if self.box is not None:
            x, y, width, height = self.box
            inside = np.zeros_like(found)
            inside[y : y + height, x : x + width] = True
            found &= inside
        if adjustments.least_area > 1:
            labels, areas = label_regions(found)
            found &= np.append(0, areas)[labels] >= adjustments.least_area
        labels, _ = label_regions((found | self.added) & ~self.erased)
        kinds = self._name_kinds(labels)
        labels, kinds = _join(labels, kinds, round(_REACH * min(self.size)))
        areas = np.bincount(labels.ravel(), minlength=len(kinds) + 1)[1:]
        left = np.bincount(labels[self.left], minlength=areas.size + 1)[1:]
        boxes = ndimage.find_objects(labels)
        spots = [
            Spot(
                label=i + 1,
                box=(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start),
                area=int(areas[i]),
                kind=kinds[i],
                # Left alone while at least half of it is: at a higher sensitivity it may have grown a little.
                is_filled=bool(2 * left[i] < areas[i]),
            )
            for i, (rows, columns) in enumerate(boxes)
        ]
        return Selection(labels=labels, spots=tuple(sorted(spots, key=lambda spot: -spot.area)))

    def measure_growth(self, pipeline: Pipeline, adjustments: Adjustments, mask: Mask) -> float:
        """Measure by how many pixels of the photo a mask ``[H, W]`` grows before it is filled."""
        if adjustments.dilate is not None:
            return adjustments.dilate
        if self.found is None:
            return pipeline.dilate
        tensor = torch.from_numpy(mask)[None, None]
        return pipeline.measure_growth(self.found, corruption_mask=tensor, sensitivity=adjustments.sensitivity)

    def find_suspect(self, pipeline: Pipeline, adjustments: Adjustments) -> Suspect | None:
        """Find the most suspicious part of a photo in which nothing was found at this sensitivity.

        Returns:
            The part; None if a higher sensitivity alone would not mark it: the search is limited to a box, or the
            visitor has erased something, or it is too small.
        """
        if self.found is None or self.box is not None or self.erased.any():
            return None
        nothing = replace(self.found, corruption_mask=torch.zeros_like(self.found.corruption_mask))
        suspect = pipeline.find_suspect(nothing)
        return suspect if suspect is not None and suspect.sensitivity > adjustments.sensitivity else None

    def fill(self, selection: Selection, labels: Collection[int]) -> None:
        """Fill the regions with these labels, and leave the others alone."""
        self.left &= selection.labels == 0
        self.left |= (selection.labels > 0) & ~np.isin(selection.labels, list(labels))

    def limit(self, x: int, y: int) -> bool:
        """Take a corner of the box that the search is limited to; return whether it was the second."""
        if self.corner is None:
            self.corner = (x, y)
            return False
        (left, right), (top, bottom) = (sorted((self.corner[0], x)), sorted((self.corner[1], y)))
        self.box, self.corner = (left, top, right - left + 1, bottom - top + 1), None
        return True

    def _name_kinds(self, labels: NDArray[np.int32]) -> list[str]:
        """Name the most probable kind of each region, in the order of labels; empty if kinds are not known."""
        count = int(labels.max(initial=0))
        if self.kinds is None or count == 0:
            return [""] * count
        rows, columns = np.nonzero(labels)
        height, width = labels.shape
        of = labels[rows, columns]
        small = self.kinds[:, rows * self.kinds.shape[1] // height, columns * self.kinds.shape[2] // width]
        sums = np.stack([np.bincount(of, weights=own, minlength=count + 1)[1:] for own in small])
        return [DAMAGE[number] for number in sums.argmax(axis=0)]

    def begin_strokes(self) -> None:
        """Keep what was painted so far; what is painted from now on is replaced as a whole by `set_strokes`."""
        self._before = self.added.copy(), self.erased.copy()

    def set_strokes(self, fill: Mask, leave: Mask) -> None:
        """Set what has been painted since `begin_strokes`, ``[H, W]`` each; it wins over earlier strokes."""
        added, erased = self._before
        self.added, self.erased = (added | fill) & ~leave, (erased | leave) & ~fill

    def restore(self, pipeline: Pipeline, adjustments: Adjustments, folder: Path) -> None:
        """Fill the mask and write the files to download into a folder."""
        self.write(pipeline, adjustments, folder, restoring=True)

    def write(self, pipeline: Pipeline, adjustments: Adjustments, folder: Path, *, restoring: bool) -> None:
        """Write the mask and its regions into a folder; with ``restoring``, also fill the photo and write it.

        Raises:
            ValueError: if an adjustment is out of its range.
        """
        mask = self.select(pipeline, adjustments).mask
        if restoring:
            filling = adjustments.filling | {"dilate": self.measure_growth(pipeline, adjustments, mask)}
            result = pipeline.restore(self.photo, corruption_mask=mask, **filling)
        else:
            tensor = torch.from_numpy(mask)[None, None]
            result = Result(photo=self.photo, corruption_mask=tensor)
        result = result if self.confidence is None else result.with_confidence(self.confidence)
        folder.mkdir(parents=True, exist_ok=True)
        stem = Path(self.name).stem or "photo"
        files = result.save(folder, name=stem)
        files["coco"] = folder / f"{stem}_coco.json"
        files["coco"].write_text(json.dumps(result.to_coco()), encoding="utf-8")
        self.result, self.files, self.filled_with = result, files, adjustments.filling

    def draw_restored(self) -> NDArray[np.uint8]:
        """Draw the restored photo, which must exist, at the size of `preview`."""
        assert self.result is not None
        assert self.result.composited is not None
        return _fit(self.result.composited)


def _join(labels: NDArray[np.int32], kinds: list[str], reach: int) -> tuple[NDArray[np.int32], list[str]]:
    """Give pieces of one kind that lie within reach of each other one label; return new labels and their kinds."""
    rows, columns = np.nonzero(labels)
    _, first = np.unique(labels[rows, columns], return_index=True)  # a pixel of each region
    groups = np.arange(len(kinds))
    for i, kind in enumerate(_IN_PIECES, start=1):
        is_own = np.array([own == kind for own in kinds], bool)
        if is_own.sum() > 1:
            near = _label_near(np.pad(is_own, (1, 0))[labels], reach)
            pixels = first[is_own]
            groups[is_own] = i * labels.size + near(rows[pixels], columns[pixels])
    _, one_each, joined = np.unique(groups, return_index=True, return_inverse=True)
    return np.append(0, joined + 1).astype(np.int32)[labels], [kinds[i] for i in one_each]


def _label_near(mask: Mask, reach: int) -> Callable[[NDArray[np.intp], NDArray[np.intp]], NDArray[np.int32]]:
    """Group regions within reach of each other; return a function of rows and columns that returns the group."""
    step = max(1, max(mask.shape) // PREVIEW)
    small = np.zeros([-(-length // step) for length in mask.shape], bool)
    rows, columns = np.nonzero(mask)
    small[rows // step, columns // step] = True
    labels, _ = label_regions(np.asarray(ndimage.maximum_filter(small, size=2 * (reach // (2 * step)) + 1), bool))
    return lambda rows, columns: labels[rows // step, columns // step]


def _fit(photo: Photo) -> NDArray[np.uint8]:
    """Resize a photo to 8-bit RGB whose longer side has `PREVIEW` pixels, or four times its own if that is fewer."""
    pixels = (photo.rgb_array[0].transpose(1, 2, 0) * 255).round().astype(np.uint8)
    image = Image.fromarray(pixels)
    scale = min(4.0, PREVIEW / max(image.size))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0))
