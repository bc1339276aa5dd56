"""The published content: another photo."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from hcl_sdk.corruptions.drawing import fit_photo
from hcl_sdk.interfaces import Content, Damage, Dataset, component
from hcl_sdk.interfaces.samples import read_other


@component
class AnotherPhoto(Content):
    """A part of another photo (paper, section 3.4).

    Attributes:
        dataset: the source of the other photo; None for the dataset of the photo that is damaged.

    Raises:
        SampleError: from ``paint``, if the other photo cannot be read.
    """

    damage: ClassVar[Damage] = "patch"

    dataset: Dataset | None = None

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        own = self.dataset
        photo = another() if own is None else read_other(own, int(rng.integers(len(own))))
        return fit_photo(photo, image.shape[:2], rng)
