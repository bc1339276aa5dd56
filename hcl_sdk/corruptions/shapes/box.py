"""The published box in the middle."""

from __future__ import annotations

import attrs
import numpy as np
from attrs.validators import gt, le
from numpy.typing import NDArray

from hcl_sdk.interfaces import Shape, component


@component
class CenterBox(Shape):
    """A box in the middle (paper, supplement).

    Attributes:
        side: of the box, as a share of each side of the photo.
    """

    side: float = attrs.field(default=0.25, validator=[gt(0), le(1)])

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        mask = np.zeros(size, dtype=np.bool_)
        (top, bottom), (left, right) = (
            (round(extent * (1 - self.side) / 2), round(extent * (1 + self.side) / 2)) for extent in size
        )
        mask[top:bottom, left:right] = True
        return mask
