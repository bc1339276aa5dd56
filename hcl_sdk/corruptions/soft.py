"""Soft layers: floating-point opacity, layers on top of each other, lines, and smoothly varying noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from hcl_sdk.functional.arrays import Window

Color = NDArray | Sequence[float]
"""``[h, w, 3]``, or three numbers; 0 to 255."""

LEAST = 8
"""The minimum opacity (out of 255) that counts: anything less is invisible, and must not be marked as corrupted."""

_FINEST = 1_500_000
"""Lines in patches of at most this many pixels are drawn three times as large, for smooth edges."""


@dataclass(frozen=True, slots=True)
class Patch:
    """Opacity of a part of a photo, so that small things are drawn cheaply.

    Attributes:
        alpha: ``[h, w]`` float, 0 to 1.
        left: position of its first column in the photo, in pixels; a patch may extend beyond the photo.
        top: position of its first row, likewise.
    """

    alpha: NDArray[np.floating]
    left: int = 0
    top: int = 0

    @classmethod
    def from_image(cls, mask: Image.Image, place: tuple[int, int], margin: int = 0) -> Patch:
        """Make a patch of an 8-bit mask at ``place = (left, top)``, with an empty margin of ``margin`` pixels."""
        alpha = np.pad(np.asarray(mask, np.float32) / 255, margin)
        return cls(alpha, place[0] - margin, place[1] - margin)

    def blur(self, sigma: float) -> Patch:
        """Blur the patch with a Gaussian of ``sigma`` pixels; its size stays the same."""
        if sigma <= 0.2:
            return self
        return Patch(ndimage.gaussian_filter(self.alpha, sigma, mode="constant", truncate=3), self.left, self.top)

    def shift(self, right: int, down: int) -> Patch:
        """Move the patch."""
        return Patch(self.alpha, self.left + right, self.top + down)

    def find_overlap(self, size: tuple[int, int]) -> tuple[Window, Window]:
        """Find the rows and columns of a photo of ``size = (H, W)`` under the patch, and those of the patch over it."""
        on, of = [], []
        for start, length, extent in zip((self.top, self.left), self.alpha.shape, size, strict=True):
            low, high = min(max(start, 0), extent), min(max(start + length, 0), extent)
            on.append(slice(low, high))
            of.append(slice(low - start, high - start))
        return (on[0], on[1]), (of[0], of[1])

    def merge_into(self, sheet: NDArray[np.floating]) -> None:
        """Raise a sheet of opacity ``[H, W]``, in place, to the patch's opacity where that is higher."""
        on, of = self.find_overlap((sheet.shape[0], sheet.shape[1]))
        np.maximum(sheet[on], self.alpha[of], out=sheet[on])


class Canvas:
    """The colors and opacity painted so far.

    Args:
        size: ``(H, W)`` in pixels.

    Attributes:
        colors: ``[H, W, 3]`` float32, 0 to 255.
        alpha: ``[H, W]`` float32, 0 to 1.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.colors = np.zeros((*size, 3), np.float32)
        self.alpha = np.zeros(size, np.float32)

    def lay(self, color: Color, patch: Patch, strength: float = 1.0) -> None:
        """Lay a patch on top ("over" of Porter and Duff, "Compositing digital images", 1984).

        Args:
            color: the patch's color, 0 to 255; ``[h, w, 3]`` as large as the patch, or three numbers.
            patch: the patch's opacity and position.
            strength: factor of its opacity, 0 to 1.
        """
        on, of = patch.find_overlap(self.size)
        alpha = patch.alpha[of].astype(np.float32) * np.float32(strength)
        over = np.asarray(color, np.float32)
        over = over[of] if over.ndim == 3 else over
        total = alpha + self.alpha[on] * (1 - alpha)
        share = alpha / np.maximum(total, 1e-6)
        self.colors[on] += share[..., None] * (over - self.colors[on])
        self.alpha[on] = total

    def to_rgba(self) -> NDArray[np.uint8]:
        """Convert to the result of a content: ``[H, W, 4]`` uint8."""
        return join_rgba(self.colors, self.alpha)


def join_rgba(color: Color, alpha: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Join colors and opacity to the result of a content.

    Args:
        color: ``[H, W, 3]`` or three numbers, 0 to 255.
        alpha: ``[H, W]``, 0 to 1; nearly transparent pixels become transparent.
    """
    out = np.empty((*alpha.shape, 4), np.uint8)
    out[..., :3] = np.clip(np.round(np.asarray(color, dtype=np.float32)), 0, 255)
    opacity = np.clip(np.round(alpha * 255), 0, 255).astype(np.uint8)
    opacity[opacity < LEAST] = 0
    out[..., 3] = opacity
    return out


