"""The published constant."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import attrs
import numpy as np
from attrs.validators import and_, deep_iterable, ge, le
from numpy.typing import NDArray

from hcl_sdk.interfaces import Content, Damage, component


@component
class Constant(Content):
    """One color, always the same (the authors' code).

    Attributes:
        color: red, green and blue, 0 to 255.
    """

    damage: ClassVar[Damage] = "fill"

    color: tuple[int, int, int] = attrs.field(default=(0, 0, 0), validator=deep_iterable(and_(ge(0), le(255))))

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        return np.broadcast_to(np.array(self.color, dtype=np.uint8), image.shape).copy()
