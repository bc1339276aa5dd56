"""Dirt, hair, scratches and stains of film and prints."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from hcl_sdk.corruptions.ranges import between
from hcl_sdk.corruptions.soft import draw_path, join_rgba, rough_noise, smooth_curve, smooth_noise, walk
from hcl_sdk.interfaces import Content, component
from hcl_sdk.photos.find import list_photo_files
from hcl_sdk.photos.masks import read_mask


@component
class FilmDamage(Content):
    """What decades leave on film and prints: scratches, hairs, specks and blotches, light or dark.

    Their strength varies along the way, they are thin and a little out of focus.

    Attributes:
        count: scratches, hairs, specks or blotches, from and to; there are often ten times as many specks.
        strength: opacity at the strongest place, from and to.
        masks: folder of photos of single defects, white on black, which are then drawn as well, turned and scaled;
            None draws all.

    Raises:
        ValueError: if the folder is not there or holds no photos.
        SampleError: from ``paint``, if a mask cannot be decoded.
    """

    count: tuple[int, int] = attrs.field(default=(1, 12), validator=between(1))
    strength: tuple[float, float] = attrs.field(default=(0.3, 1.0), validator=between(0, 1))
    masks: str | None = None

    def __attrs_post_init__(self) -> None:
        self._masks: tuple[Path, ...] = () if self.masks is None else list_photo_files(self.masks, "masks")

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        size = image.shape[0], image.shape[1]
        light, dark = np.zeros(size, np.float32), np.zeros(size, np.float32)
        draws = (_scratch, _hair, _specks, _specks, _blotch, _vertical)
        is_light = rng.random() < 0.65
        mixed = rng.random() < 0.3
        kinds = rng.choice(len(draws) + (3 if self._masks else 0), size=int(rng.integers(1, 4)))
        for _ in range(int(rng.integers(self.count[0], self.count[1] + 1))):
            kind = int(rng.choice(kinds))
            defect = draws[kind](size, rng) if kind < len(draws) else self._from_file(size, rng)
            defect = defect * np.float32(rng.uniform(*self.strength))
            onto = light if is_light != (mixed and rng.random() < 0.5) else dark
            np.maximum(onto, defect, out=onto)
        varied = 0.35 + 0.65 * smooth_noise(size, min(size) * rng.uniform(0.05, 0.3), rng)
        total = np.maximum(light, dark) * varied
        sharpness = rng.uniform(0.0, max(0.4, min(size) / 400))
        total = ndimage.gaussian_filter(total, sharpness) if sharpness > 0.2 else total
        tint = rng.uniform(-12, 12, 3)
        bright, black = rng.uniform(200, 255) + tint, rng.uniform(0, 50) + tint
        colors = np.where((light >= dark)[..., None], bright, black)
        return join_rgba(colors.astype(np.float32), total)

    def _from_file(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.floating]:
        path = self._masks[int(rng.integers(len(self._masks)))]
        mask = _read_defect(path)
        side = max(4, round(min(size) * np.exp(rng.uniform(np.log(0.1), np.log(1.2)))))
        scale = side / max(mask.size)
        mask = mask.resize(
            (max(1, round(mask.width * scale)), max(1, round(mask.height * scale))), Image.Resampling.BOX
        )
        mask = mask.rotate(float(rng.uniform(0, 360)), Image.Resampling.BILINEAR, expand=True)
        sheet = Image.new("L", (size[1], size[0]))
        left, top = (round(rng.uniform(-s / 2, e - s / 2)) for s, e in zip(mask.size, sheet.size, strict=True))
        sheet.paste(mask, (left, top))
        alpha = np.asarray(sheet, np.float32) / 255
        return np.clip(alpha * 1.5, 0, 1)


@lru_cache(maxsize=1024)  # a training run draws each of them a thousand times
def _read_defect(path: Path) -> Image.Image:
    return Image.fromarray(read_mask(path, str(path), "white").astype(np.uint8) * 255)


def _scratch(size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.floating]:
    height, width = size
    start = rng.uniform(0, 1, 2) * [width, height]
    points = walk(
        rng, start, rng.uniform(0, 2 * np.pi), steps=20, length=min(size) * rng.uniform(0.005, 0.05), bend=0.04
    )
    return draw_path(size, points, _thin(size, rng))


def _vertical(size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.floating]:
    """What a projector scratches: down the film, now and then interrupted."""
    height, width = size
    x = rng.uniform(0, width)
    ends = np.sort(rng.uniform(-0.3, 1.3, 2)) * height
    points = np.stack([x + np.cumsum(rng.normal(0, 0.12, 30)), np.linspace(float(ends[0]), float(ends[1]), 30)], axis=1)
    line = draw_path(size, points, _thin(size, rng))
    gaps = np.interp(np.arange(height), np.linspace(0, height, 12), rng.uniform(-0.3, 1.4, 12)).clip(0, 1)
    return line * gaps[:, None].astype(np.float32)


def _hair(size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.floating]:
    height, width = size
    start = rng.uniform(0, 1, 2) * [width, height]
    bent = rng.normal(0, 0.15)
    angles = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(bent, 0.2, 14))
    steps = min(size) * rng.uniform(0.008, 0.035) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return draw_path(size, smooth_curve(start + np.cumsum(steps, axis=0), 40), _thin(size, rng))


def _specks(size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.floating]:
    """Up to ten specks, each a few pixels, of no regular form."""
    height, width = size
    total = np.zeros(size, np.float32)
    for _ in range(int(rng.integers(1, 11))):
        radius = max(0.7, min(size) * float(rng.exponential(0.004)))
        reach = int(np.ceil(radius * 2.5)) + 1
        x, y = int(rng.integers(width)), int(rng.integers(height))
        top, left = max(0, y - reach), max(0, x - reach)
        rows, columns = np.mgrid[top : min(height, y + reach + 1), left : min(width, x + reach + 1)]
        turn, stretch = rng.uniform(0, np.pi), rng.uniform(1, 2.2)
        across = np.cos(turn) * (columns - x) + np.sin(turn) * (rows - y)
        down = -np.sin(turn) * (columns - x) + np.cos(turn) * (rows - y)
        distance = np.hypot(across / stretch, down) + rng.normal(0, 0.15 * radius, rows.shape)
        part = total[top : top + rows.shape[0], left : left + rows.shape[1]]
        np.maximum(part, (radius + 0.5 - distance).clip(0, 1), out=part)
    return total


def _blotch(size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.floating]:
    height, width = size
    radius = max(1.0, min(size) * rng.uniform(0.01, 0.08))
    x, y = int(rng.integers(width)), int(rng.integers(height))
    reach = int(np.ceil(2.5 * radius))
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    distance = np.hypot(columns, rows) / radius + 1.6 * rough_noise((2 * reach + 1, 2 * reach + 1), radius, rng)
    blotch = Image.fromarray(np.round(255 * ((1 - distance) * radius / 2).clip(0, 1)).astype(np.uint8))
    sheet = Image.new("L", (width, height))
    sheet.paste(blotch, (x - reach, y - reach))
    return np.asarray(sheet, np.float32) / 255


def _thin(size: tuple[int, int], rng: np.random.Generator) -> float:
    return max(0.6, min(size) * float(rng.uniform(0.0015, 0.009)))
