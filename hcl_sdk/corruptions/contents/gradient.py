"""Gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from hcl_sdk.corruptions.drawing import pick_color
from hcl_sdk.interfaces import Content, Damage, component


@component
class Gradient(Content):
    """One color fading into another, along a line or outwards from a point."""

    damage: ClassVar[Damage] = "fill"

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        height, width = image.shape[:2]
        y, x = (
            np.ogrid[0.0 : 1.0 : height * 1j, 0.0 : 1.0 : width * 1j]
            if min(height, width) > 1
            else np.ogrid[0:height, 0:width]
        )
        if rng.random() < 0.7:
            angle = rng.uniform(0, 2 * np.pi)
            way = np.cos(angle) * x + np.sin(angle) * y
        else:
            center = rng.uniform(0, 1, 2)
            way = np.hypot(y - center[0], x - center[1])
        way = (way - way.min()) / max(1e-6, float(way.max() - way.min()))
        first, second = np.array([pick_color(rng), pick_color(rng)], dtype=np.float32)
        return np.round(first + way[..., None].astype(np.float32) * (second - first)).astype(np.uint8)
