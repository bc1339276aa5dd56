"""A shape, a content and a data set."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
from numpy.typing import NDArray

from hcl_sdk import Content, Dataset, Sample, Shape, component


@component
class Disk(Shape):
    radius: float = attrs.field(default=0.25, validator=attrs.validators.gt(0))

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        rows, columns = np.indices(size)
        row, column = rng.uniform(0, size[0]), rng.uniform(0, size[1])
        return (rows - row) ** 2 + (columns - column) ** 2 <= (self.radius * min(size)) ** 2


@component
class Stripes(Content):
    width: int = attrs.field(default=4, validator=attrs.validators.ge(1))

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        colors = rng.integers(256, size=(2, 3), dtype=np.uint8)
        return colors[np.indices(image.shape[:2]).sum(axis=0) // self.width % 2]


@component
class Ramps(Dataset):
    count: int = attrs.field(default=6, validator=attrs.validators.ge(1))
    size: tuple[int, int] = (40, 56)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < self.count:
            raise IndexError(index)
        rows, columns = np.indices(self.size)
        channels = [rows * 3 + 20 * index, columns * 2, rows + columns + 10 * index]
        return Sample(image=(np.stack(channels, axis=2) % 256).astype(np.uint8))

    def name(self, index: int) -> str:
        return f"ramp-{index}"
