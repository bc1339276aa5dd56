"""Samples of datasets: photos and what is known about them, as NumPy arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hcl_sdk.photos.errors import PhotoError

if TYPE_CHECKING:
    from hcl_sdk.interfaces.kinds import Dataset


class SampleError(PhotoError):
    """A sample that cannot be used: its file cannot be decoded, or its parts do not match.

    Training and evaluation report it and continue with another one.
    """


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """One photo of a dataset.

    Attributes:
        image: ``[H, W, 3]`` uint8 RGB, upright; in a dataset of pairs, the damaged photo.
        clean: ``[H, W, 3]`` uint8, in a dataset of pairs the same photo undamaged; None if ``image`` itself is
            undamaged and damage is to be synthesized.
        corruption_mask: ``[H, W]`` bool, True = corrupted, if known.
        damage_map: ``[H, W]`` uint8, the kind of damage of each pixel, as in :class:`~hcl_sdk.corruptions.Corrupted`,
            if known.
        ignored: ``[H, W]`` bool, True = excluded from the score of an evaluation, because it is unclear whether it is
            corrupted.
        shape: the shape of the damage, if known, for tables by shape.
        content: likewise, its content.
        source: the photo that the sample was made from, if several are made from one; confidence intervals take into
            account that these are not independent.
    """

    image: NDArray[np.uint8]
    clean: NDArray[np.uint8] | None = None
    corruption_mask: NDArray[np.bool_] | None = None
    damage_map: NDArray[np.uint8] | None = None
    ignored: NDArray[np.bool_] | None = None
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
                f"the damaged and the clean image of a pair must have the same size; got {list(self.image.shape)} and "
                f"{self.clean.dtype} {list(self.clean.shape)}"
            )
        for mask in (self.corruption_mask, self.ignored):
            if mask is not None and (mask.dtype != np.bool_ or mask.shape != self.image.shape[:2]):
                raise SampleError(
                    f"a sample's mask must be bool {list(self.image.shape[:2])}, like its image; got {mask.dtype} "
                    f"{list(mask.shape)}"
                )
        kinds = self.damage_map
        if kinds is not None and (kinds.dtype != np.uint8 or kinds.shape != self.image.shape[:2]):
            raise SampleError(
                f"a sample's damage map must be uint8 {list(self.image.shape[:2])}, like its image; got "
                f"{kinds.dtype} {list(kinds.shape)}"
            )


class SampleErrors:
    """A context manager that turns errors in a photo into `SampleError`, as datasets promise.

    Args:
        name: name of the photo in its dataset; None keeps the name in the error.
    """

    def __init__(self, name: str = "") -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, PhotoError):
            raise SampleError(str(error), name=self._name or error.name) from error


def read_other(dataset: Dataset, index: int) -> NDArray[np.uint8]:
    """Read a photo of a dataset that serves as content of another one.

    Raises:
        SampleError: with the photo's name in the dataset, if it cannot be read.
    """
    with SampleErrors(dataset.name(index)):
        return dataset[index].image
