"""Captions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hcl_sdk.corruptions.drawing import choose_position, pick_color
from hcl_sdk.corruptions.lettering import choose_font, compose_line, find_fonts, write_text
from hcl_sdk.corruptions.ranges import between, pick_count
from hcl_sdk.corruptions.soft import Canvas, Color, Patch
from hcl_sdk.interfaces import Content, Damage, component

_STYLES = ("plain", "outline", "outline", "shadow", "bar", "colors")


@component
class Caption(Content):
    """Lines of text meant to be read.

    Subtitles and captions near the border, with an outline, a shadow, a bar behind them, or in several colors.

    Attributes:
        count: range of the number of texts.
        height: range of the height of letters, as a share of the photo's shorter side.
        fonts: folder of TrueType or OpenType files; None uses Pillow's own font.

    Raises:
        ValueError: if the folder does not exist or holds no fonts.
    """

    damage: ClassVar[Damage] = "text"

    count: tuple[int, int] = attrs.field(default=(1, 2), validator=between(1))
    height: tuple[float, float] = attrs.field(default=(0.03, 0.12), validator=between(0, 1))
    fonts: str | None = None

    def __attrs_post_init__(self) -> None:
        self._fonts = find_fonts(self.fonts)

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        canvas = Canvas((image.shape[0], image.shape[1]))
        for _ in range(pick_count(rng, self.count)):
            self._write(canvas, rng)
        return canvas.to_rgba()

    def _write(self, canvas: Canvas, rng: np.random.Generator) -> None:
        height, width = canvas.size
        pixels = max(5, round(min(height, width) * rng.uniform(*self.height)))
        style = str(rng.choice(_STYLES))
        outline = max(1, round(pixels * rng.uniform(0.04, 0.12)))
        text = "\n".join(compose_line(rng, (2, 6)) for _ in range(int(rng.integers(1, 4))))
        letters, thick = write_text(text, choose_font(self._fonts, pixels, rng), outline=outline, align="center")
        if letters.width > width:
            fitting = (width, max(1, round(letters.height * width / letters.width)))
            letters, thick = (m.resize(fitting, Image.Resampling.LANCZOS) for m in (letters, thick))
        place = (width - letters.width) // 2, round((height - letters.height) * rng.choice([0.03, 0.5, 0.96, 0.96]))
        if rng.random() < 0.4:
            place = choose_position(letters, (height, width), rng)
        color: Color = _choose_color(rng)
        contrast = (0, 0, 0) if sum(color) > 330 else (255, 255, 255)
        if style == "outline":
            canvas.lay(contrast, Patch.from_image(thick, place))
        elif style == "shadow":
            shadow = Patch.from_image(thick, place, margin=3 * outline).blur(outline * 0.7)
            canvas.lay(contrast, shadow.shift(outline, outline), rng.uniform(0.4, 0.9))
        elif style == "bar":
            pad = max(2, round(pixels * rng.uniform(0.1, 0.5)))
            left, right = (0, width) if rng.random() < 0.3 else (place[0] - pad, place[0] + letters.width + pad)
            bar = Patch(np.ones((letters.height + 2 * pad, right - left), np.float32), left, place[1] - pad)
            ground = contrast if rng.random() < 0.6 else pick_color(rng)
            canvas.lay(ground, bar, float(rng.choice([0.4, 0.6, 1.0, 1.0])))
        elif style == "colors":
            color = np.zeros((letters.height, letters.width, 3), np.float32)
            for left, right in pairwise(np.linspace(0, letters.width, int(rng.integers(3, 10))).astype(int)):
                color[:, left:right] = pick_color(rng)
        canvas.lay(color, Patch.from_image(letters, place))


def _choose_color(rng: np.random.Generator) -> tuple[int, int, int]:
    kind = rng.random()
    if kind < 0.5:
        return (255, 255, 255)
    if kind < 0.65:
        return (255, 230, 40)
    return (0, 0, 0) if kind < 0.75 else pick_color(rng)
