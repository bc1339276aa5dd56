"""The published content: another photo."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hcl_sdk.corruptions.drawing import fitted
from hcl_sdk.interfaces import Content, Dataset, SampleError, component


@component
class AnotherPhoto(Content):
    """A part of another photo (paper, section 3.4).

    Attributes:
        dataset: where it comes from; None for the data set of the photo that is damaged.
    """

    dataset: Dataset | None = None

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        return fitted(another() if self.dataset is None else _drawn(self.dataset, rng), image.shape[:2], rng)


def _drawn(dataset: Dataset, rng: np.random.Generator) -> NDArray[np.uint8]:
    for _ in range(100):
        try:
            return dataset[int(rng.integers(len(dataset)))].image
        except SampleError:
            continue  # of the content, not of what is trained on
    raise SampleError(f"100 photos in a row, drawn from {dataset!r} as foreign content, cannot be read")
