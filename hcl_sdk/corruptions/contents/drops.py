"""Water drops and stains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import attrs
import numpy as np
from attrs.validators import min_len
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from hcl_sdk.corruptions.ranges import between, pick, pick_count
from hcl_sdk.corruptions.soft import Canvas, Patch, draw_rough_noise, draw_smooth_noise
from hcl_sdk.interfaces import Content, component


@component
class Drops(Content):
    """Translucent stains, darker at their edges, and drops of water that refract what is behind them.

    Attributes:
        kinds: the choices, one of which is drawn for each photo; repeated ones are drawn more often.
        count: range of their number.
        radius: range of their radius, as a share of the photo's shorter side.
    """

    kinds: tuple[Literal["stain", "water"], ...] = attrs.field(
        default=("stain", "stain", "water"), validator=min_len(1)
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
        kind = pick(rng, self.kinds)
        canvas = Canvas((image.shape[0], image.shape[1]))
        tint = _choose_tint(rng)
        for _ in range(pick_count(rng, self.count)):
            radius = max(2.0, min(canvas.size) * rng.uniform(*self.radius) * (1.0 if kind == "stain" else 0.5))
            drop = _Drop.draw(canvas.size, radius, 0.9 if kind == "stain" else 0.25, rng)
            if not drop.distance.size:
                continue
            alpha = _stain(drop, rng) if kind == "stain" else drop.fill(0.5) * np.float32(rng.uniform(0.8, 1.0))
            color = tint if kind == "stain" else _refract(image, drop, rng)
            canvas.lay(color, Patch(alpha, drop.left, drop.top))
        return canvas.to_rgba()


@dataclass(frozen=True, slots=True)
class _Drop:
    """A nearly round outline, and the part of the photo that it may reach.

    Attributes:
        distance: ``[h, w]`` float32 from the center, in radii: about 1 at the edge.
        left, top: position of that part in the photo, in pixels.
        middle: x and y of the center in that part.
        radius: in pixels.
    """

    distance: NDArray[np.floating]
    left: int
    top: int
    middle: tuple[float, float]
    radius: float

    @classmethod
    def draw(cls, size: tuple[int, int], radius: float, rough: float, rng: np.random.Generator) -> _Drop:
        x, y = rng.uniform(0, size[1]), rng.uniform(0, size[0])
        reach = (1.35 + rough) * radius
        left, right = (int(v) for v in np.clip([x - reach, x + reach + 1], 0, size[1]))
        top, bottom = (int(v) for v in np.clip([y - reach, y + reach + 1], 0, size[0]))
        rows, columns = np.ogrid[top - y : bottom - y, left - x : right - x]
        round_ = np.hypot(columns * rng.uniform(0.75, 1.3), rows).astype(np.float32) / np.float32(radius)
        noise = draw_rough_noise((bottom - top, right - left), max(3.0, radius), rng) if round_.size else 0
        return cls(round_ + np.float32(rough) * noise, left, top, (x - left, y - top), radius)

    def fill(self, sharpness: float) -> NDArray[np.floating]:
        """Compute opacity: 1 inside, falling to 0 over ``1 / sharpness`` pixels."""
        return ((1 - self.distance) * np.float32(self.radius * sharpness) + 0.5).clip(0, 1)


def _choose_tint(rng: np.random.Generator) -> NDArray[np.floating]:
    if rng.random() < 0.8:  # coffee, rust, mildew
        return np.array([rng.uniform(60, 150), rng.uniform(40, 110), rng.uniform(10, 70)], np.float32)
    gray = rng.uniform(30, 200)  # ink, juice
    return (gray + 0.5 * (rng.uniform(0, 255, 3) - gray)).astype(np.float32)


def _stain(drop: _Drop, rng: np.random.Generator) -> NDArray[np.floating]:
    """Compute the opacity of a stain that dried from the edge inwards, strongest at the edge."""
    size = drop.distance.shape[0], drop.distance.shape[1]
    inside = drop.fill(1 / rng.uniform(1.0, 3.0))
    ring = np.exp(-(((drop.distance - 0.96) / np.float32(rng.uniform(0.03, 0.12))) ** 2)) * (drop.distance < 1.02)
    body = rng.uniform(0.12, 0.5) * (0.6 + 0.4 * draw_smooth_noise(size, drop.radius, rng))
    return (inside * body + ring * np.float32(rng.uniform(0.1, 0.45))).clip(0, 1)


def _refract(image: NDArray[np.uint8], drop: _Drop, rng: np.random.Generator) -> NDArray[np.floating]:
    """Render a drop: the photo behind it, inverted and shrunk, with a bright spot and a dark rim."""
    height, width = image.shape[:2]
    rows, columns = (np.arange(extent, dtype=np.float32) for extent in drop.distance.shape)
    x, y = columns - drop.middle[0], rows - drop.middle[1]
    bend = -rng.uniform(1.0, 3.0) if rng.random() < 0.5 else rng.uniform(0.3, 0.7)
    seen_x = (drop.left + drop.middle[0] + x * bend).round().clip(0, width - 1).astype(int)
    seen_y = (drop.top + drop.middle[1] + y * bend).round().clip(0, height - 1).astype(int)
    seen = Image.fromarray(image[seen_y][:, seen_x]).filter(ImageFilter.GaussianBlur(max(0.5, drop.radius / 20)))
    rim = np.exp(-(((drop.distance - 0.95) / 0.12) ** 2))
    shade = (1.0 + 0.25 * y[:, None] / drop.radius - 0.35 * rim).clip(0.3, 1.5)
    away = (x[None] + drop.radius * 0.3) ** 2 + (y[:, None] + drop.radius * 0.4) ** 2
    spot = 200 * np.exp(-away / (drop.radius * 0.15) ** 2)
    return (np.asarray(seen, np.float32) * shade[..., None] + spot[..., None]).clip(0, 255).astype(np.float32)
