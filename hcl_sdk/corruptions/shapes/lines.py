"""The published lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hcl_sdk.interfaces import Shape, component


@component
class AlternateLines(Shape):
    """Every second line: rows 1, 3, 5 ... (the authors' code)."""

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        mask = np.zeros(size, dtype=np.bool_)
        mask[1::2] = True
        return mask
