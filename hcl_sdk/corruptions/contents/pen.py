"""Pen, marker and highlighter."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import attrs
import numpy as np
from attrs.validators import min_len
from numpy.typing import NDArray

from hcl_sdk.corruptions.drawing import pick_color
from hcl_sdk.corruptions.ranges import between, pick, pick_count
from hcl_sdk.corruptions.soft import draw_path, draw_smooth_noise, join_rgba, smooth_curve, walk
from hcl_sdk.interfaces import Content, Damage, component

_INKS = ((20, 20, 25), (25, 40, 140), (180, 20, 30), (20, 110, 50), (245, 245, 245), (230, 40, 40), (255, 220, 0))
_HIGHLIGHTS = ((255, 240, 40), (120, 255, 80), (255, 110, 190), (90, 200, 255), (255, 160, 40))


@component
class Pen(Content):
    """Hand-drawn lines: curves, circles around something, crosses, underlines, scribbles and writing.

    A pen's line is thin, and its width follows the pressure; a marker's is broad with soft edges; a highlighter's is
    broad and translucent.

    Attributes:
        tools: the choices, one of which is drawn for each photo; repeated ones are drawn more often.
        count: range of the number of lines.
    """

    damage: ClassVar[Damage] = "graphic"

    tools: tuple[Literal["pen", "marker", "highlighter"], ...] = attrs.field(
        default=("pen", "pen", "marker", "highlighter"), validator=min_len(1)
    )
    count: tuple[int, int] = attrs.field(default=(1, 5), validator=between(1))

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        height, width = image.shape[:2]
        size, short = (height, width), min(height, width)
        tool = pick(rng, self.tools)
        share = {"pen": (0.004, 0.014), "marker": (0.015, 0.05), "highlighter": (0.04, 0.09)}[tool]
        thick = max(0.8, short * rng.uniform(*share))
        inks = _HIGHLIGHTS if tool == "highlighter" else _INKS
        color = pick_color(rng) if rng.random() < 0.2 else pick(rng, inks)
        strength = {"pen": (0.75, 1.0), "marker": (0.7, 1.0), "highlighter": (0.25, 0.6)}[tool]
        alpha = np.zeros(size, np.float32)
        for _ in range(pick_count(rng, self.count)):
            points = _bend_line(str(rng.choice(_FORMS)), size, rng)
            pressure = 1 + 0.35 * np.interp(np.linspace(0, 1, len(points)), np.linspace(0, 1, 6), rng.uniform(-1, 1, 6))
            widths = thick * (pressure if tool == "pen" else np.ones(len(points)))
            soft = {"pen": 0.3, "marker": thick / 10, "highlighter": 0.8}[tool]
            draw_path(size, points, widths, soft=soft).merge_into(alpha)
        alpha = alpha * np.float32(rng.uniform(*strength))
        if tool != "pen":  # uneven ink
            alpha = alpha * (0.75 + 0.25 * draw_smooth_noise(size, short / 8, rng))
        return join_rgba(color, alpha)


_FORMS = ("curve", "curve", "circle", "cross", "underline", "scribble", "writing", "arrow")


def _bend_line(form: str, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.floating]:
    """Draw points ``[N, 2]`` of a line somewhere in a photo of ``size = (H, W)``."""
    height, width = size
    short = min(size)
    middle = rng.uniform(0.15, 0.85, 2) * [width, height]
    angle = rng.uniform(0, 2 * np.pi)
    if form == "curve":
        corners = walk(
            rng, middle, angle, steps=int(rng.integers(3, 9)), length=short * rng.uniform(0.08, 0.25), bend=0.9
        )
        return smooth_curve(corners, 60)
    if form == "circle":
        turns = np.linspace(0, 2 * np.pi * rng.uniform(1.0, 1.3), 60) + angle
        radii = short * rng.uniform(0.06, 0.3) * (1 + 0.08 * np.sin(turns * rng.uniform(0.5, 2.5)))
        return middle + radii[:, None] * np.stack([np.cos(turns), rng.uniform(0.5, 1.0) * np.sin(turns)], axis=1)
    reach = short * rng.uniform(0.1, 0.45)
    along = np.array([np.cos(angle), np.sin(angle)])
    if form == "underline":
        shaken = np.stack([np.linspace(-reach, reach, 20), rng.normal(0, short * 0.004, 20)], axis=1)
        return middle + smooth_curve(shaken, 40)
    if form == "cross":
        across = np.array([-along[1], along[0]])
        return np.stack(
            [middle - reach * along, middle + reach * along, middle + reach * across, middle - reach * across]
        )
    if form == "arrow":
        tip = middle + reach * along
        back = [tip - 0.3 * reach * np.array([np.cos(angle + s), np.sin(angle + s)]) for s in (0.5, -0.5)]
        return np.stack([middle - reach * along, tip, back[0], tip, back[1]])
    if form == "scribble":
        count = int(rng.integers(6, 16))
        side = np.where(np.arange(count) % 2 == 0, 1.0, -1.0) * reach * rng.uniform(0.3, 1.0, count)
        forth = np.linspace(-reach, reach, count)
        across = np.array([-along[1], along[0]])
        return smooth_curve(middle + forth[:, None] * along + side[:, None] * across, count * 8)
    letters = int(rng.integers(4, 14))  # writing: loops along a line
    at = np.linspace(0, letters * 2 * np.pi, letters * 10)
    tall = short * rng.uniform(0.015, 0.05)
    x = at / (2 * np.pi) * tall * 0.9 + tall * 0.5 * np.sin(at + rng.normal(0, 0.3))
    heights = np.interp(at, np.linspace(0, at[-1], letters), rng.uniform(0.3, 1.6, letters))
    return middle - [x.mean(), 0] + np.stack([x, tall * heights * np.cos(at)], axis=1)
