"""The published brush strokes."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hcl_sdk.corruptions.drawing import draw_stroke
from hcl_sdk.corruptions.ranges import between, pick_count
from hcl_sdk.interfaces import Shape, component


@component
class BrushStrokes(Shape):
    """Broad, bent strokes (the authors' code; the defaults are the published values).

    Attributes:
        count: range of their number.
        turns: range of the number of bends of each.
        width: range of their width, as a share of the photo's shorter side.
        length: range of the length from bend to bend, as a share of the photo's shorter side.
    """

    count: tuple[int, int] = attrs.field(default=(1, 9), validator=between(0))
    turns: tuple[int, int] = attrs.field(default=(4, 18), validator=between(1))
    width: tuple[float, float] = attrs.field(default=(0.02, 0.1), validator=between(0, 1))
    length: tuple[float, float] = attrs.field(default=(0.1, 0.25), validator=between(0, 1))

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        sheet = Image.new("L", (size[1], size[0]))
        draw = ImageDraw.Draw(sheet)
        short = min(size)
        for _ in range(pick_count(rng, self.count)):
            draw_stroke(
                draw,
                rng,
                size,
                turns=pick_count(rng, self.turns),
                width=short * rng.uniform(*self.width),
                length=(short * self.length[0], short * self.length[1]),
                fill=255,
            )
        return np.asarray(sheet) > 127
