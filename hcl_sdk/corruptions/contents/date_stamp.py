"""Dates that cameras print on photos."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hcl_sdk.corruptions.drawing import load_font, scale_image
from hcl_sdk.corruptions.lettering import write_text
from hcl_sdk.corruptions.ranges import between, pick
from hcl_sdk.corruptions.soft import Canvas, Patch
from hcl_sdk.interfaces import Content, Damage, component

_SEGMENTS = {  # of a digit: upper, upper left and right, middle, lower left and right, lower
    "0": "1110111",
    "1": "0010010",
    "2": "1011101",
    "3": "1011011",
    "4": "0111010",
    "5": "1101011",
    "6": "1101111",
    "7": "1010010",
    "8": "1111111",
    "9": "1111011",
}
_COLORS = ((255, 140, 20), (255, 110, 10), (250, 60, 30), (255, 170, 60), (250, 220, 60), (255, 250, 200))


@component
class DateStamp(Content):
    """The date in a corner, in seven-segment digits or letters: orange, red or yellow, with a glow.

    Most are at the lower right, where cameras print them.

    Attributes:
        height: range of the height of digits, as a share of the photo's shorter side.
        opacity: range of their opacity, 0 to 1.
        glow: range of the strength of the light around them; 0 is none.
    """

    damage: ClassVar[Damage] = "text"

    height: tuple[float, float] = attrs.field(default=(0.025, 0.07), validator=between(0, 1))
    opacity: tuple[float, float] = attrs.field(default=(0.75, 1.0), validator=between(0, 1))
    glow: tuple[float, float] = attrs.field(default=(0.0, 0.6), validator=between(0, 1))

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        height, width = image.shape[:2]
        short = min(height, width)
        pixels = max(5, round(short * rng.uniform(*self.height)))
        text = _compose_date(rng)
        stamp = _draw_segments(text, pixels, rng) if rng.random() < 0.7 else _draw_letters(text, pixels)
        if stamp.width > width * 0.95:
            shrunk = max(1, round(stamp.height * width * 0.95 / stamp.width))
            stamp = stamp.resize((max(1, round(width * 0.95)), shrunk), Image.Resampling.BOX)
        across, down = (round(short * share) for share in rng.uniform(0.02, 0.1, 2))
        left = across if rng.random() < 0.25 else width - stamp.width - across
        top = down if rng.random() < 0.15 else height - stamp.height - down
        digits = Patch.from_image(stamp, (left, top), margin=pixels)
        if rng.random() < 0.5:  # exposed on film, not computed
            digits = digits.blur(rng.uniform(0.3, max(0.35, pixels / 25)))
        color = np.array(pick(rng, _COLORS), np.float32)
        canvas = Canvas((height, width))
        canvas.lay(color * [1.0, 0.75, 0.6], digits.blur(pixels * rng.uniform(0.08, 0.25)), rng.uniform(*self.glow))
        canvas.lay(color, digits, rng.uniform(*self.opacity))
        return canvas.to_rgba()


def _compose_date(rng: np.random.Generator) -> str:
    year, month, day = int(rng.integers(1980, 2026)), int(rng.integers(1, 13)), int(rng.integers(1, 32))
    time = f"{int(rng.integers(24)):02d}:{int(rng.integers(60)):02d}"
    return str(
        rng.choice(
            [
                f"'{year % 100:02d} {month:2d} {day:2d}",
                f"{month:2d} {day:2d} '{year % 100:02d}",
                f"{day:2d} {month:2d} '{year % 100:02d}",
                f"{year}/{month:02d}/{day:02d}",
                f"{day:02d}.{month:02d}.{year}",
                f"{month:02d}-{day:02d}-{year % 100:02d} {time}",
                f"{year}-{month:02d}-{day:02d} {time}",
                time,
            ]
        )
    )


def _draw_segments(text: str, pixels: int, rng: np.random.Generator) -> Image.Image:
    """Draw the text as on a segment display of this height: an 8-bit mask."""
    tall, wide, thick, gap = 96, 52, int(rng.integers(8, 16)), 22
    lean = rng.uniform(0, 0.18)
    sheet = Image.new("L", (sum(wide + gap if c in _SEGMENTS else 34 for c in text) + 24, tall + 4))
    draw = ImageDraw.Draw(sheet)
    x, half, inset = 2, tall // 2, thick // 3
    for character in text:
        if character in _SEGMENTS:
            across = [(x + inset, y, x + wide - inset, y + thick) for y in (2, half - thick // 2, tall - thick)]
            down = [(at, y + inset, at + thick, y + half - inset) for y in (2, half) for at in (x, x + wide - thick)]
            boxes = across[0], down[0], down[1], across[1], down[2], down[3], across[2]
            for box, lit in zip(boxes, _SEGMENTS[character], strict=True):
                if lit == "1":
                    draw.rectangle(box, fill=255)
            x += wide + gap
            continue
        if character == "'":
            draw.rectangle((x + 8, 2, x + 8 + thick, 26), fill=255)
        elif character == "-":
            draw.rectangle((x, half - thick // 2, x + 24, half + thick // 2), fill=255)
        elif character == "/":
            draw.line((x, tall, x + 24, 2), fill=255, width=thick)
        elif character in ".:":
            for y in (tall - thick,) if character == "." else (30, 62):
                draw.rectangle((x + 8, y, x + 8 + thick, y + thick), fill=255)
        x += 34
    leaning = sheet.transform(
        sheet.size, Image.Transform.AFFINE, (1, lean, -lean * tall / 2, 0, 1, 0), Image.Resampling.BILINEAR
    )
    return scale_image(leaning, pixels / tall, Image.Resampling.BOX)


def _draw_letters(text: str, pixels: int) -> Image.Image:
    return write_text(text, load_font(round(pixels * 1.3)))[0]
