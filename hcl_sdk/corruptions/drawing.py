"""Building blocks of several shapes and contents; all randomness comes from the generator passed in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from hcl_sdk.corruptions.ranges import pick
from hcl_sdk.photos.read import read_rgba

Fill = int | tuple[int, ...]

_LETTERS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"))


def pick_color(rng: np.random.Generator) -> tuple[int, int, int]:
    """Pick black, white, a gray or, most often, any color."""
    kind = rng.random()
    if kind < 0.3:
        gray = int(rng.choice([0, 255, int(rng.integers(256))]))
        return gray, gray, gray
    red, green, blue = rng.integers(256, size=3)
    return int(red), int(green), int(blue)


def draw_stroke(
    draw: ImageDraw.ImageDraw,
    rng: np.random.Generator,
    size: tuple[int, int],
    *,
    turns: int,
    width: float,
    length: tuple[float, float],
    fill: Fill,
) -> None:
    """Draw a bent line with round ends and joints; ``width`` and ``length`` (of each segment) in pixels."""
    height, across = size
    point = rng.uniform(0, (across, height))
    angle = rng.uniform(0, 2 * np.pi)
    radius = width / 2
    for _ in range(turns):
        angle += rng.normal(0, 0.8)
        end = point + rng.uniform(*length) * np.array([np.cos(angle), np.sin(angle)])
        draw.line([*point, *end], fill=fill, width=max(1, round(width)))
        if radius >= 1:
            draw.ellipse([*(end - radius), *(end + radius)], fill=fill)
        point = end


def draw_polygon(draw: ImageDraw.ImageDraw, points: NDArray[np.floating], fill: Fill) -> None:
    """Draw a filled polygon through points ``[N, 2]``, x and y in pixels."""
    draw.polygon([(float(x), float(y)) for x, y in points], fill=fill)


def rotate_points(points: NDArray[np.floating], angle: float) -> NDArray[np.floating]:
    """Rotate points ``[N, 2]``, x and y, around the origin by ``angle`` radians."""
    return points @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def make_word(rng: np.random.Generator) -> str:
    """Make a meaningless word of letters and digits."""
    return "".join(rng.choice(_LETTERS, int(rng.integers(2, 10))))


@lru_cache(maxsize=64)
def load_font(pixels: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Load Pillow's own font, about ``pixels`` high."""
    return ImageFont.load_default(size=float(max(4, pixels)))


