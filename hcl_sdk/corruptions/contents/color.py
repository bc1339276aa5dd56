"""The published random color."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hcl_sdk.corruptions.drawing import random_color
from hcl_sdk.interfaces import Content, component


@component
class RandomColor(Content):
    """One color, another for each photo (paper, supplement); black, white and grays more often than chance has them."""

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        return np.broadcast_to(np.array(random_color(rng), dtype=np.uint8), image.shape).copy()
