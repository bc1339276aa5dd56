"""Masks from files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hcl_sdk.corruptions.drawing import pictures_in
from hcl_sdk.interfaces import Shape, component

_CHECKED = 32


@component
class IrregularMasks(Shape):
    """Masks out of a folder of pictures, turned, mirrored, cut and scaled at random (paper, section 4.1).

    Attributes:
        folder: of mask files.
        corrupted: the value that means *corrupted* in them.

    Raises:
        ValueError: if the folder is not there, holds no pictures, or its masks look as if the other value were meant:
            most of them cover more than half of the picture.
    """

    folder: str
    corrupted: Literal["white", "black"] = "white"

    def __attrs_post_init__(self) -> None:
        self._files: tuple[Path, ...] = pictures_in(self.folder, "masks")
        step = max(1, len(self._files) // _CHECKED)
        areas = [self._mask(path).mean() for path in self._files[::step]]
        if np.median(areas) > 0.5:
            other = "black" if self.corrupted == "white" else "white"
            raise ValueError(
                f"with corrupted={self.corrupted!r} the masks in {self.folder!r} cover {100 * np.median(areas):.0f} % "
                f"of the picture (median of {len(areas)} files); expected at most half, so they seem to be meant with "
                f"corrupted={other!r}"
            )

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        mask = self._mask(self._files[rng.integers(len(self._files))])
        mask = np.rot90(mask, int(rng.integers(4)))
        if rng.random() < 0.5:
            mask = mask[:, ::-1]
        height, width = (max(1, round(extent * rng.uniform(0.6, 1.0))) for extent in mask.shape)
        top, left = int(rng.integers(mask.shape[0] - height + 1)), int(rng.integers(mask.shape[1] - width + 1))
        part = Image.fromarray(np.ascontiguousarray(mask[top : top + height, left : left + width]))
        return np.asarray(part.resize((size[1], size[0]), Image.Resampling.NEAREST))

    def _mask(self, path: Path) -> NDArray[np.bool_]:
        try:
            with Image.open(path) as picture:
                white = np.asarray(picture.convert("L")) > 127
        except (OSError, Image.DecompressionBombError) as error:
            raise ValueError(f"the mask {path} cannot be read: {error}") from error
        return white if self.corrupted == "white" else ~white
