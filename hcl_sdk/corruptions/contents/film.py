"""Dirt, hair, scratches and stains of film and prints."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hcl_sdk.corruptions.drawing import scale_image
from hcl_sdk.corruptions.ranges import between, pick, pick_count, pick_number
from hcl_sdk.corruptions.soft import (
    Patch,
    draw_path,
    draw_rough_noise,
    draw_smooth_noise,
    join_rgba,
    smooth_curve,
    walk,
)
from hcl_sdk.interfaces import Content, Damage, component
from hcl_sdk.photos.find import list_photo_files
from hcl_sdk.photos.masks import read_mask

_LARGEST = 512
"""Longer side, in pixels, to which masks are reduced."""


@component
class FilmDamage(Content):
    """Traces of age on film and prints: scratches, hairs, specks and blotches, light or dark.

    They are thin, slightly out of focus, and vary in strength.

    Attributes:
        count: range of the number of scratches, hairs, specks or blotches; there are often ten times as many specks.
        strength: range of the opacity at the strongest point.
        scale: range of the size of what is drawn, relative to a print as large as the image; below 1 the damage is
            finer, as in a scan of a large print.
        masks: folder of photos of single defects, white on black, which are used as well, turned and scaled; None draws
            all defects.

    Raises:
        ValueError: if the folder does not exist or holds no photos.
        PhotoError: from ``paint``, if a mask cannot be decoded.
    """

    damage: ClassVar[Damage] = "scratch"

    count: tuple[int, int] = attrs.field(default=(1, 12), validator=between(1))
    strength: tuple[float, float] = attrs.field(default=(0.3, 1.0), validator=between(0, 1))
    scale: tuple[float, float] = attrs.field(default=(1.0, 1.0), validator=between(0.05, 4))
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
        short = min(size) * pick_number(rng, self.scale)
        light, dark = np.zeros(size, np.float32), np.zeros(size, np.float32)
        draws = (*_DRAWS, *(3 * [self._draw_from_file] if self._masks else []))
        is_light, is_mixed = rng.random() < 0.65, rng.random() < 0.3
        kinds = rng.choice(len(draws), size=int(rng.integers(1, 4)))
        for _ in range(pick_count(rng, self.count)):
            onto = light if is_light != (is_mixed and rng.random() < 0.5) else dark
            strength = np.float32(rng.uniform(*self.strength))
            for patch in draws[int(rng.choice(kinds))](size, short, rng):
                Patch(patch.alpha * strength, patch.left, patch.top).merge_into(onto)
        varied = (0.4 + 1.2 * draw_smooth_noise(size, min(size) * rng.uniform(0.05, 0.3), rng)).clip(0, 1)
        total = Patch(np.maximum(light, dark) * varied).blur(rng.uniform(0.0, max(0.4, short / 400))).alpha
        tint = rng.uniform(-12, 12, 3)
        bright, black = rng.uniform(200, 255) + tint, rng.uniform(0, 50) + tint
        return join_rgba(np.where((light >= dark)[..., None], np.float32(bright), np.float32(black)), total)

    def _draw_from_file(self, size: tuple[int, int], short: float, rng: np.random.Generator) -> list[Patch]:
        mask = _read_defect(pick(rng, self._masks))
        side = max(4, round(short * np.exp(rng.uniform(np.log(0.1), np.log(1.2)))))
        mask = scale_image(mask, side / max(mask.size), Image.Resampling.BOX)
        mask = mask.rotate(float(rng.uniform(0, 360)), Image.Resampling.BILINEAR, expand=True)
        left, top = (round(rng.uniform(-s / 2, e - s / 2)) for s, e in zip(mask.size, (size[1], size[0]), strict=True))
        patch = Patch.from_image(mask, (left, top))
        return [Patch((patch.alpha * 1.5).clip(0, 1), left, top)]


@lru_cache(maxsize=1024)  # a training run draws each of them a thousand times
def _read_defect(path: Path) -> Image.Image:
    """Read an 8-bit mask, no larger than needed."""
    mask = Image.fromarray(read_mask(path, str(path), "white").astype(np.uint8) * 255)
    mask = mask.crop(mask.getbbox() or (0, 0, 1, 1))
    mask.thumbnail((_LARGEST, _LARGEST), Image.Resampling.BOX)
    return mask


def _draw_scratch(size: tuple[int, int], short: float, rng: np.random.Generator) -> list[Patch]:
    start = rng.uniform(0, 1, 2) * [size[1], size[0]]
    length = short * rng.uniform(0.005, 0.05)
    points = walk(rng, start, rng.uniform(0, 2 * np.pi), steps=20, length=length, bend=0.04)
    return [draw_path(size, points, _choose_width(short, rng))]


def _draw_vertical(size: tuple[int, int], short: float, rng: np.random.Generator) -> list[Patch]:
    """Draw the scratches of a projector: down the film, sometimes interrupted."""
    height, width = size
    x = rng.uniform(0, width)
    ends = np.sort(rng.uniform(-0.3, 1.3, 2)) * height
    points = np.stack([x + np.cumsum(rng.normal(0, 0.12, 30)), np.linspace(float(ends[0]), float(ends[1]), 30)], axis=1)
    line = draw_path(size, points, _choose_width(short, rng))
    rows = line.top + np.arange(line.alpha.shape[0])
    gaps = np.interp(rows, np.linspace(0, height, 12), rng.uniform(-0.3, 1.4, 12)).clip(0, 1)
    return [Patch(line.alpha * gaps[:, None].astype(np.float32), line.left, line.top)]


def _draw_hair(size: tuple[int, int], short: float, rng: np.random.Generator) -> list[Patch]:
    start = rng.uniform(0, 1, 2) * [size[1], size[0]]
    angles = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(rng.normal(0, 0.15), 0.2, 14))
    steps = short * rng.uniform(0.008, 0.035) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return [draw_path(size, smooth_curve(start + np.cumsum(steps, axis=0), 40), _choose_width(short, rng))]


def _draw_specks(size: tuple[int, int], short: float, rng: np.random.Generator) -> list[Patch]:
    """Draw up to ten irregular specks of a few pixels each."""
    specks = []
    for _ in range(int(rng.integers(1, 11))):
        radius = max(0.7, short * float(rng.exponential(0.004)))
        reach = int(np.ceil(radius * 2.5)) + 1
        x, y = int(rng.integers(size[1])), int(rng.integers(size[0]))
        rows, columns = np.ogrid[-reach : reach + 1, -reach : reach + 1]
        turn, stretch = rng.uniform(0, np.pi), rng.uniform(1, 2.2)
        across = np.cos(turn) * columns + np.sin(turn) * rows
        down = np.cos(turn) * rows - np.sin(turn) * columns
        distance = np.hypot(across / stretch, down) + rng.normal(0, 0.15 * radius, (2 * reach + 1, 2 * reach + 1))
        specks.append(Patch((radius + 0.5 - distance).clip(0, 1).astype(np.float32), x - reach, y - reach))
    return specks


def _draw_blotch(size: tuple[int, int], short: float, rng: np.random.Generator) -> list[Patch]:
    radius = max(1.0, short * rng.uniform(0.01, 0.08))
    x, y = int(rng.integers(size[1])), int(rng.integers(size[0]))
    reach = int(np.ceil(2.5 * radius))
    rows, columns = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    distance = np.hypot(columns, rows) / radius + 1.6 * draw_rough_noise((2 * reach + 1, 2 * reach + 1), radius, rng)
    return [Patch(((1 - distance) * radius / 2).clip(0, 1).astype(np.float32), x - reach, y - reach)]


def _choose_width(short: float, rng: np.random.Generator) -> float:
    return max(0.6, short * float(rng.uniform(0.0015, 0.009)))


_DRAWS = _draw_scratch, _draw_hair, _draw_specks, _draw_specks, _draw_blotch, _draw_vertical