def draw_smooth_noise(size: tuple[int, int], cell: float, rng: np.random.Generator) -> NDArray[np.floating]:
    """Draw noise ``[H, W]`` in [0, 1] that varies over about ``cell`` pixels."""
    return np.clip(_enlarge(rng.random(_count_cells(size, cell), dtype=np.float32), size), 0, 1)


def draw_rough_noise(size: tuple[int, int], cell: float, rng: np.random.Generator) -> NDArray[np.floating]:
    """Draw noise ``[H, W]`` around 0 with ever finer and weaker detail, beginning at ``cell`` pixels."""
    total = rng.random(_count_cells(size, cell), dtype=np.float32) - 0.5
    strength = 1.0
    while cell >= 4:
        cell, strength = cell / 2, strength / 1.7
        finer = _count_cells(size, cell)
        total = _enlarge(total, finer) + strength * (rng.random(finer, dtype=np.float32) - 0.5)
    return _enlarge(total, size)


def _count_cells(size: tuple[int, int], cell: float) -> tuple[int, int]:
    height, width = size
    return max(2, round(height / max(1.0, cell)) + 1), max(2, round(width / max(1.0, cell)) + 1)


def _enlarge(field: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.floating]:
    return np.asarray(Image.fromarray(field).resize((size[1], size[0]), Image.Resampling.BICUBIC))


def draw_path(size: tuple[int, int], points: NDArray, widths: NDArray | float, *, soft: float = 0.0) -> Patch:
    """Draw a line through points, with smooth edges and round joints.

    Args:
        size: ``(H, W)`` of the photo; nothing is drawn outside.
        points: ``[N, 2]``, x and y in pixels.
        widths: width of the line at each point, or everywhere, in pixels; may be less than one.
        soft: sigma of the Gaussian that softens it, in pixels.
    """
    height, width = size
    along = np.broadcast_to(np.asarray(widths, dtype=np.float64), (len(points),))
    thickest = float(along.max())
    reach = thickest / 2 + 4 * soft + 2
    low = np.floor(points.min(axis=0) - reach).astype(int).clip(0, [width, height])
    high = np.ceil(points.max(axis=0) + reach).astype(int).clip(0, [width, height])
    left, top = (int(v) for v in low)
    if (high <= low).any():  # all of it lies outside
        return Patch(np.zeros((0, 0), np.float32), left, top)
    across, down = (int(v) for v in high - low)
    scale = 3 if across * down <= _FINEST else 1
    sheet = Image.new("L", (across * scale, down * scale))
    draw = ImageDraw.Draw(sheet)
    path: list[tuple[float, float]] = [(float(x), float(y)) for x, y in (points - low) * scale]
    thick = [float(t) for t in along * scale]
    if thickest * scale < 3 or np.ptp(along) == 0:
        draw.line(path, fill=255, width=max(1, round(thick[0])))
    else:
        for i in range(len(path) - 1):
            draw.line([path[i], path[i + 1]], fill=255, width=max(1, round(thick[i + 1])))
    for (x, y), t in zip(path, thick, strict=True):
        if t >= 3:
            draw.ellipse((x - t / 2, y - t / 2, x + t / 2, y + t / 2), fill=255)
    alpha = np.asarray(sheet.reduce(scale) if scale > 1 else sheet, np.float32) / 255
    if 0 < thickest * scale < 1:  # a line thinner than the thinnest that can be drawn is fainter instead
        alpha = alpha * np.float32(thickest * scale)
    return Patch(alpha, left, top).blur(soft)


def walk(
    rng: np.random.Generator, start: NDArray, angle: float, *, steps: int, length: float, bend: float
) -> NDArray[np.floating]:
    """Make points ``[steps + 1, 2]`` of a walk that turns by about ``bend`` radians per step."""
    angles = angle + np.cumsum(rng.normal(0, bend, steps))
    moves = length * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.concatenate([start[None], start + np.cumsum(moves, axis=0)])


def smooth_curve(points: NDArray, samples: int) -> NDArray[np.floating]:
    """Compute ``samples`` points along a smooth curve near ``points`` ``[N, 2]``."""
    at = np.linspace(0, len(points) - 1, samples)
    dense = np.stack([np.interp(at, np.arange(len(points)), points[:, axis]) for axis in (0, 1)], axis=1)
    sigma = samples / max(2, len(points)) / 2
    return np.stack([ndimage.gaussian_filter1d(dense[:, axis], sigma, mode="nearest") for axis in (0, 1)], axis=1)
