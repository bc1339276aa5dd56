"""Graffiti."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from hcl_sdk.corruptions.drawing import draw_stroke, mark_visible, pick_color, place_mask, write_words
from hcl_sdk.corruptions.ranges import between, pick_count
from hcl_sdk.interfaces import Content, Damage, component


@component
class Graffiti(Content):
    """Sprayed lines and words in several colors, transparent between them.

    Attributes:
        count: range of the number of lines and words.
        width: range of the width of a line, as a share of the photo's shorter side.
    """

    damage: ClassVar[Damage] = "graphic"

    count: tuple[int, int] = attrs.field(default=(2, 8), validator=between(1))
    width: tuple[float, float] = attrs.field(default=(0.02, 0.08), validator=between(0, 1))

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        height, across = image.shape[:2]
        short = min(height, across)
        opacity = Image.new("L", (across, height))
        colors = Image.new("RGB", (across, height))
        for _ in range(pick_count(rng, self.count)):
            width = max(1.0, short * rng.uniform(*self.width))
            if rng.random() < 0.25:
                layer = write_words(rng, round(short * rng.uniform(0.1, 0.35)))
                layer = layer.rotate(float(rng.uniform(-30, 30)), Image.Resampling.BICUBIC, expand=True)
                layer = place_mask(layer, (height, across), rng)
            else:
                layer = Image.new("L", (across, height))
                turns, length = int(rng.integers(5, 20)), (short * 0.03, short * 0.15)
                draw_stroke(
                    ImageDraw.Draw(layer), rng, (height, across), turns=turns, width=width, length=length, fill=255
                )
            if rng.random() < 0.5:  # a can sprays softly
                layer = layer.filter(ImageFilter.GaussianBlur(width / 6))
            colors.paste(pick_color(rng), mask=mark_visible(layer))
            opacity.paste(255, mask=layer)
        return np.concatenate([np.asarray(colors), np.asarray(opacity)[..., None]], axis=2)
