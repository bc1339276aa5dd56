"""Logos as a shape."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from hcl_sdk.corruptions.drawing import choose_logo, place_mask, take_opacity
from hcl_sdk.corruptions.ranges import between, pick_count
from hcl_sdk.interfaces import Damage, Shape, component
from hcl_sdk.photos.find import list_photo_files


@component
class Logos(Shape):
    """The outline of logos, to be filled with any content; for logos in their own colors see the content ``logo``.

    Attributes:
        folder: folder of logos with transparency, whose opaque part counts; a logo without transparency counts as its
            whole rectangle. None draws simple signs with a word.
        count: range of their number.
        side: range of their longer side, as a share of the photo's shorter side.

    Raises:
        ValueError: if the folder does not exist or holds no photos.
        PhotoError: from ``draw``, if a file cannot be decoded.
    """

    damage: ClassVar[Damage | None] = "graphic"

    folder: str | None = None
    count: tuple[int, int] = attrs.field(default=(1, 3), validator=between(0))
    side: tuple[float, float] = attrs.field(default=(0.15, 0.6), validator=between(0, 2))

    def __attrs_post_init__(self) -> None:
        self._files: tuple[Path, ...] = () if self.folder is None else list_photo_files(self.folder, "logos")

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
        sheet = Image.new("L", (size[1], size[0]))
        for _ in range(pick_count(rng, self.count)):
            side = max(2, round(min(size) * rng.uniform(*self.side)))
            sheet = ImageChops.lighter(sheet, place_mask(take_opacity(choose_logo(self._files, side, rng)), size, rng))
        return np.asarray(sheet) > 127
