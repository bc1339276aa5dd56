"""What a data set gives: photos with what is known about them, as numpy arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


class SampleError(ValueError):
    """A sample that cannot be used: its file does not decode, or its parts do not fit each other.

    Training and evaluation report it and go on with another.
    """


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """One photo of a data set.

    Attributes:
        image: ``[H, W, 3]`` uint8 RGB, upright. Of a data set of pairs, the damaged photo.
        clean: ``[H, W, 3]`` uint8, the same photo undamaged, of a data set of pairs; None where ``image`` itself is
            undamaged, and damage is to be synthesized.
        corruption_mask: ``[H, W]`` bool, True = corrupted, where the data set knows it.
        shape: what kind of shape the damage has, where the data set knows it; for tables by shape.
        content: likewise, of its content.
        source: what the sample was made of, where several are made of one photo: these are not independent of each
            other, which confidence intervals take into account.
    """

    image: NDArray[np.uint8]
    clean: NDArray[np.uint8] | None = None
    corruption_mask: NDArray[np.bool_] | None = None
    shape: str = ""
    content: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8 or 0 in self.image.shape:
            raise SampleError(
                f"a sample's image must be uint8 [H, W, 3]; got {self.image.dtype} {list(self.image.shape)}"
            )
        if self.clean is not None and (self.clean.shape != self.image.shape or self.clean.dtype != np.uint8):
            raise SampleError(
                f"the damaged and the clean image of a pair must be of one size; got {list(self.image.shape)} and "
                f"{self.clean.dtype} {list(self.clean.shape)}"
            )
        mask = self.corruption_mask
        if mask is not None and (mask.dtype != np.bool_ or mask.shape != self.image.shape[:2]):
            raise SampleError(
                f"a sample's mask must be bool {list(self.image.shape[:2])}, as its image is; got {mask.dtype} "
                f"{list(mask.shape)}"
            )
