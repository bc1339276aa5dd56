"""Soft layers: floating-point opacity, and random fields that vary smoothly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

LEAST = 8
"""Opacity (of 255) that counts as something: less changes next to nothing, and would make masks of what nobody sees."""


def join_rgba(color: NDArray | Sequence[int], alpha: NDArray) -> NDArray[np.uint8]:
    """Colors and opacity as what a content paints.

    Args:
        color: ``[H, W, 3]`` or three numbers, 0 to 255.
        alpha: ``[H, W]``, 0 to 1; what is all but transparent becomes so.
    """
    out = np.empty((*alpha.shape, 4), np.uint8)
    out[..., :3] = np.clip(np.round(np.asarray(color, dtype=np.float32)), 0, 255)
    opacity = np.clip(np.round(alpha * 255), 0, 255).astype(np.uint8)
    opacity[opacity < LEAST] = 0
    out[..., 3] = opacity
    return out


def lay_over(
    under: NDArray[np.floating], under_alpha: NDArray[np.floating], color: NDArray | Sequence[int], alpha: NDArray
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Put a layer over what was painted so far ("over" of Porter and Duff, 1984): colors and opacity of both."""
    total = alpha + under_alpha * (1 - alpha)
    share = np.where(total > 0, alpha / np.maximum(total, 1e-6), 1.0)[..., None]
    return (under * (1 - share) + np.asarray(color, np.float32) * share).astype(np.float32), total.astype(np.float32)


def smooth_noise(size: tuple[int, int], cell: float, rng: np.random.Generator) -> NDArray[np.floating]:
    """Noise ``[H, W]`` in [0, 1] that varies over about ``cell`` pixels."""
    height, width = size
    rows, columns = max(2, round(height / max(1.0, cell)) + 1), max(2, round(width / max(1.0, cell)) + 1)
    coarse = Image.fromarray(rng.random((rows, columns), dtype=np.float32))
    return np.clip(np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)), 0, 1)


def rough_noise(size: tuple[int, int], cell: float, rng: np.random.Generator) -> NDArray[np.floating]:
    """Noise ``[H, W]`` about 0 with ever finer detail of ever less strength, beginning at ``cell`` pixels."""
    total = np.zeros(size, np.float32)
    strength = 1.0
    while cell >= 2:
        total += strength * (smooth_noise(size, cell, rng) - 0.5)
        cell, strength = cell / 2, strength / 1.7
    return total


def draw_path(
    size: tuple[int, int], points: NDArray, widths: NDArray | float, *, soft: float = 0.0
) -> NDArray[np.floating]:
    """Opacity ``[H, W]`` of a line through points, antialiased.

    Args:
        size: ``(H, W)``.
        points: ``[N, 2]``, x and y in pixels.
        widths: of the line at each point, or everywhere, in pixels; may be less than one.
        soft: sigma of the Gaussian that softens it, in pixels.
    """
    height, width = size
    along = np.broadcast_to(np.asarray(widths, dtype=np.float64), (len(points),))
    reach = float(along.max()) / 2 + 4 * soft + 2
    low = np.floor(points.min(axis=0) - reach).astype(int).clip(0, [width, height])
    high = np.ceil(points.max(axis=0) + reach).astype(int).clip(0, [width, height])
    alpha = np.zeros(size, np.float32)
    if (high <= low).any():  # all of it lies outside
        return alpha
    across, down = (high - low).tolist()
    scale = 3 if across * down <= 1_500_000 else 1
    sheet = Image.new("L", (across * scale, down * scale))
    draw = ImageDraw.Draw(sheet)
    path = (points - low) * scale
    for a, b, thick in zip(path[:-1], path[1:], along[1:] * scale, strict=True):
        draw.line([*map(float, a), *map(float, b)], fill=255, width=max(1, round(float(thick))))
        if thick >= 3:
            draw.ellipse([*(b - thick / 2), *(b + thick / 2)], fill=255)
    drawn = np.asarray(sheet.reduce(scale) if scale > 1 else sheet, np.float32) / 255
    thinnest = float(along.max()) * scale
    if 0 < thinnest < 1:  # a line thinner than the finest that can be drawn is fainter instead
        drawn = drawn * thinnest
    part = ndimage.gaussian_filter(drawn, soft) if soft > 0 else drawn
    alpha[low[1] : high[1], low[0] : high[0]] = part
    return alpha


def walk(
    rng: np.random.Generator, start: NDArray, angle: float, *, steps: int, length: float, bend: float
) -> NDArray[np.floating]:
    """Points ``[steps + 1, 2]`` of a walk whose direction changes by about ``bend`` radians a step."""
    angles = angle + np.cumsum(rng.normal(0, bend, steps))
    moves = length * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.concatenate([start[None], start + np.cumsum(moves, axis=0)])


def smooth_curve(points: NDArray, samples: int) -> NDArray[np.floating]:
    """``samples`` points along a smooth curve near ``points`` ``[N, 2]``."""
    at = np.linspace(0, len(points) - 1, samples)
    dense = np.stack([np.interp(at, np.arange(len(points)), points[:, axis]) for axis in (0, 1)], axis=1)
    sigma = samples / max(2, len(points)) / 2
    return np.stack([ndimage.gaussian_filter1d(dense[:, axis], sigma, mode="nearest") for axis in (0, 1)], axis=1)
