"""Cracks and folds of prints."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from hcl_sdk.corruptions.ranges import between
from hcl_sdk.corruptions.soft import draw_path, join_rgba, lay_over, rough_noise, smooth_noise, walk
from hcl_sdk.interfaces import Content, component


@component
class Cracks(Content):
    """Branching cracks, and folds across the print along which the picture has flaked off.

    Attributes:
        cracks: from and to; each branches a few times.
        folds: from and to.
        strength: opacity at the strongest place, from and to.
    """

    cracks: tuple[int, int] = attrs.field(default=(0, 8), validator=between(0))
    folds: tuple[int, int] = attrs.field(default=(0, 2), validator=between(0))
    strength: tuple[float, float] = attrs.field(default=(0.5, 1.0), validator=between(0, 1))

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        height, width = image.shape[:2]
        size, short = (height, width), min(height, width)
        cracks = int(rng.integers(self.cracks[0], self.cracks[1] + 1))
        folds = int(rng.integers(self.folds[0], self.folds[1] + 1))
        if cracks + folds == 0:
            cracks = 1
        alpha = np.zeros(size, np.float32)
        for _ in range(cracks):
            thick = max(0.7, short * rng.uniform(0.002, 0.012))
            for points, share in _branches(size, rng):
                alpha = np.maximum(alpha, draw_path(size, points, thick * share))
        for _ in range(folds):
            alpha = np.maximum(alpha, _fold(size, rng))
        varied = 0.45 + 0.55 * smooth_noise(size, short * rng.uniform(0.03, 0.15), rng)
        alpha = alpha * varied * np.float32(rng.uniform(*self.strength))
        paper = rng.uniform(190, 250) + np.array([6.0, 0.0, -rng.uniform(0, 40)])
        if rng.random() < 0.2:
            paper = rng.uniform(10, 60, 3)
        colors = np.broadcast_to(paper.astype(np.float32), (height, width, 3)).astype(np.float32)
        if rng.random() < 0.4:  # the edge casts a shadow
            moved = np.roll(alpha, (1, 1), (0, 1))
            shadow = ndimage.gaussian_filter(moved, 0.8) * 0.5
            under = np.zeros_like(colors)
            colors, alpha = lay_over(under, shadow, colors, alpha)
        return join_rgba(colors, alpha)


def _branches(size: tuple[int, int], rng: np.random.Generator) -> list[tuple[NDArray[np.floating], float]]:
    """Lines ``[N, 2]`` of a crack and its branches, each with its share of the width."""
    height, width = size
    step = max(1.5, min(size) * 0.012)
    start = rng.uniform(0, 1, 2) * [width, height]
    if rng.random() < 0.5:  # cracks begin at the border
        side = int(rng.integers(2))
        start[side] = rng.choice([0.0, float((width, height)[side])])
    angle = float(np.arctan2(height / 2 - start[1], width / 2 - start[0]) + rng.normal(0, 0.7))
    lines: list[tuple[NDArray[np.floating], float]] = []
    queue = [(start, angle, int(rng.integers(15, 70)), 1.0)]
    while queue and len(lines) < 6:
        at, direction, steps, share = queue.pop(0)
        points = walk(rng, at, direction, steps=steps, length=step, bend=0.28)
        points[1:] += rng.normal(0, step * 0.15, (steps, 2))
        lines.append((points, share))
        for _ in range(int(rng.integers(0, 3))):
            fork = points[int(rng.integers(len(points)))]
            turned = direction + float(rng.choice([-1, 1])) * rng.uniform(0.5, 1.3)
            queue.append((fork, turned, max(4, steps // 2), share * 0.7))
    return lines


def _fold(size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.floating]:
    height, width = size
    short = min(size)
    if rng.random() < 0.5:
        y = rng.uniform(0.1, 0.9, 2) * height
        ends = np.array([[0, y[0]], [width, y[0] + (y[1] - y[0]) * 0.2]])
    else:
        x = rng.uniform(0.1, 0.9, 2) * width
        ends = np.array([[x[0], 0], [x[0] + (x[1] - x[0]) * 0.2, height]])
    at = np.linspace(0, 1, 60)[:, None]
    points = ends[0] * (1 - at) + ends[1] * at + rng.normal(0, short * 0.001, (60, 2))
    line = draw_path(size, points, max(0.8, short * rng.uniform(0.002, 0.008)))
    band = draw_path(size, points, max(2.0, short * rng.uniform(0.015, 0.05)))
    flaked = (rough_noise(size, max(3.0, short * 0.03), rng) > rng.uniform(0.15, 0.5)) * band
    return np.maximum(line, flaked.astype(np.float32))
