"""Damage for the first weights: plain shapes filled with plain contents, drawn with a numpy generator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Rng = np.random.Generator
Pixels = NDArray[np.float32]  # [H, W, 3] in [0, 1]
Mask = NDArray[np.bool_]  # [H, W], True = corrupted


class Photos:
    """Photos of a folder kept in memory as 8 bits, and random crops of them at random scales."""

    def __init__(self, paths: list[Path], short_side: int) -> None:
        self.images: list[NDArray[np.uint8]] = []
        for path in paths:
            with Image.open(path) as image:
                scale = min(1.0, short_side / min(image.size))
                size = (round(image.width * scale), round(image.height * scale))
                self.images.append(np.asarray(image.convert("RGB").resize(size, Image.Resampling.LANCZOS)))

    def crop(self, rng: Rng, size: int, index: int | None = None) -> Pixels:
        image = self.images[rng.integers(len(self.images)) if index is None else index]
        side = int(rng.integers(min(size, *image.shape[:2]), min(3 * size, *image.shape[:2]) + 1))
        top, left = (int(rng.integers(n - side + 1)) for n in image.shape[:2])
        picked = Image.fromarray(image[top : top + side, left : left + side])
        pixels = _pixels(picked.resize((size, size), Image.Resampling.LANCZOS))
        return pixels[:, ::-1] if rng.random() < 0.5 else pixels


KINDS = ("patch", "color", "noise", "graffiti", "text", "scratches", "mosaic")


def corrupt(image: Pixels, photos: Photos, rng: Rng, softness: float, kind: str | None = None) -> tuple[Pixels, Mask]:
    """A damaged copy of a square image and where it was damaged.

    ``softness`` in [0, 1] is how soft the edges of the damage may get (a Gaussian of up to 2 px); ``kind`` is one of
    ``KINDS``, drawn if None, the hardest one most often.
    """
    size = len(image)
    kind = kind or str(rng.choice([*KINDS, "patch", "patch"]))
    layer = Image.new("L", (size, size))
    draw = ImageDraw.Draw(layer)
    if kind == "text":
        _text(draw, size, rng)
    elif kind == "scratches":
        _scratches(draw, size, rng)
    elif kind == "graffiti":
        _strokes(draw, size, rng, count=int(rng.integers(2, 7)), width=(0.02, 0.07))
    else:
        [_strokes, _rectangles, _blobs][rng.integers(3)](draw, size, rng)
    mask = np.asarray(layer) > 127
    radius = float(rng.uniform(0, 2)) * softness if rng.random() < 0.7 else 0.0
    alpha = np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).filter(ImageFilter.GaussianBlur(radius)))
    alpha = alpha.astype(np.float32)[..., None] / 255
    if rng.random() < 0.15 and kind in ("text", "color", "graffiti"):
        alpha = alpha * float(rng.uniform(0.4, 0.9))
    content = _content(kind, image, mask, photos, rng)
    return np.clip(image * (1 - alpha) + content * alpha, 0, 1, dtype=np.float32), mask


def hole(size: int, rng: Rng) -> Mask:
    """Any shape that a restorer may have to fill."""
    layer = Image.new("L", (size, size))
    shapes = [_strokes, _strokes, _rectangles, _blobs, _text, _scratches]
    for _ in range(int(rng.integers(1, 3))):
        shapes[rng.integers(len(shapes))](ImageDraw.Draw(layer), size, rng)
    return np.asarray(layer) > 127


def _content(kind: str, image: Pixels, mask: Mask, photos: Photos, rng: Rng) -> Pixels:
    size = len(image)
    color = _color(rng)
    if kind == "patch":
        return photos.crop(rng, size)
    if kind == "noise":
        pixels = rng.random((size, size, 1 if rng.random() < 0.3 else 3), dtype=np.float32)
        return np.broadcast_to(pixels, image.shape) if rng.random() < 0.7 else (image + pixels - 0.5).astype(np.float32)
    if kind == "mosaic":
        block = int(rng.integers(4, 13))
        small = Image.fromarray((image * 255).astype(np.uint8)).resize(
            (max(1, size // block), max(1, size // block)), Image.Resampling.BOX
        )
        return _pixels(small.resize((size, size), Image.Resampling.NEAREST))
    if kind == "graffiti":
        layer = Image.new("RGB", (size, size), _rgb(color))
        draw = ImageDraw.Draw(layer)
        for _ in range(int(rng.integers(0, 6))):
            _strokes(draw, size, rng, count=1, width=(0.05, 0.3), fill=_rgb(_color(rng)))
        return _pixels(layer)
    return np.broadcast_to(color, image.shape)


def _pixels(image: Image.Image) -> Pixels:
    return np.asarray(image, dtype=np.float32) / np.float32(255)


def _color(rng: Rng) -> Pixels:
    if rng.random() < 0.3:
        return np.full(3, rng.choice([0.0, 1.0, rng.random()]), dtype=np.float32)
    return rng.random(3, dtype=np.float32)


def _rgb(color: Pixels) -> tuple[int, int, int]:
    r, g, b = (round(float(c) * 255) for c in color)
    return r, g, b


def _strokes(
    draw: ImageDraw.ImageDraw,
    size: int,
    rng: Rng,
    *,
    count: int | None = None,
    width: tuple[float, float] = (0.04, 0.2),
    fill: int | tuple[int, int, int] = 255,
) -> None:
    for _ in range(int(rng.integers(1, 5)) if count is None else count):
        thickness = max(1, round(size * rng.uniform(*width)))
        point, angle = rng.uniform(0, size, 2), rng.uniform(0, 2 * np.pi)
        for _ in range(int(rng.integers(3, 10))):
            angle += rng.normal(0, 0.8)
            end = point + size * rng.uniform(0.05, 0.2) * np.array([np.cos(angle), np.sin(angle)])
            draw.line([tuple(point), tuple(end)], fill=fill, width=thickness)
            r = thickness / 2
            draw.ellipse([*(end - r), *(end + r)], fill=fill)
            point = end


def _rectangles(draw: ImageDraw.ImageDraw, size: int, rng: Rng) -> None:
    for _ in range(int(rng.integers(1, 4))):
        w, h = size * rng.uniform(0.1, 0.6, 2)
        x, y = rng.uniform(-0.1, 0.9, 2) * size
        draw.rectangle([x, y, x + w, y + h], fill=255)


def _blobs(draw: ImageDraw.ImageDraw, size: int, rng: Rng) -> None:
    for _ in range(int(rng.integers(1, 4))):
        turns = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(5, 16))))
        radius = size * rng.uniform(0.08, 0.4) * rng.uniform(0.6, 1.0, len(turns))
        center = rng.uniform(0, size, 2)
        outline = center + radius[:, None] * np.stack([np.cos(turns), np.sin(turns)], axis=1)
        draw.polygon([tuple(p) for p in outline], fill=255)


def _text(draw: ImageDraw.ImageDraw, size: int, rng: Rng) -> None:
    letters = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 "))
    for _ in range(int(rng.integers(1, 4))):
        words = "".join(rng.choice(letters, int(rng.integers(3, 14))))
        font = ImageFont.load_default(size=float(size * rng.uniform(0.1, 0.35)))
        draw.text(tuple(rng.uniform([-0.1, 0], [0.5, 0.85]) * size), words, fill=255, font=font)


def _scratches(draw: ImageDraw.ImageDraw, size: int, rng: Rng) -> None:
    for _ in range(int(rng.integers(2, 12))):
        start = rng.uniform(0, size, 2)
        bend = start + rng.normal(0, 0.2, 2) * size
        end = bend + rng.normal(0, 0.3, 2) * size
        draw.line([tuple(start), tuple(bend), tuple(end)], fill=255, width=int(rng.integers(1, 4)), joint="curve")
