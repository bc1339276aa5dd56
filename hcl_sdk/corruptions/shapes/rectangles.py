"""The published rectangles."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from hcl_sdk.corruptions.ranges import between, pick_count
from hcl_sdk.interfaces import Shape, component


@component
class Rectangles(Shape):
    """Upright rectangles, entirely inside the photo (the authors' code; the defaults are the published values).

    Attributes:
        count: range of their number.
        side: range of each side, as a share of that side of the photo.
    """

    count: tuple[int, int] = attrs.field(default=(0, 4), validator=between(0))
    side: tuple[float, float] = attrs.field(default=(0.2, 0.8), validator=between(0, 1))

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        mask = np.zeros(size, dtype=np.bool_)
        for _ in range(pick_count(rng, self.count)):
            height, width = (round(extent * rng.uniform(*self.side)) for extent in size)
            top, left = int(rng.integers(size[0] - height + 1)), int(rng.integers(size[1] - width + 1))
            mask[top : top + height, left : left + width] = True
        return mask
