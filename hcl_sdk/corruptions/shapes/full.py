"""The whole photo."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hcl_sdk.interfaces import Shape, component


@component
class Full(Shape):
    """Everything: for content that is partly transparent, or photos that are corrupted everywhere."""

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        return np.ones(size, dtype=np.bool_)
