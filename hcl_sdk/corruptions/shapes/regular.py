"""Masks of a fixed form, without randomness except for the side of a half."""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np
from attrs.validators import gt, le
from numpy.typing import NDArray

from hcl_sdk.interfaces import Shape, component


@component
class Full(Shape):
    """The whole photo: for content that is partly transparent, or photos that are corrupted everywhere."""

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        return np.ones(size, dtype=np.bool_)


@component
class Half(Shape):
    """One half of the photo (the authors' code).

    Attributes:
        side: the side; ``any`` draws one of the four.
    """

    side: Literal["any", "left", "right", "top", "bottom"] = "any"

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        side = str(rng.choice(["left", "right", "top", "bottom"])) if self.side == "any" else self.side
        mask = np.zeros(size, dtype=np.bool_)
        along = mask if side in ("top", "bottom") else mask.T
        middle = len(along) // 2
        along[slice(middle) if side in ("top", "left") else slice(middle, None)] = True
        return mask


@component
class CenterBox(Shape):
    """A box in the center (the authors' code).

    Attributes:
        side: side of the box, as a share of each side of the photo, rounded to whole pixels; at least one.
    """

    side: float = attrs.field(default=0.25, validator=[gt(0), le(1)])

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        mask = np.zeros(size, dtype=np.bool_)
        height, width = (max(1, int(extent * self.side + 0.5)) for extent in size)
        top, left = (size[0] - height) // 2, (size[1] - width) // 2
        mask[top : top + height, left : left + width] = True
        return mask


@component
class AlternateLines(Shape):
    """Every other line: rows 1, 3, 5 ... (the authors' code)."""

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        mask = np.zeros(size, dtype=np.bool_)
        mask[1::2] = True
        return mask


@component
class AlternatePixels(Shape):
    """All pixels except those in both an odd row and an odd column, counted from 0 (the authors' code)."""

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        mask = np.ones(size, dtype=np.bool_)
        mask[1::2, 1::2] = False
        return mask
