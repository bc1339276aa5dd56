"""Samples of a dataset as model inputs: cropped and corrupted, the same for a given seed on any machine or worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hcl_sdk.corruptions.corruption import Corruption
from hcl_sdk.interfaces import Content, Dataset, Sample, SampleError, Shape
from hcl_sdk.interfaces.samples import read_other
from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.plugins import registry

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Item:
    """One square image for training or evaluation.

    Attributes:
        image: ``[size, size, 3]`` uint8 RGB, damaged (or undamaged, if nothing is corrupted).
        clean: the undamaged image; None if unknown, as in a dataset with masks only.
        corruption_mask: ``[size, size]`` bool, True = corrupted; None if unknown, as in a dataset with clean images
            only.
        damage_map: ``[size, size]`` uint8, the kind of each corrupted pixel, as in
            :class:`~hcl_sdk.corruptions.Corrupted`; None if unknown.
        name: the name of the photo in its dataset.
        ignored: ``[size, size]`` bool, pixels excluded from the score; None for none.
        shape: the name of the shape of the corruption; of several layers, their names in alphabetical order, joined by
            ``+``; empty if there is none, or it is unknown.
        content: the name of the content of the corruption, likewise.
        source: what the item was made from: items of the same source are not independent of each other.
        unreadable: photos, and files of shapes and contents, that should have been used here but could not be read:
            (name, reason).
    """

    image: Pixels
    clean: Pixels | None
    corruption_mask: Mask | None
    name: str
    damage_map: Pixels | None = None
    ignored: Mask | None = None
    shape: str = ""
    content: str = ""
    source: str = ""
    unreadable: tuple[tuple[str, str], ...] = field(default=())


class Items:
    """A dataset as square images of one size: item ``i`` depends on ``seed`` and ``i`` alone.

    For training (``augment``) there are as many items as requested: each pass over the dataset has a new order, and new
    crops, mirroring and corruption. For evaluation there is one item for each sample: the center of the photo, scaled
    to ``size``. Photos smaller than ``size`` are enlarged.

    Args:
        dataset: the source of photos. Samples with a mask or a clean image are not corrupted.
        size: side length in pixels; None for whole, unscaled photos (evaluation only).
        corruption: how to damage photos; None leaves them unchanged.
        seed: random seed of the order, the crops and the corruption.
        augment: vary crops; otherwise the center of each photo is used.
        min_scale: the smallest share of a photo's shorter side that a crop may show, 0 to 1 (``augment`` only).
        on_side: share of the crops that are turned by a quarter, to either side, 0 to 1 (``augment`` only).
        enlarge: whether photos smaller than ``size`` are enlarged, or else replaced (``augment`` only).
        soften_over: the number of items over which the blur of the corruption's edges grows from none to full: sharp
            seams are easier to learn first (``augment`` only).
    """

    def __init__(
        self,
        dataset: Dataset,
        size: int | None,
        *,
        corruption: Corruption | None,
        seed: int,
        augment: bool = False,
        min_scale: float = 0.35,
        on_side: float = 0.0,
        enlarge: bool = True,
        soften_over: int = 0,
    ) -> None:
        self.dataset, self.size, self.corruption, self.seed = dataset, size, corruption, seed
        self.augment, self.min_scale, self.on_side = augment, min_scale, on_side
        self.enlarge, self.soften_over = enlarge, soften_over

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, number: int) -> Item:
        """Make an item. In training, photos that cannot be used are replaced by others, and so are shapes and contents
        that cannot be read.

        Raises:
            SampleError: if the photo, or a file needed to corrupt it, cannot be read (evaluation), or no photo can be
                used (training).
        """
        index = self._get_index(number)
        if not self.augment:
            item = self._make_item(number, index, self.dataset[index], ())
            if item.unreadable:  # a replacement would not be measured alike on every machine
                raise SampleError(f"what it was to be corrupted with cannot be read: {item.unreadable[0][1]}")
            return item
        unreadable: list[tuple[str, str]] = []
        too_small = 0
        for at in self._list_candidates(number, index):
            try:
                sample = self.dataset[at]
            except PhotoError as error:
                unreadable.append((self.dataset.name(at), str(error)))
            else:
                if self.enlarge or self.size is None or min(sample.image.shape[:2]) >= self.size:
                    return self._make_item(number, at, sample, tuple(unreadable))
                too_small += 1
        tried = len(unreadable) + too_small
        if too_small:
            raise SampleError(
                f"none of {tried} photos has a shorter side of {self.size} pixels or more; expected larger photos, a "
                "smaller size, or enlarge: true"
            )
        raise SampleError(f"none of {tried} photos can be read; the first is {unreadable[0][0]}: {unreadable[0][1]}")

    def name(self, number: int) -> str:
        """Return the name of the photo that item ``number`` is made from, if it can be read."""
        return self.dataset.name(self._get_index(number))

    def _get_index(self, number: int) -> int:
        if not self.augment:
            return number
        lap, place = divmod(number, len(self.dataset))
        return int(_shuffle(self.seed, lap, len(self.dataset))[place])

    def _list_candidates(self, number: int, index: int) -> Iterator[int]:
        """List the photos that item ``number`` may be made from: its own, then at most 999 others in random order."""
        yield index
        others = np.random.default_rng([self.seed, number, 1]).permutation(len(self.dataset))
        yield from others[others != index][:999].tolist()

    def _make_item(self, number: int, index: int, sample: Sample, unreadable: tuple[tuple[str, str], ...]) -> Item:
        rng = np.random.default_rng([self.seed, number])
        cut = self._cut(sample.image.shape[:2], rng)
        image = cut(sample.image)
        name = self.dataset.name(index)
        paired = sample.clean is not None or sample.corruption_mask is not None
        if paired or self.corruption is None:
            clean = image if not paired else None if sample.clean is None else cut(sample.clean)
            mask = None if sample.corruption_mask is None else cut(sample.corruption_mask)
            kinds = None if sample.damage_map is None else cut(sample.damage_map)
            if not paired:
                mask = np.zeros(image.shape[:2], dtype=np.bool_)
                kinds = mask.astype(np.uint8)
            return Item(
                image=image,
                clean=clean,
                corruption_mask=mask,
                damage_map=kinds,
                name=name,
                ignored=None if sample.ignored is None else cut(sample.ignored),
                shape=sample.shape,
                content=sample.content,
                source=sample.source or name,
                unreadable=unreadable,
            )
        softness = min(1.0, number / self.soften_over) if self.augment and self.soften_over else 1.0
        damaged = self.corruption(image, rng, self._make_another(index, rng), softness=softness)
        return Item(
            image=damaged.image,
            clean=damaged.clean,
            corruption_mask=damaged.corruption_mask,
            damage_map=damaged.damage_map,
            name=name,
            source=name,
            shape=_join_labels(damaged.shapes),
            content=_join_labels(damaged.contents),
            unreadable=unreadable + damaged.unreadable,
        )

    def _make_another(self, index: int, rng: np.random.Generator) -> Callable[[], Pixels]:
        def read_another() -> Pixels:
            other = int(rng.integers(max(1, len(self.dataset) - 1)))
            other += other >= index and len(self.dataset) > 1  # any photo but this one
            return read_other(self.dataset, other)

        return read_another

    def _cut(self, shape: tuple[int, ...], rng: np.random.Generator) -> Callable[[NDArray], NDArray]:
        """Choose how this item is cut out of its photo, for image, clean image and mask alike."""
        if self.size is None:
            return lambda array: array
        size = self.size
        height, width = shape[:2]
        side = min(height, width)
        mirrored, turns = False, 0
        if self.augment:
            smallest = min(side, max(size, round(side * self.min_scale)))
            side = int(rng.integers(smallest, side + 1))
            top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
            mirrored = bool(rng.integers(2))
            turns = int(rng.choice([1, 3])) if self.on_side and rng.random() < self.on_side else 0
        else:
            top, left = (height - side) // 2, (width - side) // 2

        def cut(array: NDArray) -> NDArray:
            part = Image.fromarray(array[top : top + side, left : left + side])
            if side != size:
                is_mask = array.ndim == 2
                method = Image.Resampling.NEAREST if is_mask else Image.Resampling.LANCZOS
                part = part.resize((size, size), method, reducing_gap=None if is_mask else 3.0)
            pixels = np.array(part).astype(array.dtype, copy=False)
            return np.ascontiguousarray(np.rot90(pixels[:, ::-1] if mirrored else pixels, turns))

        return cut


def _join_labels(parts: tuple[Shape, ...] | tuple[Content, ...]) -> str:
    return "+".join(sorted({registry.label(type(part)) for part in parts}))


@lru_cache(maxsize=4)
def _shuffle(seed: int, lap: int, count: int) -> NDArray[np.int64]:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(lap,))).permutation(count)
