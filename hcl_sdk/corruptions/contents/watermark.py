"""Watermarks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Literal

import attrs
import numpy as np
from attrs.validators import min_len
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

from hcl_sdk.corruptions.drawing import choose_logo, scale_image, take_opacity
from hcl_sdk.corruptions.lettering import choose_font, compose_line, find_fonts, write_text
from hcl_sdk.corruptions.ranges import between, pick
from hcl_sdk.corruptions.soft import Canvas, Patch, draw_path
from hcl_sdk.interfaces import Content, Damage, component
from hcl_sdk.photos.find import list_photo_files


@component
class Watermark(Content):
    """Translucent words, a logo or both: one large, a small one in a corner, or tiled at a slant.

    Letters are filled, outlined, embossed or shadowed; light, dark or colored; stock previews also have long lines
    across the photo.

    Attributes:
        layouts: the choices, one of which is drawn for each photo; repeated ones are drawn more often.
        opacity: range of the opacity; low values are more frequent.
        logos: folder of photos with transparency; None draws simple signs.
        fonts: folder of TrueType or OpenType files; None uses Pillow's own font.

    Raises:
        ValueError: if a folder does not exist or holds no such files.
        PhotoError: from ``paint``, if a logo cannot be decoded.
    """

    damage: ClassVar[Damage] = "graphic"

    layouts: tuple[Literal["large", "corner", "tiled"], ...] = attrs.field(
        default=("large", "large", "corner", "tiled"), validator=min_len(1)
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
        layout = pick(rng, self.layouts)
        share = {"large": (0.35, 1.7), "corner": (0.12, 0.4), "tiled": (0.12, 0.4)}[layout]
        mark = self._draw_mark(max(6, round(short * rng.uniform(*share))), rng)
        if layout != "corner" and rng.random() < 0.6:
            turn = float(rng.choice([-45, -30, 30, 45])) if rng.random() < 0.5 else float(rng.uniform(-50, 50))
            mark = mark.rotate(turn + float(rng.normal(0, 4)), Image.Resampling.BICUBIC, expand=True)
        sheet = Image.new("L", (width, height))
        for left, top in _choose_places(layout, mark, size, rng):
            under = sheet.crop((left, top, left + mark.width, top + mark.height))
            sheet.paste(ImageChops.lighter(mark, under), (left, top))
        if layout == "large" and rng.random() < 0.35:
            sheet = _add_lines(sheet, max(0.7, short * rng.uniform(0.002, 0.006)), rng)
        if layout == "large" and rng.random() < 0.2:  # previews have their number in a corner
            number = self._write(f"#{int(rng.integers(10**8, 10**9))}", max(6, round(short * 0.16)), rng)
            at = width - number.width - 2, height - number.height - 2
            sheet.paste(255, at, number)
        strength = self.opacity[0] + (self.opacity[1] - self.opacity[0]) * float(rng.beta(1.3, 1.7))
        thick = max(1, round(short * rng.uniform(0.003, 0.01)))
        canvas = Canvas(size)
        if box := sheet.getbbox():
            margin = 4 * thick
            left, top = box[0] - margin, box[1] - margin
            form = np.asarray(sheet.crop((left, top, box[2] + margin, box[3] + margin)), np.float32) / 255
            colors, alpha = _style(form, thick, _choose_tint(rng), rng)
            canvas.lay(colors, Patch(alpha, left, top), strength)
        return canvas.to_rgba()

    def _draw_mark(self, side: int, rng: np.random.Generator) -> Image.Image:
        """Draw the form of a mark, ``side`` pixels on its longer side: an 8-bit mask."""
        kind = rng.random()
        words = None
        if kind < 0.75:
            lines = 2 if rng.random() < 0.25 else 1
            words = self._write("\n".join(compose_line(rng, (1, 3)) for _ in range(lines)), side, rng)
            if kind < 0.55:
                return words
        sign = take_opacity(
            choose_logo(self._logos, side if words is None else max(6, min(side, words.height * 2)), rng)
        )
        if words is None:
            return sign
        both = Image.new("L", (max(sign.width, words.width), sign.height + words.height + max(1, words.height // 6)))
        both.paste(sign, ((both.width - sign.width) // 2, 0))
        both.paste(words, ((both.width - words.width) // 2, both.height - words.height))
        return both

    def _write(self, text: str, side: int, rng: np.random.Generator) -> Image.Image:
        """Write words, ``side`` pixels on their longer side: an 8-bit mask."""
        longest = max(len(line) for line in text.split("\n"))
        pixels = min(256, max(12, round(2 * side / max(2, longest))))  # for letters half as wide as high
        words, _ = write_text(text, choose_font(self._fonts, pixels, rng), align="center")
        return scale_image(words, side / max(words.size), Image.Resampling.LANCZOS)


def _choose_places(
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


def _add_lines(sheet: Image.Image, thick: float, rng: np.random.Generator) -> Image.Image:
    """Add the cross, or the slanted lines, of a preview, which stop short of the text."""
    width, height = sheet.size
    lines = np.zeros((height, width), np.float32)
    if rng.random() < 0.6:
        ends = [[[0, 0], [width, height]], [[width, 0], [0, height]]]
    else:
        count, slant = int(rng.integers(2, 6)), rng.uniform(-0.6, 0.6)
        middles = [height * (i + 0.5) / count for i in range(count)]
        ends = [[[0, y - slant * width / 2], [width, y + slant * width / 2]] for y in middles]
    for both in ends:
        draw_path((height, width), np.array(both, np.float64), thick).merge_into(lines)
    near = np.asarray(sheet.filter(ImageFilter.BoxBlur(min(width, height) / 40)), np.float32) / 255
    drawn = Image.fromarray(np.round(255 * lines * (1 - near) ** 4).astype(np.uint8))
    return ImageChops.lighter(sheet, drawn)


def _choose_tint(rng: np.random.Generator) -> NDArray[np.floating]:
    kind = rng.random()
    if kind < 0.55:
        return np.full(3, rng.uniform(215, 255), np.float32)
    if kind < 0.75:
        return np.full(3, rng.uniform(0, 60), np.float32)
    if kind < 0.85:
        return np.full(3, rng.uniform(60, 215), np.float32)
    return rng.uniform(0, 255, 3).astype(np.float32)


def _style(
    form: NDArray[np.floating], thick: int, tint: NDArray[np.floating], rng: np.random.Generator
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Compute colors and opacity of a form that is filled, outlined, embossed or shadowed; ``thick`` in pixels."""
    size = (form.shape[0], form.shape[1])
    canvas, filled = Canvas(size), Patch(form)
    kind = rng.random()
    if kind < 0.5:
        canvas.lay(tint, filled)
    elif kind < 0.7:
        sheet = Image.fromarray(np.round(form * 255).astype(np.uint8))
        grown = np.asarray(sheet.filter(ImageFilter.MaxFilter(2 * thick + 1)), np.float32) / 255
        inside = float(rng.choice([0.0, 0.15, 0.35]))
        canvas.lay(tint, Patch((grown - form * (1 - inside)).clip(0, 1)))
    elif kind < 0.85:  # light from the upper left
        soft = filled.blur(thick * 0.8).alpha
        relief = np.roll(soft, (-thick, -thick), (0, 1)) - np.roll(soft, (thick, thick), (0, 1))
        canvas.lay(tint, filled, rng.uniform(0.0, 0.4))
        canvas.lay((255.0, 255.0, 255.0), Patch(relief.clip(0, 1)))
        canvas.lay((0.0, 0.0, 0.0), Patch((-relief).clip(0, 1)))
    else:
        shadow = 0.0 if tint.mean() > 90 else 255.0
        canvas.lay([shadow] * 3, filled.shift(thick, thick).blur(thick * rng.uniform(0.2, 1.0)), rng.uniform(0.4, 0.9))
        canvas.lay(tint, filled)
    return canvas.colors, canvas.alpha
