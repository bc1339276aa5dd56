"""Samples of a dataset as a model sees them: cropped, corrupted, the same for a seed wherever they are made."""

from __future__ import annotations

from collections.abc import Callable
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
    """One square image to train or evaluate on.

    Attributes:
        image: ``[size, size, 3]`` uint8 RGB, damaged (or not, where nothing is corrupted).
        clean: the same undamaged; None where a dataset of masks alone does not know it.
        corruption_mask: ``[size, size]`` bool, True = corrupted; None where a dataset of pairs does not know it.
        damage_map: ``[size, size]`` uint8, what each corrupted pixel is, as in
            :class:`~hcl_sdk.corruptions.Corrupted`; None where it is not known.
        name: of the photo in its dataset.
        ignored: ``[size, size]`` bool, what is left out of the score; None for nothing.
        shape: name of the shape of the corruption, of several layers the names in alphabetical order with ``+``
            between them; empty where there is none, or it is not known.
        content: likewise, of its content.
        source: what the item was made of: items of one source are not independent of each other.
        unreadable: photos, and files of shapes and contents, that were to be used here and could not be: (name, why).
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

    For training (``augment``) there are as many items as one asks for: the dataset is gone through in another order
    each time, and cut, mirrored and corrupted anew. For evaluation there is one for each sample: the middle of the
    photo, scaled to ``size``. A photo smaller than ``size`` is enlarged.

    Args:
        dataset: where photos come from. What has a mask or a clean image is not corrupted.
        size: pixels of a side; None for whole photos as they are, for evaluation.
        corruption: how to damage photos; None leaves them as they are.
        seed: of the order, the crops and the corruption.
        augment: vary crops, or take the middle of each photo.
        min_scale: the smallest part of a photo's shorter side that a crop may show, 0 to 1 (``augment`` only).
        soften_over: items over which the blur of the corruption's edges grows from none to all of it: sharp seams are
            learned sooner (``augment`` only).
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
        soften_over: int = 0,
    ) -> None:
        self.dataset, self.size, self.corruption, self.seed = dataset, size, corruption, seed
        self.augment, self.min_scale, self.soften_over = augment, min_scale, soften_over

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, number: int) -> Item:
        """The item; for training, the next readable photo stands in for one that is not, and a shape and a content that
        can be read for those that cannot.

        Raises:
            SampleError: if the photo, or what it was to be corrupted with, cannot be read (evaluation), or none can
                (training).
        """
        index = self._get_index(number)
        if not self.augment:
            item = self._make_item(number, index, self.dataset[index], ())
            if item.unreadable:  # what was drawn in its place would not be measured alike everywhere
                raise SampleError(f"what it was to be corrupted with cannot be read: {item.unreadable[0][1]}")
            return item
        unreadable: list[tuple[str, str]] = []
        for offset in range(min(len(self.dataset), 1000)):
            at = (index + offset) % len(self.dataset)
            try:
                sample = self.dataset[at]
            except PhotoError as error:
                unreadable.append((self.dataset.name(at), str(error)))
            else:
                return self._make_item(number, at, sample, tuple(unreadable))
        raise SampleError(
            f"none of {len(unreadable)} photos can be read; the first is {unreadable[0][0]}: {unreadable[0][1]}"
        )

    def name(self, number: int) -> str:
        """The name of the photo that item ``number`` is made of, if it can be read."""
        return self.dataset.name(self._get_index(number))

    def _get_index(self, number: int) -> int:
        if not self.augment:
            return number
        lap, place = divmod(number, len(self.dataset))
        return int(_order(self.seed, lap, len(self.dataset))[place])

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
            other += other >= index and len(self.dataset) > 1  # any but this one
            return read_other(self.dataset, other)

        return read_another

    def _cut(self, shape: tuple[int, ...], rng: np.random.Generator) -> Callable[[NDArray], NDArray]:
        """How this item is cut out of its photo: the same for image, clean image and mask."""
        if self.size is None:
            return lambda array: array
        size = self.size
        height, width = shape[:2]
        side = min(height, width)
        mirrored = False
        if self.augment:
            smallest = min(side, max(size, round(side * self.min_scale)))
            side = int(rng.integers(smallest, side + 1))
            top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
            mirrored = bool(rng.integers(2))
        else:
            top, left = (height - side) // 2, (width - side) // 2

        def cut(array: NDArray) -> NDArray:
            part = Image.fromarray(array[top : top + side, left : left + side])
            if side != size:
                is_mask = array.ndim == 2
                method = Image.Resampling.NEAREST if is_mask else Image.Resampling.LANCZOS
                part = part.resize((size, size), method, reducing_gap=None if is_mask else 3.0)
            pixels = np.array(part).astype(array.dtype, copy=False)
            return pixels[:, ::-1].copy() if mirrored else pixels

        return cut


def _join_labels(parts: tuple[Shape, ...] | tuple[Content, ...]) -> str:
    return "+".join(sorted({registry.label(type(part)) for part in parts}))


@lru_cache(maxsize=4)
def _order(seed: int, lap: int, count: int) -> NDArray[np.int64]:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(lap,))).permutation(count)
