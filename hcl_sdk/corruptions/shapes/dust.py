"""Dust and hairs."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hcl_sdk.corruptions.ranges import between, pick_count
from hcl_sdk.interfaces import Damage, Shape, component


@component
class Dust(Shape):
    """Specks and a few curled hairs, as on a scanner's glass.

    Attributes:
        specks: range of the number of specks.
        hairs: range of the number of hairs.
    """

    damage: ClassVar[Damage | None] = "scratch"

    specks: tuple[int, int] = attrs.field(default=(20, 150), validator=between(0))
    hairs: tuple[int, int] = attrs.field(default=(0, 6), validator=between(0))

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        height, width = size
        sheet = Image.new("L", (width, height))
        draw = ImageDraw.Draw(sheet)
        count = pick_count(rng, self.specks)
        centers = rng.uniform(0, 1, (count, 2)) * [width, height]
        radii = np.maximum(0.6, min(size) * rng.exponential(0.004, (count, 2)))
        for center, radius in zip(centers, radii, strict=True):
            draw.ellipse([*(center - radius), *(center + radius)], fill=255)
        for _ in range(pick_count(rng, self.hairs)):
            angles = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(rng.normal(0, 0.15), 0.15, 16))
            steps = min(size) * rng.uniform(0.005, 0.02) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
            points = rng.uniform(0, 1, 2) * [width, height] + np.cumsum(steps, axis=0)
            draw.line([(float(x), float(y)) for x, y in points], fill=255, width=max(1, round(min(size) / 256)))
        return np.asarray(sheet) > 127
