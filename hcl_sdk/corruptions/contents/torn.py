"""Missing corners, torn edges and holes."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray

from hcl_sdk.corruptions.ranges import between, pick_count
from hcl_sdk.corruptions.soft import draw_rough_noise, join_rgba
from hcl_sdk.interfaces import Content, Damage, component


@component
class TornPaper(Content):
    """Missing parts of a print: corners, strips, all of its edges, holes; paper shows along the tear.

    Attributes:
        count: range of the number of parts.
        reach: range of how far a part reaches into the photo, as a share of its shorter side.
    """

    damage: ClassVar[Damage] = "fill"

    count: tuple[int, int] = attrs.field(default=(1, 3), validator=between(1))
    reach: tuple[float, float] = attrs.field(default=(0.04, 0.3), validator=between(0, 1))

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        size = height, width = image.shape[0], image.shape[1]
        short = min(size)
        rows, columns = np.ogrid[0.0:height, 0.0:width]
        rows, columns = rows.astype(np.float32), columns.astype(np.float32)
        depth = np.full(size, np.inf, np.float32)  # distance to the tear in pixels; missing where negative
        for _ in range(pick_count(rng, self.count)):
            reach = max(2.0, short * rng.uniform(*self.reach))
            x = columns if rng.random() < 0.5 else width - 1 - columns
            y = rows if rng.random() < 0.5 else height - 1 - rows
            kind = rng.random()
            if kind < 0.45:  # a corner
                lean = rng.uniform(0.4, 2.5)
                edge = (x * lean + y) / np.hypot(lean, 1) - reach
            elif kind < 0.65:  # a strip
                edge = (x if rng.random() < 0.5 else y) - reach * rng.uniform(0.2, 0.6)
            elif kind < 0.8:  # worn on all sides
                reach = max(2.0, reach * 0.3)
                sides = np.minimum(columns, width - 1 - columns), np.minimum(rows, height - 1 - rows)
                edge = np.minimum(*sides) - reach * rng.uniform(0.1, 0.4)
            else:  # a hole
                at = rng.uniform(0.1, 0.9, 2) * [width, height]
                edge = np.hypot(columns - at[0], (rows - at[1]) * rng.uniform(0.5, 1.5)) - reach * 0.6
            roughness = np.float32(reach * rng.uniform(0.2, 0.9))
            depth = np.minimum(depth, edge + roughness * draw_rough_noise(size, max(3.0, reach), rng))
        gone = (0.5 - depth).clip(0, 1)
        fringe = (short * rng.uniform(0.0, 0.02)) * (0.5 + draw_rough_noise(size, max(3.0, short * 0.05), rng))
        paper = (fringe - depth + 0.5).clip(0, 1)
        ground = np.full(3, rng.choice([0.0, 255.0, float(rng.uniform(0, 255))])) + rng.uniform(-10, 10, 3)
        fibers = rng.uniform(225, 255) + rng.normal(0, 6, size).astype(np.float32)
        colors = fibers[..., None] + gone[..., None] * (ground.astype(np.float32) - fibers[..., None])
        return join_rgba(colors, np.maximum(gone, paper))
