"""Logos and watermarks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
from attrs.validators import ge, le
from numpy.typing import NDArray
from PIL import Image, ImageChops

from hcl_sdk.corruptions.drawing import pictures_in, placed, random_color
from hcl_sdk.corruptions.ranges import between
from hcl_sdk.corruptions.shapes.logos import logo_alpha
from hcl_sdk.interfaces import Content, component


@component
class Logo(Content):
    """Logos in one color, opaque or shining through: a watermark. Nothing between them.

    Attributes:
        folder: of pictures with transparency; their form is used, in a random color. None draws plain signs and words.
        count: how many, from and to, where they are not tiled.
        side: the longer side of each, as a share of the photo's shorter side.
        opacity: from and to; 1 is opaque.
        tiled: how often the logo is repeated over the whole photo, 0 to 1.

    Raises:
        ValueError: if the folder is not there or holds no pictures.
    """

    folder: str | None = None
    count: tuple[int, int] = attrs.field(default=(1, 3), validator=between(1))
    side: tuple[float, float] = attrs.field(default=(0.15, 0.7), validator=between(0, 2))
    opacity: tuple[float, float] = attrs.field(default=(0.4, 1.0), validator=between(0, 1))
    tiled: float = attrs.field(default=0.15, validator=[ge(0), le(1)])

    def __attrs_post_init__(self) -> None:
        self._files: tuple[Path, ...] = () if self.folder is None else pictures_in(self.folder, "logos")

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        size = (image.shape[0], image.shape[1])
        sheet = Image.new("L", (size[1], size[0]))
        is_tiled = rng.random() < self.tiled
        for _ in range(1 if is_tiled else int(rng.integers(self.count[0], self.count[1] + 1))):
            side = max(2, round(min(size) * rng.uniform(*self.side)))
            logo = logo_alpha(self._files, max(2, side // 3) if is_tiled else side, rng)
            if rng.random() < 0.3:
                logo = logo.rotate(float(rng.uniform(-45, 45)), Image.Resampling.BICUBIC, expand=True)
            sheet = _tiled(logo, size, rng) if is_tiled else ImageChops.lighter(sheet, placed(logo, size, rng))
        opacity = np.asarray(sheet) * np.float32(rng.uniform(*self.opacity))
        color = np.broadcast_to(np.array(random_color(rng), dtype=np.uint8), image.shape)
        return np.concatenate([color, np.round(opacity).astype(np.uint8)[..., None]], axis=2)


def _tiled(logo: Image.Image, size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    sheet = Image.new("L", (size[1], size[0]))
    across, down = (max(4, round(side * rng.uniform(1.2, 2.0))) for side in logo.size)
    for row, y in enumerate(range(-int(rng.integers(down)), size[0], down)):
        for x in range(-int(rng.integers(across)) if row == 0 else -(row % 2) * across // 2, size[1], across):
            sheet.paste(logo, (x, y))
    return sheet
