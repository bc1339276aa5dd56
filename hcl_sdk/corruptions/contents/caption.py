"""Captions and stickers."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import attrs
import numpy as np
from attrs.validators import ge, le
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

from hcl_sdk.corruptions.drawing import position, random_color
from hcl_sdk.corruptions.lettering import choose_font, compose_line, find_fonts, write
from hcl_sdk.corruptions.ranges import between
from hcl_sdk.corruptions.soft import join_rgba, lay_over
from hcl_sdk.interfaces import Content, component


@component
class Caption(Content):
    """Lines of writing as they are put on photos to be read, and stickers.

    Subtitles and captions at the border, with an outline, a shadow, a bar behind them, or in several colors; faces,
    hearts and stars with a white border.

    Attributes:
        count: pieces of writing and stickers together, from and to.
        height: of the letters, as a share of the photo's shorter side.
        stickers: how often a piece is a sticker, 0 to 1.
        fonts: folder of TrueType or OpenType files; None takes Pillow's own.

    Raises:
        ValueError: if the folder is not there or holds none.
    """

    count: tuple[int, int] = attrs.field(default=(1, 2), validator=between(1))
    height: tuple[float, float] = attrs.field(default=(0.03, 0.12), validator=between(0, 1))
    stickers: float = attrs.field(default=0.2, validator=[ge(0), le(1)])
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
        colors = np.zeros((*image.shape[:2], 3), np.float32)
        alpha = np.zeros(image.shape[:2], np.float32)
        for _ in range(int(rng.integers(self.count[0], self.count[1] + 1))):
            draw = self._sticker if rng.random() < self.stickers else self._writing
            colors, alpha = draw(colors, alpha, rng)
        return join_rgba(colors, alpha)

    def _writing(
        self, colors: NDArray[np.floating], alpha: NDArray[np.floating], rng: np.random.Generator
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        height, width = alpha.shape
        short = min(height, width)
        pixels = max(5, round(short * rng.uniform(*self.height)))
        style = str(rng.choice(["plain", "outline", "outline", "shadow", "bar", "colors"]))
        outline = max(1, round(pixels * rng.uniform(0.04, 0.12)))
        text = "\n".join(compose_line(rng, (2, 6)) for _ in range(int(rng.integers(1, 4))))
        letters, thick = write(text, choose_font(self._fonts, pixels, rng), outline=outline, align="center")
        if letters.width > width:
            fitting = (width, max(1, round(letters.height * width / letters.width)))
            letters, thick = (m.resize(fitting, Image.Resampling.LANCZOS) for m in (letters, thick))
        x, y = (width - letters.width) // 2, round((height - letters.height) * rng.choice([0.03, 0.5, 0.96, 0.96]))
        if rng.random() < 0.4:
            x, y = position(letters, (height, width), rng)
        form, outlined = (_spread(mask, (x, y), (height, width)) for mask in (letters, thick))
        color = _writing_color(rng)
        contrast = (0, 0, 0) if sum(color) > 330 else (255, 255, 255)
        if style == "outline":
            colors, alpha = lay_over(colors, alpha, contrast, outlined)
        elif style == "shadow":
            soft = ndimage.gaussian_filter(np.roll(outlined, (outline, outline), (0, 1)), outline * 0.7)
            colors, alpha = lay_over(colors, alpha, contrast, soft * np.float32(rng.uniform(0.4, 0.9)))
        elif style == "bar":
            pad = max(2, round(pixels * rng.uniform(0.1, 0.5)))
            box = np.zeros_like(alpha)
            left, right = (0, width) if rng.random() < 0.3 else (x - pad, x + letters.width + pad)
            box[max(0, y - pad) : max(0, y + letters.height + pad), max(0, left) : max(0, right)] = 1
            ground = contrast if rng.random() < 0.6 else random_color(rng)
            colors, alpha = lay_over(colors, alpha, ground, box * np.float32(rng.choice([0.4, 0.6, 1.0, 1.0])))
        over: NDArray[np.floating] | tuple[int, int, int] = color
        if style == "colors":
            parts = np.linspace(0, width, int(rng.integers(3, 10))).astype(int)
            bands = np.zeros((height, width, 3), np.float32)
            for left, right in pairwise(parts):
                bands[:, left:right] = random_color(rng)
            over = bands
        return lay_over(colors, alpha, over, form)

    def _sticker(
        self, colors: NDArray[np.floating], alpha: NDArray[np.floating], rng: np.random.Generator
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        size = (alpha.shape[0], alpha.shape[1])
        side = max(8, round(min(size) * rng.uniform(0.08, 0.35)))
        sticker = _draw_sticker(rng)
        sticker = sticker.rotate(float(rng.normal(0, 15)), Image.Resampling.BICUBIC, expand=True)
        sticker = sticker.resize((side, side), Image.Resampling.LANCZOS)
        x, y = position(sticker, size, rng)
        sheet = Image.new("RGBA", (size[1], size[0]))
        sheet.paste(sticker, (x, y))
        pixels = np.asarray(sheet, np.float32)
        if rng.random() < 0.5:
            border = np.asarray(sheet.getchannel("A").filter(ImageFilter.MaxFilter(2 * max(1, side // 30) + 1)))
            colors, alpha = lay_over(colors, alpha, (255, 255, 255), border.astype(np.float32) / 255)
        return lay_over(colors, alpha, pixels[..., :3], pixels[..., 3] / 255)


def _spread(mask: Image.Image, place: tuple[int, int], size: tuple[int, int]) -> NDArray[np.floating]:
    sheet = Image.new("L", (size[1], size[0]))
    sheet.paste(mask, place)
    return np.asarray(sheet, np.float32) / 255


def _writing_color(rng: np.random.Generator) -> tuple[int, int, int]:
    kind = rng.random()
    if kind < 0.5:
        return (255, 255, 255)
    if kind < 0.65:
        return (255, 230, 40)
    return (0, 0, 0) if kind < 0.75 else random_color(rng)


def _draw_sticker(rng: np.random.Generator) -> Image.Image:
    """A face, a heart, a star or a bubble, 192 pixels on a side, RGBA."""
    sheet = Image.new("RGBA", (192, 192))
    draw = ImageDraw.Draw(sheet)
    color = (*random_color(rng), 255)
    kind = str(rng.choice(["face", "heart", "star", "bubble"]))
    if kind == "face":
        draw.ellipse((8, 8, 184, 184), fill=(255, int(rng.integers(190, 225)), int(rng.integers(30, 90)), 255))
        for x in (62, 114):
            draw.ellipse((x, 60, x + 18, 60 + int(rng.integers(12, 36))), fill=(60, 40, 20, 255))
        if rng.random() < 0.6:
            draw.arc((50, 70, 142, 150), 15, 165, fill=(60, 40, 20, 255), width=9)
        else:
            draw.ellipse((80, 110, 112, 150), fill=(60, 40, 20, 255))
    elif kind == "heart":
        draw.ellipse((16, 24, 100, 108), fill=color)
        draw.ellipse((92, 24, 176, 108), fill=color)
        draw.polygon([(24, 84), (168, 84), (96, 178)], fill=color)
    elif kind == "star":
        corners = 2 * int(rng.integers(4, 9))
        angles = np.arange(corners) * 2 * np.pi / corners
        radii = np.where(np.arange(corners) % 2 == 0, 90, rng.uniform(35, 60))
        points = 96 + radii[:, None] * np.stack([np.sin(angles), -np.cos(angles)], axis=1)
        draw.polygon([(float(x), float(y)) for x, y in points], fill=color)
    else:
        draw.ellipse((6, 20, 186, 140), fill=(255, 255, 255, 255), outline=(20, 20, 20, 255), width=5)
        draw.polygon([(50, 128), (90, 134), (40, 184)], fill=(255, 255, 255, 255))
    return sheet
