"""Damage by JPEG."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hcl_sdk.corruptions.ranges import between, pick_count
from hcl_sdk.interfaces import Content, Damage, component


@component
class JPEGBlocks(Content):
    """The photo compressed until its blocks show.

    Attributes:
        quality: range of the JPEG quality, 1 to 95.
    """

    damage: ClassVar[Damage] = "fill"

    quality: tuple[int, int] = attrs.field(default=(1, 8), validator=between(1, 95))

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        file = io.BytesIO()
        quality = pick_count(rng, self.quality)
        Image.fromarray(image).save(file, "JPEG", quality=quality)
        with Image.open(file) as opened:
            return np.asarray(opened.convert("RGB"))
