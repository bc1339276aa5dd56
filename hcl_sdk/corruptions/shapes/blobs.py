"""Free-form regions."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hcl_sdk.corruptions.drawing import draw_polygon, rotate_points
from hcl_sdk.corruptions.ranges import between, pick_count
from hcl_sdk.interfaces import Shape, component


@component
class Blobs(Shape):
    """Closed outlines of any shape, smooth or jagged, like those of cut-out objects.

    Attributes:
        count: range of their number.
        radius: range of the mean distance of the outline from its center, as a share of the photo's shorter side.
    """

    count: tuple[int, int] = attrs.field(default=(1, 3), validator=between(0))
    radius: tuple[float, float] = attrs.field(default=(0.08, 0.4), validator=between(0, 2))

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        sheet = Image.new("L", (size[1], size[0]))
        draw = ImageDraw.Draw(sheet)
        for _ in range(pick_count(rng, self.count)):
            center = rng.uniform(0, (size[1], size[0]))
            radius = min(size) * rng.uniform(*self.radius)
            draw_polygon(draw, center + radius * _draw_outline(rng), fill=255)
        return np.asarray(sheet) > 127


def _draw_outline(rng: np.random.Generator) -> NDArray[np.floating]:
    """Draw points ``[N, 2]`` around the origin: a circle bent by some waves or, sometimes, a polygon."""
    stretch, turn = rng.uniform(0.5, 1.0), rng.uniform(0, 2 * np.pi)
    if rng.random() < 0.3:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(4, 14))))
        distances = rng.uniform(0.5, 1.2, len(angles))
    else:
        angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
        waves = np.arange(2, 8)
        heights = rng.normal(0, 0.35, len(waves)) / waves
        phases = rng.uniform(0, 2 * np.pi, len(waves))
        distances = 1 + (heights[:, None] * np.cos(waves[:, None] * angles + phases[:, None])).sum(axis=0)
    points = distances[:, None] * np.stack([np.cos(angles), stretch * np.sin(angles)], axis=1)
    return rotate_points(points, turn)
