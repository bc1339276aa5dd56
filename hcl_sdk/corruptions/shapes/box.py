"""The published box in the middle."""

from __future__ import annotations

import attrs
import numpy as np
from attrs.validators import gt, le
from numpy.typing import NDArray

from hcl_sdk.interfaces import Shape, component


@component
class CenterBox(Shape):
    """A box in the middle (the authors' code).

    Attributes:
        side: of the box, as a share of each side of the photo, rounded to whole pixels; at least one.
    """

    side: float = attrs.field(default=0.25, validator=[gt(0), le(1)])

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        mask = np.zeros(size, dtype=np.bool_)
        height, width = (max(1, int(extent * self.side + 0.5)) for extent in size)
        top, left = (size[0] - height) // 2, (size[1] - width) // 2
        mask[top : top + height, left : left + width] = True
        return mask
