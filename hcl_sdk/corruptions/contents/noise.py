"""The published noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from hcl_sdk.interfaces import Content, Damage, component


@component
class Noise(Content):
    """Uniform noise in every pixel (the authors' code).

    Attributes:
        variety: ``published`` is colored noise over the full range, which hides the photo; ``any`` also draws gray
            noise and noise that is added to the photo.
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
        kind = 0 if self.variety == "published" else int(rng.integers(3))
        noise = rng.integers(256, size=(*image.shape[:2], 1 if kind == 1 else 3), dtype=np.uint8)
        if kind < 2:
            return np.broadcast_to(noise, image.shape).copy()
        added = (noise.astype(np.int16) - 128) * float(rng.uniform(0.4, 1.0))
        return np.clip(image + added, 0, 255).astype(np.uint8)
