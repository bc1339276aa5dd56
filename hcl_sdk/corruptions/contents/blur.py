"""Blur."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from hcl_sdk.corruptions.ranges import between
from hcl_sdk.interfaces import Content, Damage, component


@component
class Blur(Content):
    """The photo out of focus.

    Attributes:
        radius: range of the radius of the Gaussian, as a share of the photo's shorter side.
    """

    damage: ClassVar[Damage] = "fill"

    radius: tuple[float, float] = attrs.field(default=(0.015, 0.06), validator=between(0, 1))

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        radius = max(1.0, min(image.shape[:2]) * rng.uniform(*self.radius))
        return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius)))
