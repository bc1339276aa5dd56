"""Logos and watermarks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import attrs
import numpy as np
from attrs.validators import ge, le
from numpy.typing import NDArray
from PIL import Image, ImageChops

from hcl_sdk.corruptions.drawing import choose_logo, choose_position, mark_visible, pick_color, take_opacity
from hcl_sdk.corruptions.ranges import between, pick_count
from hcl_sdk.interfaces import Content, Damage, component
from hcl_sdk.photos.find import list_photo_files


@component
class Logo(Content):
    """Logos, opaque or translucent as watermarks, transparent between them.

    Attributes:
        folder: folder of logos with transparency, shown in their own colors; an entirely black one is only a form, and
            gets a random color. A logo without transparency hides its whole rectangle. None draws simple signs and
            words in a random color.
        count: range of their number, if they are not tiled.
        side: range of their longer side, as a share of the photo's shorter side.
        opacity: range of their opacity; 1 is opaque.
        tiled: share of photos over which the logo is repeated, 0 to 1.

    Raises:
        ValueError: if the folder does not exist or holds no photos.
        PhotoError: from ``paint``, if a file cannot be decoded.
    """

    damage: ClassVar[Damage] = "graphic"

    folder: str | None = None
    count: tuple[int, int] = attrs.field(default=(1, 3), validator=between(1))
    side: tuple[float, float] = attrs.field(default=(0.15, 0.7), validator=between(0, 2))
    opacity: tuple[float, float] = attrs.field(default=(0.4, 1.0), validator=between(0, 1))
    tiled: float = attrs.field(default=0.15, validator=[ge(0), le(1)])

    def __attrs_post_init__(self) -> None:
        self._files: tuple[Path, ...] = () if self.folder is None else list_photo_files(self.folder, "logos")

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        size = (image.shape[0], image.shape[1])
        layers: list[tuple[Image.Image, list[tuple[int, int]]]] = []
        is_tiled = rng.random() < self.tiled
        for _ in range(1 if is_tiled else pick_count(rng, self.count)):
            side = max(2, round(min(size) * rng.uniform(*self.side)))
            stamp = choose_logo(self._files, max(2, side // 3) if is_tiled else side, rng)
            if rng.random() < 0.3:
                stamp = stamp.rotate(float(rng.uniform(-45, 45)), Image.Resampling.BICUBIC, expand=True)
            layers.append((stamp, _tile(stamp, size, rng) if is_tiled else [choose_position(stamp, size, rng)]))
        share = np.float32(rng.uniform(*self.opacity))
        colors = Image.new("RGB", (size[1], size[0]), pick_color(rng))
        sheet = Image.new("L", colors.size)
        for stamp, places in layers:
            layer = Image.new(stamp.mode, colors.size)
            for place in places:
                layer.paste(stamp, place)
            if stamp.mode == "RGBA":
                colors.paste(layer, mask=mark_visible(take_opacity(layer)))
            sheet = ImageChops.lighter(sheet, take_opacity(layer))
        alpha = np.round(np.asarray(sheet) * share).astype(np.uint8)
        return np.concatenate([np.asarray(colors), alpha[..., None]], axis=2)


def _tile(stamp: Image.Image, size: tuple[int, int], rng: np.random.Generator) -> list[tuple[int, int]]:
    """Choose lefts and tops of a stamp repeated over a sheet of ``size = (H, W)``, with every second row shifted."""
    across, down = (max(4, round(side * rng.uniform(1.2, 2.0))) for side in stamp.size)
    return [
        (x, y)
        for row, y in enumerate(range(-int(rng.integers(down)), size[0], down))
        for x in range(-int(rng.integers(across)) if row == 0 else -(row % 2) * across // 2, size[1], across)
    ]
