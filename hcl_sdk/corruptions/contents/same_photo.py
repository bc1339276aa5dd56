"""Another part of the same photo."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from hcl_sdk.interfaces import Content, Damage, component


@component
class SamePhoto(Content):
    """The photo itself, shifted by a sixth to a half of each side, sometimes mirrored: a copy-move forgery."""

    damage: ClassVar[Damage] = "patch"

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        height, width = image.shape[:2]
        down, right = (round(extent * rng.uniform(1 / 6, 1 / 2)) for extent in (height, width))
        down, right = (int(shift) if rng.random() < 0.5 else -int(shift) for shift in (down, right))
        moved = np.roll(image, (down, right), axis=(0, 1))
        if rng.random() < 0.5:
            moved = moved[:, ::-1]
        return np.ascontiguousarray(moved)
