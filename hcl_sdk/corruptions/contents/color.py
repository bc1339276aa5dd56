"""The published random color."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from hcl_sdk.corruptions.drawing import pick_color
from hcl_sdk.interfaces import Content, Damage, component


@component
class RandomColor(Content):
    """One color, drawn for each photo (the authors' code).

    Attributes:
        variety: ``published`` draws all colors equally often; ``any`` draws black, white and grays more often.
    """

    damage: ClassVar[Damage] = "fill"

    variety: Literal["any", "published"] = "any"

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        color = pick_color(rng) if self.variety == "any" else rng.integers(256, size=3)
        return np.broadcast_to(np.array(color, dtype=np.uint8), image.shape).copy()
