"""Water drops and stains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from hcl_sdk.corruptions.ranges import between
from hcl_sdk.corruptions.soft import join_rgba, lay_over, rough_noise, smooth_noise
from hcl_sdk.interfaces import Content, component


@component
class Drops(Content):
    """Stains that shine through, darker at their edge, and drops of water that bend what is behind them.

    Attributes:
        kinds: one of which is drawn for each photo; what is there twice comes twice as often.
        count: from and to.
        radius: of each, as a share of the photo's shorter side.
    """

    kinds: tuple[Literal["stain", "water"], ...] = attrs.field(
        default=("stain", "stain", "water"), validator=attrs.validators.min_len(1)
    )
    count: tuple[int, int] = attrs.field(default=(1, 6), validator=between(1))
    radius: tuple[float, float] = attrs.field(default=(0.03, 0.25), validator=between(0, 1))

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        kind = self.kinds[int(rng.integers(len(self.kinds)))]
        colors: NDArray[np.floating] = np.zeros(image.shape, np.float32)
        alpha: NDArray[np.floating] = np.zeros(image.shape[:2], np.float32)
        tint = _stain_color(rng)
        for _ in range(int(rng.integers(self.count[0], self.count[1] + 1))):
            radius = max(2.0, min(alpha.shape) * rng.uniform(*self.radius) * (1.0 if kind == "stain" else 0.5))
            field, center = _outline((alpha.shape[0], alpha.shape[1]), radius, 0.9 if kind == "stain" else 0.25, rng)
            if kind == "stain":
                over, opacity = np.broadcast_to(tint, image.shape), _stain(field, radius, rng)
            else:
                over, opacity = _water(image, field, center, radius, rng)
            colors, alpha = lay_over(colors, alpha, over, opacity)
        return join_rgba(colors, alpha)


def _stain_color(rng: np.random.Generator) -> NDArray[np.floating]:
    if rng.random() < 0.7:  # coffee, rust, mildew
        return np.array([rng.uniform(60, 150), rng.uniform(40, 110), rng.uniform(10, 70)], np.float32)
    return rng.uniform(0, 255, 3).astype(np.float32)


def _outline(
    size: tuple[int, int], radius: float, rough: float, rng: np.random.Generator
) -> tuple[NDArray[np.floating], tuple[float, float]]:
    """The distance from the middle in radii, not quite round: about 1 at the edge; and the middle, x and y."""
    height, width = size
    x, y = rng.uniform(0, width), rng.uniform(0, height)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    distance = np.hypot((columns - x) * rng.uniform(0.75, 1.3), rows - y) / radius
    return (distance + rough * rough_noise(size, max(3.0, radius), rng)).astype(np.float32), (x, y)


def _stain(field: NDArray[np.floating], radius: float, rng: np.random.Generator) -> NDArray[np.floating]:
    size = field.shape[0], field.shape[1]
    sharp = radius / rng.uniform(1.0, 3.0)
    inside = ((1 - field) * sharp + 0.5).clip(0, 1)
    ring = np.exp(-(((field - 0.96) / rng.uniform(0.03, 0.12)) ** 2)) * (field < 1.02)
    body = rng.uniform(0.12, 0.5) * (0.6 + 0.4 * smooth_noise(size, radius, rng))
    return (inside * body + ring * rng.uniform(0.1, 0.45)).clip(0, 1).astype(np.float32)


def _water(
    image: NDArray[np.uint8],
    field: NDArray[np.floating],
    center: tuple[float, float],
    radius: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """What a drop shows: the photo behind it, turned over and shrunk, with a bright spot and a dark rim."""
    height, width = field.shape
    inside = ((1 - field) * radius / 2 + 0.5).clip(0, 1)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    bend = -rng.uniform(1.0, 3.0) if rng.random() < 0.5 else rng.uniform(0.3, 0.7)
    x = (center[0] + (columns - center[0]) * bend).clip(0, width - 1)
    y = (center[1] + (rows - center[1]) * bend).clip(0, height - 1)
    blurred = ndimage.gaussian_filter(image.astype(np.float32), (max(0.5, radius / 12), max(0.5, radius / 12), 0))
    seen = blurred[y.round().astype(int), x.round().astype(int)]
    shade = 1.0 + 0.25 * (rows - center[1]) / radius - 0.35 * np.exp(-(((field - 0.95) / 0.12) ** 2))
    spot = np.exp(
        -(((columns - center[0] + radius * 0.3) ** 2 + (rows - center[1] + radius * 0.4) ** 2) / (radius * 0.15) ** 2)
    )
    shown = seen * shade[..., None].clip(0.3, 1.5) + 200 * spot[..., None]
    return shown.clip(0, 255).astype(np.float32), (inside * rng.uniform(0.8, 1.0)).astype(np.float32)
