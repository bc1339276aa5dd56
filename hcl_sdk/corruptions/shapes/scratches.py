"""Scratches of film and prints."""

from __future__ import annotations

import itertools
from typing import ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hcl_sdk.corruptions.ranges import between, pick_count
from hcl_sdk.interfaces import Damage, Shape, component


@component
class Scratches(Shape):
    """Thin lines: long upright ones, as projectors leave, and short crooked ones.

    Attributes:
        count: range of their number.
        width: range of their width, as a share of the photo's shorter side; at least one pixel.
    """

    damage: ClassVar[Damage | None] = "scratch"

    count: tuple[int, int] = attrs.field(default=(2, 12), validator=between(0))
    width: tuple[float, float] = attrs.field(default=(0.003, 0.015), validator=between(0, 1))

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        height, width = size
        sheet = Image.new("L", (width, height))
        draw = ImageDraw.Draw(sheet)
        for _ in range(pick_count(rng, self.count)):
            thickness = max(1, round(min(size) * rng.uniform(*self.width)))
            if rng.random() < 0.4:
                ys = np.linspace(rng.uniform(-0.5, 0.4), rng.uniform(0.6, 1.5), 12) * height
                xs = rng.uniform(0, width) + np.cumsum(rng.normal(0, 0.006, len(ys))) * width
            else:
                steps = rng.normal(rng.normal(0, 0.05, 2), 0.02, (int(rng.integers(4, 12)), 2))
                xs, ys = (rng.uniform(0, 1, 2) + np.cumsum(steps, axis=0)).T * [[width], [height]]
            points = [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]
            for start, end in itertools.pairwise(points):
                if rng.random() < 0.93:  # a scratch has gaps
                    draw.line([start, end], fill=255, width=thickness)
        return np.asarray(sheet) > 127
