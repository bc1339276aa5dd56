"""Stickers."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from hcl_sdk.corruptions.drawing import choose_position, draw_polygon, pick_color, write_words
from hcl_sdk.corruptions.ranges import between, pick_count
from hcl_sdk.corruptions.soft import Canvas, Patch
from hcl_sdk.interfaces import Content, Damage, component

_DARK = (60, 40, 20, 255)


@component
class Stickers(Content):
    """Faces, hearts, stars, bubbles and badges as in apps, some with a white border or a shadow.

    Attributes:
        count: range of their number.
        side: range of their side, as a share of the photo's shorter side.
    """

    damage: ClassVar[Damage] = "graphic"

    count: tuple[int, int] = attrs.field(default=(1, 3), validator=between(1))
    side: tuple[float, float] = attrs.field(default=(0.08, 0.35), validator=between(0, 1))

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        canvas = Canvas((image.shape[0], image.shape[1]))
        for _ in range(pick_count(rng, self.count)):
            side = max(8, round(min(canvas.size) * rng.uniform(*self.side)))
            sticker = _draw_sticker(rng).rotate(float(rng.normal(0, 15)), Image.Resampling.BICUBIC, expand=True)
            sticker = sticker.resize((side, side), Image.Resampling.LANCZOS)
            form, place, thick = sticker.getchannel("A"), choose_position(sticker, canvas.size, rng), 1 + side // 30
            if rng.random() < 0.3:
                shadow = Patch.from_image(form, place, margin=4 * thick).blur(thick)
                canvas.lay((0, 0, 0), shadow.shift(thick, 2 * thick), rng.uniform(0.3, 0.7))
            if rng.random() < 0.5:
                wide = Image.new("L", (side + 2 * thick, side + 2 * thick))
                wide.paste(form, (thick, thick))
                wide = wide.filter(ImageFilter.MaxFilter(2 * thick + 1))
                canvas.lay((255, 255, 255), Patch.from_image(wide, (place[0] - thick, place[1] - thick)))
            canvas.lay(np.asarray(sticker)[..., :3], Patch.from_image(form, place))
        return canvas.to_rgba()


def _draw_sticker(rng: np.random.Generator) -> Image.Image:
    """Draw a sticker, 192 x 192 pixels, RGBA."""
    sheet = Image.new("RGBA", (192, 192))
    draw = ImageDraw.Draw(sheet)
    color = (*pick_color(rng), 255)
    kind = str(rng.choice(["face", "heart", "star", "bubble", "badge"]))
    if kind == "face":
        draw.ellipse((8, 8, 184, 184), fill=(255, int(rng.integers(190, 225)), int(rng.integers(30, 90)), 255))
        for x in (62, 114):
            draw.ellipse((x, 60, x + 18, 60 + int(rng.integers(12, 36))), fill=_DARK)
        if rng.random() < 0.6:
            draw.arc((50, 70, 142, 150), 15, 165, fill=_DARK, width=9)
        else:
            draw.ellipse((80, 110, 112, 150), fill=_DARK)
    elif kind == "heart":
        draw.ellipse((16, 24, 100, 108), fill=color)
        draw.ellipse((92, 24, 176, 108), fill=color)
        draw.polygon([(24, 84), (168, 84), (96, 178)], fill=color)
    elif kind == "star":
        corners = 2 * int(rng.integers(4, 9))
        angles = np.arange(corners) * 2 * np.pi / corners
        radii = np.where(np.arange(corners) % 2 == 0, 90, rng.uniform(35, 60))
        points = 96 + radii[:, None] * np.stack([np.sin(angles), -np.cos(angles)], axis=1)
        draw_polygon(draw, points, fill=color)
    elif kind == "bubble":
        draw.ellipse((6, 20, 186, 140), fill=(255, 255, 255, 255), outline=(20, 20, 20, 255), width=5)
        draw.polygon([(50, 128), (90, 134), (40, 184)], fill=(255, 255, 255, 255))
    else:
        draw.ellipse((8, 8, 184, 184), fill=color, outline=(255, 255, 255, 255), width=int(rng.integers(1, 9)))
        word = write_words(rng, 40)
        word.thumbnail((150, 90), Image.Resampling.LANCZOS)
        ink = (0, 0, 0) if sum(color[:3]) > 380 else (255, 255, 255)
        sheet.paste(ink, (96 - word.width // 2, 96 - word.height // 2), word)
    return sheet
