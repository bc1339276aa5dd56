"""The published pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hcl_sdk.interfaces import Shape, component


@component
class AlternatePixels(Shape):
    """All but the pixels in both an odd row and an odd column, counted from 0 (the authors' code)."""

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        mask = np.ones(size, dtype=np.bool_)
        mask[1::2, 1::2] = False
        return mask
