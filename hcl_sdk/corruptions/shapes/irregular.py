"""Masks from files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hcl_sdk.interfaces import Shape, component
from hcl_sdk.photos.find import list_photo_files
from hcl_sdk.photos.masks import check_polarity, measure_masks, read_mask


@component
class IrregularMasks(Shape):
    """Masks from a folder of files, turned, mirrored, cropped and scaled at random (paper, section 4.1).

    Attributes:
        folder: folder of mask files, black and white; values that are all 0 or 1 are taken as False and True.
        corrupted: the value that means *corrupted* in them.

    Raises:
        ValueError: if the folder does not exist or holds no photos; or if, of some masks that are inspected, none can
            be read, none has a corrupted pixel, or most are more than half corrupted, so that the other value seems to
            be meant.
        PhotoError: from ``draw``, if a file cannot be decoded, is colored or partly transparent.
    """

    folder: str
    corrupted: Literal["white", "black"] = "white"

    def __attrs_post_init__(self) -> None:
        self._files: tuple[Path, ...] = list_photo_files(self.folder, "masks")
        shares, problems = measure_masks(len(self._files), self._read_mask)
        if not shares:
            raise ValueError(f"none of the masks inspected in {self.folder!r} can be read; the first: {problems[0]}")
        if max(shares) == 0:
            raise ValueError(
                f"with corrupted={self.corrupted!r} none of the {len(shares)} masks inspected in {self.folder!r} has a "
                f"corrupted pixel"
            )
        check_polarity(shares, self.corrupted, self.folder)

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        mask = self._read_mask(int(rng.integers(len(self._files))))
        mask = np.rot90(mask, int(rng.integers(4)))
        if rng.random() < 0.5:
            mask = mask[:, ::-1]
        height, width = (max(1, round(extent * rng.uniform(0.6, 1.0))) for extent in mask.shape)
        top, left = int(rng.integers(mask.shape[0] - height + 1)), int(rng.integers(mask.shape[1] - width + 1))
        part = Image.fromarray(np.ascontiguousarray(mask[top : top + height, left : left + width]))
        return np.asarray(part.resize((size[1], size[0]), Image.Resampling.NEAREST))

    def _read_mask(self, index: int) -> NDArray[np.bool_]:
        return read_mask(self._files[index], str(self._files[index]), self.corrupted)
