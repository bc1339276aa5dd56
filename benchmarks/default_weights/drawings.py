"""Damage beyond that of ``newcomer.py``, drawn with plain Pillow; no content of hcl_sdk is used."""

from __future__ import annotations

import itertools

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps


def tone_sepia(photo: Image.Image) -> Image.Image:
    """Tone a photo in sepia, like an old print."""
    return ImageOps.colorize(photo.convert("L"), (38, 30, 24), (240, 228, 206))


def tiled(photo: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Draw a word all over the photo, slanted, 40 % opaque."""
    height = round(min(photo.size) * rng.uniform(0.05, 0.08))
    side = 2 * max(photo.size)
    sheet = Image.new("L", (side, side))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=float(height))
    for y in range(0, sheet.height, 4 * height):
        for x in range(y // 2 % (7 * height), sheet.width, 8 * height):
            draw.text((x, y), "sample", 255, font)
    sheet = ImageOps.fit(sheet.rotate(float(rng.uniform(20, 40)), Image.Resampling.BICUBIC), sheet.size)
    corner = (sheet.width - photo.width) // 2, (sheet.height - photo.height) // 2
    sheet = sheet.crop((*corner, corner[0] + photo.width, corner[1] + photo.height))
    return _blend(photo, sheet, 0.4, (255, 255, 255))


def badge(photo: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Draw a ring with initials into a corner, 55 % opaque."""
    side = round(min(photo.size) * rng.uniform(0.16, 0.24))
    sheet = Image.new("L", photo.size)
    draw, left, top = ImageDraw.Draw(sheet), photo.width - side - side // 4, photo.height - side - side // 4
    draw.ellipse([left, top, left + side, top + side], outline=255, width=max(3, side // 12))
    draw.text((left + side / 2, top + side / 2), "HM", 255, ImageFont.load_default(size=0.4 * side), anchor="mm")
    return _blend(photo, sheet, 0.55, (255, 255, 255))


def cracks(photo: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Draw jagged light lines with a dark side, as a folded print has them."""
    sheet = Image.new("L", photo.size)
    draw = ImageDraw.Draw(sheet)
    for _ in range(3):
        begin, end = rng.uniform(0, 1, (2, 2)) * photo.size
        steps = np.linspace(0, 1, 30)[:, None]
        line = begin + steps * (end - begin) + rng.normal(0, 0.006 * min(photo.size), (30, 2)).cumsum(axis=0)
        for (a, b), (c, d) in itertools.pairwise(line.tolist()):
            draw.line([a, b, c, d], 255, int(rng.integers(1, 4)))
    shade = Image.new("L", photo.size)
    shade.paste(sheet, (1, 1))
    return _blend(_blend(photo, shade, 0.5, (60, 50, 40)), sheet, 0.9, (228, 222, 208))


def dust(photo: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Draw specks and hairs."""
    sheet = Image.new("L", photo.size)
    draw = ImageDraw.Draw(sheet)
    for x, y in rng.uniform(0, 1, (40, 2)) * photo.size:
        radius = rng.uniform(0.8, 3)
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)
    for x, y in rng.uniform(0, 1, (5, 2)) * photo.size:
        length, start = rng.uniform(12, 40), rng.uniform(0, 360)
        draw.arc([x, y, x + length, y + length], start, start + rng.uniform(60, 160), fill=255, width=2)
    return _blend(photo, sheet, 0.9, (236, 232, 222))


def glow(photo: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Draw a date as a camera burns it into film: red, with a soft edge."""
    sheet = Image.new("L", photo.size)
    height = round(min(photo.size) * rng.uniform(0.04, 0.06))
    text = f"'{rng.integers(85, 99)}  {rng.integers(1, 13)}  {rng.integers(1, 29)}"
    place = photo.width - 2 * height, photo.height - 2 * height
    ImageDraw.Draw(sheet).text(place, text, 255, ImageFont.load_default(size=float(height)), anchor="rb")
    return _blend(photo, sheet.filter(ImageFilter.GaussianBlur(0.8)), 0.95, (255, 84, 40))


def spray(photo: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Draw a thick loop with a soft edge in a strong color."""
    sheet = Image.new("L", photo.size)
    at = np.linspace(0, 2 * np.pi * rng.uniform(1.2, 2), 90)
    x = photo.width * (0.5 + 0.3 * np.cos(at + rng.uniform(0, 6)) + 0.04 * at / at[-1])
    y = photo.height * (0.5 + 0.3 * np.sin(1.3 * at + rng.uniform(0, 6)))
    width = round(min(photo.size) * rng.uniform(0.025, 0.045))
    ImageDraw.Draw(sheet).line([(float(a), float(b)) for a, b in zip(x, y, strict=True)], 255, width, "curve")
    color = [(220, 30, 60), (30, 160, 70), (20, 20, 25), (250, 200, 20)][rng.integers(4)]
    return _blend(photo, sheet.filter(ImageFilter.GaussianBlur(width / 8)), 0.97, color)


def tag(photo: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Write a name across the photo."""
    sheet = Image.new("L", photo.size)
    height = min(photo.size) * rng.uniform(0.2, 0.3)
    place = photo.width / 2, photo.height * rng.uniform(0.35, 0.65)
    font = ImageFont.load_default(size=height)
    ImageDraw.Draw(sheet).text(place, "ZOE", 255, font, anchor="mm", stroke_width=round(height / 20), stroke_fill=255)
    sheet = sheet.rotate(float(rng.uniform(-20, 20)), Image.Resampling.BICUBIC)
    color = [(40, 70, 210), (235, 60, 160), (245, 245, 245)][rng.integers(3)]
    return _blend(photo, sheet, 0.97, color)


def bar(photo: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Draw black bars, as over names and number plates."""
    damaged = photo.copy()
    for _ in range(3):
        width, height = min(photo.size) * rng.uniform(0.2, 0.4), min(photo.size) * rng.uniform(0.04, 0.07)
        x, y = rng.uniform(0, photo.width - width), rng.uniform(0, photo.height - height)
        ImageDraw.Draw(damaged).rectangle([x, y, x + width, y + height], fill=(12, 12, 12))
    return damaged


def mosaic(photo: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Draw a coarse copy over a part of the photo, as over faces."""
    side = round(min(photo.size) * rng.uniform(0.3, 0.45))
    x, y = (int(rng.integers(0, length - side)) for length in photo.size)
    box = x, y, x + side, y + side
    damaged = photo.copy()
    coarse = photo.crop(box).resize((9, 9), Image.Resampling.BOX)
    damaged.paste(coarse.resize((side, side), Image.Resampling.NEAREST), box)
    return damaged


def _blend(photo: Image.Image, alpha: Image.Image, opacity: float, color: tuple[int, int, int]) -> Image.Image:
    scaled = alpha.point([round(opacity * v) for v in range(256)])
    return Image.composite(Image.new("RGB", photo.size, color), photo, scaled)