def write_words(rng: np.random.Generator, pixels: int, *, lines: int = 1) -> Image.Image:
    """Write a few words as an 8-bit mask, cropped to them; sometimes bold, or as an outline."""
    text = "\n".join(" ".join(make_word(rng) for _ in range(int(rng.integers(1, 4)))) for _ in range(lines))
    chosen = load_font(pixels)
    bold = int(rng.integers(0, max(1, pixels // 12) + 1))
    box = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox((0, 0), text, font=chosen, stroke_width=bold)
    stamp = Image.new("L", (max(1, int(box[2] - box[0]) + 2), max(1, int(box[3] - box[1]) + 2)))
    draw = ImageDraw.Draw(stamp)
    draw.multiline_text((1 - box[0], 1 - box[1]), text, font=chosen, fill=255, stroke_width=bold)
    if bold >= 2 and rng.random() < 0.3:
        draw.multiline_text((1 - box[0], 1 - box[1]), text, font=chosen, fill=0)
    return stamp


def draw_emblem(rng: np.random.Generator, pixels: int) -> Image.Image:
    """Draw a simple sign with a word as an 8-bit mask: a substitute for files of logos."""
    pixels = max(8, pixels)
    sign = Image.new("L", (pixels, pixels))
    draw = ImageDraw.Draw(sign)
    inner = pixels * float(rng.uniform(0.15, 0.4))
    middle, radius = pixels / 2, pixels / 2 - 1
    corners = int(rng.integers(2, 9))
    turn = float(rng.uniform(0, 360))
    for size, fill in ((radius, 255), (radius - inner, 0), ((radius - inner) * float(rng.uniform(0.3, 0.8)), 255)):
        if size < 1:
            continue
        if corners == 2:
            draw.ellipse([middle - size, middle - size, middle + size, middle + size], fill=fill)
        else:
            draw.regular_polygon((middle, middle, size), max(3, corners), rotation=round(turn), fill=fill)
    if rng.random() < 0.4:
        return sign
    name = write_words(rng, max(6, pixels // 2))
    if rng.random() < 0.5:
        both = Image.new("L", (max(pixels, name.width), pixels + name.height))
        both.paste(sign, ((both.width - pixels) // 2, 0))
        both.paste(name, ((both.width - name.width) // 2, pixels))
    else:
        both = Image.new("L", (pixels + name.width + pixels // 4, max(pixels, name.height)))
        both.paste(sign, (0, (both.height - pixels) // 2))
        both.paste(name, (pixels + pixels // 4, (both.height - name.height) // 2))
    return both


def choose_logo(files: Sequence[Path], side: int, rng: np.random.Generator) -> Image.Image:
    """Choose a logo, ``side`` pixels on its longer side: one of the files, or an emblem if there are none.

    Returns:
        An RGBA image, or an 8-bit mask of a logo without colors of its own: an emblem, or a file in which all visible
        pixels are black.

    Raises:
        PhotoError: if the file cannot be decoded.
    """
    if files:
        file = pick(rng, files)
        stamp = read_rgba(file, str(file))
        pixels = np.asarray(stamp)
        if not pixels[..., :3][pixels[..., 3] > 0].any():
            stamp = stamp.getchannel("A")
    else:
        stamp = draw_emblem(rng, side)
    stamp.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
    scale = side / max(stamp.size)
    if scale > 1:
        stamp = scale_image(stamp, scale)
    return stamp


def scale_image(
    image: Image.Image, scale: float, resampling: Image.Resampling = Image.Resampling.BICUBIC
) -> Image.Image:
    """Scale an image by a factor; it stays at least one pixel wide and high."""
    return image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), resampling)


def take_opacity(stamp: Image.Image) -> Image.Image:
    """Return the opacity of the result of :func:`choose_logo` as an 8-bit mask."""
    return stamp if stamp.mode == "L" else stamp.getchannel("A")


def mark_visible(opacity: Image.Image) -> Image.Image:
    """Mark the pixels of an 8-bit mask that are not 0 with 255, so that colors continue under soft edges."""
    return opacity.point(lambda value: 255 if value else 0)


def place_mask(stamp: Image.Image, size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """Place a stamp on an 8-bit mask of ``size = (H, W)``, for the most part inside."""
    sheet = Image.new("L", (size[1], size[0]))
    sheet.paste(stamp, choose_position(stamp, size, rng))
    return sheet


def choose_position(stamp: Image.Image, size: tuple[int, int], rng: np.random.Generator) -> tuple[int, int]:
    """Choose left and top for a stamp on a sheet of ``size = (H, W)``, so that it lies inside for the most part."""
    height, width = size
    free_x, free_y = width - stamp.width, height - stamp.height
    reach_x, reach_y = 0.2 * min(stamp.width, width), 0.2 * min(stamp.height, height)
    x = rng.uniform(min(0, free_x) - reach_x, max(0, free_x) + reach_x)
    y = rng.uniform(min(0, free_y) - reach_y, max(0, free_y) + reach_y)
    return round(x), round(y)


def fit_photo(pixels: NDArray[np.uint8], size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Crop a random part of a photo with the aspect ratio of ``size = (H, W)``, and scale it; sometimes mirror it."""
    height, width = size
    largest = min(pixels.shape[0] / height, pixels.shape[1] / width)
    scale = largest if largest <= 1 else rng.uniform(1.0, min(largest, 3.0))
    part_height = min(pixels.shape[0], max(1, round(height * scale)))
    part_width = min(pixels.shape[1], max(1, round(width * scale)))
    top = int(rng.integers(pixels.shape[0] - part_height + 1))
    left = int(rng.integers(pixels.shape[1] - part_width + 1))
    part = pixels[top : top + part_height, left : left + part_width]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    if part.shape[:2] == size:
        return np.ascontiguousarray(part)
    stamp = Image.fromarray(np.ascontiguousarray(part))
    return np.asarray(stamp.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2.0))
