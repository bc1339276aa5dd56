"""Cracks and folds of prints."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray

from hcl_sdk.corruptions.ranges import between, pick_count, pick_number
from hcl_sdk.corruptions.soft import Canvas, Patch, draw_path, draw_rough_noise, draw_smooth_noise, join_rgba, walk
from hcl_sdk.interfaces import Content, Damage, component


@component
class Cracks(Content):
    """Branching cracks, and folds along which the image has flaked off the print.

    Attributes:
        cracks: range of the number of cracks; each branches a few times.
        folds: range of the number of folds.
        strength: range of the opacity at the strongest point.
        scale: range of the size of what is drawn, relative to a print as large as the image; below 1 the damage is
            finer, as in a scan of a large print.
    """

    damage: ClassVar[Damage] = "scratch"

    cracks: tuple[int, int] = attrs.field(default=(0, 8), validator=between(0))
    folds: tuple[int, int] = attrs.field(default=(0, 2), validator=between(0))
    strength: tuple[float, float] = attrs.field(default=(0.5, 1.0), validator=between(0, 1))
    scale: tuple[float, float] = attrs.field(default=(1.0, 1.0), validator=between(0.05, 4))

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        size = image.shape[0], image.shape[1]
        short = min(size)
        fine = short * pick_number(rng, self.scale)
        cracks = pick_count(rng, self.cracks)
        folds = pick_count(rng, self.folds)
        if cracks + folds == 0:
            cracks = 1
        form = np.zeros(size, np.float32)
        for _ in range(cracks):
            thick = max(0.7, fine * rng.uniform(0.002, 0.012))
            for points, share in _grow_branches(size, rng):
                draw_path(size, points, thick * share * _vary_width(len(points), rng)).merge_into(form)
        for _ in range(folds):
            _draw_fold(form, fine, rng)
        strength = np.float32(rng.uniform(*self.strength))
        form *= (0.45 + 0.8 * draw_smooth_noise(size, short * rng.uniform(0.03, 0.15), rng)).clip(0, 1) * strength
        paper = rng.uniform(190, 250) + np.array([6.0, 0.0, -rng.uniform(0, 40)])
        if rng.random() < 0.2:
            paper = rng.uniform(10, 60, 3)
        if rng.random() < 0.6:
            return join_rgba(paper, form)
        canvas, flakes = Canvas(size), Patch(form)
        canvas.lay((0, 0, 0), flakes.shift(1, 1).blur(0.8), 0.5)  # the edge casts a shadow
        canvas.lay(paper, flakes)
        return canvas.to_rgba()


def _vary_width(count: int, rng: np.random.Generator) -> NDArray[np.floating]:
    """Draw the factors of a crack's width at its points, tapering towards its end."""
    known = np.arange(0, count + 4, 4)
    uneven = np.interp(np.arange(count), known, rng.uniform(0.5, 1.5, len(known)))
    return uneven * np.linspace(1.1, 0.4, count)


def _grow_branches(size: tuple[int, int], rng: np.random.Generator) -> list[tuple[NDArray[np.floating], float]]:
    """Grow the lines ``[N, 2]`` of a crack and its branches, each with its share of the width."""
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


def _draw_fold(form: NDArray[np.floating], short: float, rng: np.random.Generator) -> None:
    """Draw a line across the whole opacity ``[H, W]``, with missing flakes along it."""
    size = height, width = form.shape[0], form.shape[1]
    if rng.random() < 0.5:
        y = rng.uniform(0.1, 0.9, 2) * height
        ends = np.array([[0, y[0]], [width, y[0] + (y[1] - y[0]) * 0.2]])
    else:
        x = rng.uniform(0.1, 0.9, 2) * width
        ends = np.array([[x[0], 0], [x[0] + (x[1] - x[0]) * 0.2, height]])
    at = np.linspace(0, 1, 60)[:, None]
    points = ends[0] * (1 - at) + ends[1] * at + rng.normal(0, short * 0.001, (60, 2))
    draw_path(size, points, max(0.8, short * rng.uniform(0.002, 0.008))).merge_into(form)
    band = draw_path(size, points, max(2.0, short * rng.uniform(0.015, 0.05)))
    rows, columns = band.alpha.shape
    if rows and columns:
        noise = draw_rough_noise((rows, columns), max(3.0, short * 0.03), rng)
        flaked = ((noise - rng.uniform(0.15, 0.5)) * 8 + 0.5).clip(0, 1)
        Patch(band.alpha * flaked, band.left, band.top).merge_into(form)
