"""Letters as a shape."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from hcl_sdk.corruptions.drawing import place_mask, write_words
from hcl_sdk.corruptions.ranges import between, pick_count
from hcl_sdk.interfaces import Damage, Shape, component


@component
class TextShape(Shape):
    """Meaningless words, upright or turned.

    Attributes:
        count: range of the number of texts.
        height: range of the height of letters, as a share of the photo's shorter side.
    """

    damage: ClassVar[Damage | None] = "text"

    count: tuple[int, int] = attrs.field(default=(1, 4), validator=between(0))
    height: tuple[float, float] = attrs.field(default=(0.06, 0.3), validator=between(0, 1))

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        sheet = Image.new("L", (size[1], size[0]))
        for _ in range(pick_count(rng, self.count)):
            text = write_words(rng, round(min(size) * rng.uniform(*self.height)), lines=int(rng.integers(1, 3)))
            if rng.random() < 0.3:
                text = text.rotate(float(rng.uniform(-60, 60)), Image.Resampling.BICUBIC, expand=True)
            sheet = ImageChops.lighter(sheet, place_mask(text, size, rng))
        return np.asarray(sheet) > 127
