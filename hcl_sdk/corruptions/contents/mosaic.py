"""Mosaic."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hcl_sdk.corruptions.ranges import between
from hcl_sdk.interfaces import Content, Damage, component


@component
class Mosaic(Content):
    """The photo in large squares of one color, as used to hide faces.

    Attributes:
        block: range of the side of the squares as a share of the photo's shorter side; at least three pixels.
    """

    damage: ClassVar[Damage] = "fill"

    block: tuple[float, float] = attrs.field(default=(0.02, 0.08), validator=between(0, 1))

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        height, width = image.shape[:2]
        block = max(3, round(min(height, width) * rng.uniform(*self.block)))
        down, right = (int(shift) for shift in rng.integers(block, size=2))
        padded = np.pad(image, ((down, -(height + down) % block), (right, -(width + right) % block), (0, 0)), "edge")
        small = Image.fromarray(padded).reduce(block)
        large = np.asarray(small).repeat(block, axis=0).repeat(block, axis=1)
        return np.ascontiguousarray(large[down : down + height, right : right + width])
