"""Watermarks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import attrs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter
from scipy import ndimage

from hcl_sdk.corruptions.drawing import logo, opacity
from hcl_sdk.corruptions.lettering import choose_font, compose_line, find_fonts, write
from hcl_sdk.corruptions.ranges import between
from hcl_sdk.corruptions.soft import draw_path, join_rgba, lay_over
from hcl_sdk.interfaces import Content, component
from hcl_sdk.photos.find import list_photo_files


@component
class Watermark(Content):
    """Words, a logo or both, shining through: one large, a small one in a corner, or tiled at a slant.

    Letters are filled, outlined, embossed or with a shadow; light, dark or colored; stock previews have long lines
    across the photo as well.

    Attributes:
        layouts: one of which is drawn for each photo; what is there twice comes twice as often.
        opacity: from and to; low ones come more often.
        logos: folder of photos with transparency; None draws plain signs.
        fonts: folder of TrueType or OpenType files; None takes Pillow's own.

    Raises:
        ValueError: if a folder is not there or holds none.
        SampleError: from ``paint``, if a logo cannot be decoded.
    """

    layouts: tuple[Literal["large", "corner", "tiled"], ...] = attrs.field(
        default=("large", "large", "corner", "tiled"), validator=attrs.validators.min_len(1)
    )
    opacity: tuple[float, float] = attrs.field(default=(0.1, 0.9), validator=between(0, 1))
    logos: str | None = None
    fonts: str | None = None

    def __attrs_post_init__(self) -> None:
        self._logos: tuple[Path, ...] = () if self.logos is None else list_photo_files(self.logos, "logos")
        self._fonts = find_fonts(self.fonts)

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        height, width = image.shape[:2]
        size, short = (height, width), min(height, width)
        layout = self.layouts[int(rng.integers(len(self.layouts)))]
        share = {"large": (0.35, 1.0), "corner": (0.12, 0.4), "tiled": (0.12, 0.4)}[layout]
        mark = self._mark(max(6, round(short * rng.uniform(*share))), rng)
        if layout != "corner" and rng.random() < 0.5:
            turn = float(rng.choice([-45, -30, 30, 45])) + float(rng.normal(0, 4))
            mark = mark.rotate(turn, Image.Resampling.BICUBIC, expand=True)
        if max(mark.width / width, mark.height / height) > 1.1:
            mark.thumbnail((max(1, round(1.1 * width)), max(1, round(1.1 * height))), Image.Resampling.BICUBIC)
        sheet = Image.new("L", (width, height))
        for place in _places(layout, mark, size, rng):
            sheet.paste(
                ImageChops.lighter(mark, sheet.crop((*place, place[0] + mark.width, place[1] + mark.height))), place
            )
        form = np.asarray(sheet, np.float32) / 255
        if layout == "large" and rng.random() < 0.35:
            lines = _lines(size, max(0.7, short * rng.uniform(0.002, 0.006)), rng)
            form = np.maximum(form, lines * (1 - ndimage.gaussian_filter(form, short / 40)).clip(0, 1) ** 4)
        strength = self.opacity[0] + (self.opacity[1] - self.opacity[0]) * float(rng.beta(1.3, 1.7))
        colors, alpha = _style(form, short, _tint(rng), rng)
        return join_rgba(colors, alpha * strength)

    def _mark(self, side: int, rng: np.random.Generator) -> Image.Image:
        """The form of a mark, ``side`` pixels on its longer side: an 8-bit mask."""
        kind = rng.random()
        words = None
        if kind < 0.75:
            text = compose_line(rng, (1, 3))
            if rng.random() < 0.25:
                text += "\n" + compose_line(rng, (1, 3))
            pixels = 48
            words, _ = write(text, choose_font(self._fonts, pixels, rng), align="center")
            scale = side / max(words.size)
            words = words.resize(
                (max(1, round(words.width * scale)), max(1, round(words.height * scale))),
                Image.Resampling.LANCZOS,
            )
            if kind < 0.55:
                return words
        sign = opacity(logo(self._logos, side if words is None else max(6, min(side, words.height * 2)), rng))
        if words is None:
            return sign
        both = Image.new("L", (max(sign.width, words.width), sign.height + words.height + max(1, words.height // 6)))
        both.paste(sign, ((both.width - sign.width) // 2, 0))
        both.paste(words, ((both.width - words.width) // 2, both.height - words.height))
        return both


def _places(
    layout: str, mark: Image.Image, size: tuple[int, int], rng: np.random.Generator
) -> Sequence[tuple[int, int]]:
    height, width = size
    if layout == "tiled":
        across, down = (max(6, round(side * rng.uniform(1.1, 1.9))) for side in mark.size)
        shift = rng.uniform(0, 0.5)
        return [
            (x, y)
            for row, y in enumerate(range(-int(rng.integers(down)), height, down))
            for x in range(-across + round(row * shift * across) % across, width, across)
        ]
    free_x, free_y = width - mark.width, height - mark.height
    if layout == "corner":
        margin = round(min(size) * rng.uniform(0.01, 0.08))
        x = margin if rng.random() < 0.3 else free_x - margin
        y = margin if rng.random() < 0.3 else free_y - margin
        return [(x, y)]
    return [(round(free_x * rng.normal(0.5, 0.12)), round(free_y * rng.normal(0.5, 0.15)))]


def _lines(size: tuple[int, int], thick: float, rng: np.random.Generator) -> NDArray[np.floating]:
    """The cross, or the lines at a slant, of a preview."""
    height, width = size
    corners = np.array([[0, 0], [width, height], [width, 0], [0, height]], np.float64)
    if rng.random() < 0.6:
        return np.maximum(draw_path(size, corners[:2], thick), draw_path(size, corners[2:], thick))
    total = np.zeros(size, np.float32)
    count, slant = int(rng.integers(2, 6)), rng.uniform(-0.6, 0.6)
    for i in range(count):
        y = height * (i + 0.5) / count
        ends = np.array([[0, y - slant * width / 2], [width, y + slant * width / 2]])
        total = np.maximum(total, draw_path(size, ends, thick))
    return total


def _tint(rng: np.random.Generator) -> NDArray[np.floating]:
    kind = rng.random()
    if kind < 0.55:
        return np.full(3, rng.uniform(215, 255), np.float32)
    if kind < 0.75:
        return np.full(3, rng.uniform(0, 60), np.float32)
    if kind < 0.85:
        return np.full(3, rng.uniform(60, 215), np.float32)
    return rng.uniform(0, 255, 3).astype(np.float32)


def _style(
    form: NDArray[np.floating], short: int, tint: NDArray[np.floating], rng: np.random.Generator
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Colors and opacity of a form that is filled, outlined, embossed or has a shadow."""
    kind = rng.random()
    flat = np.broadcast_to(tint, (*form.shape, 3)).astype(np.float32)
    thick = max(1, round(short * rng.uniform(0.003, 0.01)))
    if kind < 0.5:
        return flat, form
    if kind < 0.7:
        sheet = Image.fromarray(np.round(form * 255).astype(np.uint8))
        grown = np.asarray(sheet.filter(ImageFilter.MaxFilter(2 * thick + 1)), np.float32) / 255
        inside = rng.choice([0.0, 0.15, 0.35])
        return flat, (grown - form * (1 - inside)).clip(0, 1)
    if kind < 0.85:
        blurred = ndimage.gaussian_filter(form, thick * 0.8)
        light = np.roll(blurred, (-thick, -thick), (0, 1)) - np.roll(blurred, (thick, thick), (0, 1))
        edge = np.where(light > 0, 255.0, 0.0).astype(np.float32)
        colors = np.repeat(edge[..., None], 3, axis=2)
        under = form * rng.uniform(0.0, 0.4)
        return lay_over(flat, under, colors, np.abs(light).clip(0, 1))
    shadow = np.roll(form, (thick, thick), (0, 1))
    shadow = ndimage.gaussian_filter(shadow, thick * rng.uniform(0.2, 1.0))
    dark = np.broadcast_to(np.float32(0 if tint.mean() > 90 else 255), (*form.shape, 3)).astype(np.float32)
    return lay_over(dark, shadow * rng.uniform(0.4, 0.9), tint, form)
