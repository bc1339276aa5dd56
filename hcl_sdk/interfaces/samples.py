"""What a data set gives: photos with what is known about them, as numpy arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hcl_sdk.photos.errors import PhotoError

if TYPE_CHECKING:
    from hcl_sdk.interfaces.kinds import Dataset


class SampleError(PhotoError):
    """A sample of a data set that cannot be used: its file does not decode, or its parts do not fit each other.

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
        damage_map: ``[H, W]`` uint8, what each corrupted pixel is, as in :class:`~hcl_sdk.corruptions.Corrupted`, where
            the data set knows it.
        ignored: ``[H, W]`` bool, True = of no interest: left out of the score of an evaluation, where nobody can say
            whether it is corrupted.
        shape: what kind of shape the damage has, where the data set knows it; for tables by shape.
        content: likewise, of its content.
        source: what the sample was made of, where several are made of one photo: these are not independent of each
            other, which confidence intervals take into account.
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
                f"the damaged and the clean image of a pair must be of one size; got {list(self.image.shape)} and "
                f"{self.clean.dtype} {list(self.clean.shape)}"
            )
        for mask in (self.corruption_mask, self.ignored):
            if mask is not None and (mask.dtype != np.bool_ or mask.shape != self.image.shape[:2]):
                raise SampleError(
                    f"a sample's mask must be bool {list(self.image.shape[:2])}, as its image is; got {mask.dtype} "
                    f"{list(mask.shape)}"
                )
        kinds = self.damage_map
        if kinds is not None and (kinds.dtype != np.uint8 or kinds.shape != self.image.shape[:2]):
            raise SampleError(
                f"a sample's map of damage must be uint8 {list(self.image.shape[:2])}, as its image is; got "
                f"{kinds.dtype} {list(kinds.shape)}"
            )


class SampleErrors:
    """A context in which what is wrong with a photo is raised as a `SampleError`, which is what data sets promise.

    Args:
        name: of the photo in its data set; without one, that of the error stays.
    """

    def __init__(self, name: str = "") -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, PhotoError):
            raise SampleError(str(error), name=self._name or error.name) from error


def read_other(dataset: Dataset, index: int) -> NDArray[np.uint8]:
    """A photo of a data set, to be shown in another one.

    Raises:
        SampleError: with its name in the data set, if it cannot be read.
    """
    with SampleErrors(dataset.name(index)):
        return dataset[index].image
