"""The published half."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hcl_sdk.interfaces import Shape, component


@component
class Half(Shape):
    """One half of the photo (the authors' code).

    Attributes:
        side: which one; ``any`` draws one of the four.
    """

    side: Literal["any", "left", "right", "top", "bottom"] = "any"

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        side = str(rng.choice(["left", "right", "top", "bottom"])) if self.side == "any" else self.side
        mask = np.zeros(size, dtype=np.bool_)
        along = mask if side in ("top", "bottom") else mask.T
        middle = len(along) // 2
        along[slice(middle) if side in ("top", "left") else slice(middle, None)] = True
        return mask
