"""Tape and stickers."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hcl_sdk.corruptions.drawing import draw_polygon, rotate_points
from hcl_sdk.corruptions.ranges import between, pick_count
from hcl_sdk.interfaces import Damage, Shape, component


@component
class Tape(Shape):
    """Strips of tape with torn ends, and round, polygonal or star-shaped stickers.

    Attributes:
        count: range of their number.
        size: range of the width of a strip and the radius of a sticker, as a share of the photo's shorter side.
    """

    damage: ClassVar[Damage | None] = "graphic"

    count: tuple[int, int] = attrs.field(default=(1, 3), validator=between(0))
    size: tuple[float, float] = attrs.field(default=(0.06, 0.2), validator=between(0, 2))

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        sheet = Image.new("L", (size[1], size[0]))
        draw = ImageDraw.Draw(sheet)
        for _ in range(pick_count(rng, self.count)):
            outline = _draw_strip(rng) if rng.random() < 0.6 else _draw_sticker(rng)
            turn = rng.uniform(0, 2 * np.pi)
            center = rng.uniform(0, (size[1], size[0]))
            unit = min(size) * rng.uniform(*self.size)
            draw_polygon(draw, center + rotate_points(unit * outline, turn), fill=255)
        return np.asarray(sheet) > 127


def _draw_strip(rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a strip one unit wide and several long, torn at both ends."""
    length = rng.uniform(1.5, 6)
    across = np.linspace(-0.5, 0.5, 9)
    ends = [np.stack([side * length / 2 + rng.uniform(-0.12, 0.12, 9), across], axis=1) for side in (-1, 1)]
    return np.concatenate([ends[0], ends[1][::-1]])


def _draw_sticker(rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a disk, a polygon or a star of radius one."""
    kind = rng.integers(3)
    corners = 48 if kind == 0 else int(rng.integers(3, 9)) if kind == 1 else 2 * int(rng.integers(4, 10))
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    radii = np.ones(corners)
    if kind == 2:
        radii[1::2] = rng.uniform(0.45, 0.85)
    return radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
