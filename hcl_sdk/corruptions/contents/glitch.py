"""A damaged file."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
from numpy.typing import NDArray

from hcl_sdk.corruptions.drawing import pick_color
from hcl_sdk.corruptions.ranges import between, pick_count
from hcl_sdk.interfaces import Content, component


@component
class Glitch(Content):
    """Lines of the photo shifted sideways, channels shifted apart, and blocks of other colors.

    Attributes:
        count: range of the number of bands and groups of blocks.
        height: range of the height of a band, as a share of the photo's height.
    """

    count: tuple[int, int] = attrs.field(default=(1, 4), validator=between(1))
    height: tuple[float, float] = attrs.field(default=(0.01, 0.15), validator=between(0, 1))

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        height, width = image.shape[:2]
        out = np.dstack([image, np.zeros((height, width), np.uint8)])
        unit = int(rng.choice([4, 8, 16]))
        for _ in range(pick_count(rng, self.count)):
            tall = max(1, round(height * rng.uniform(*self.height)))
            top = int(rng.integers(max(1, height - tall + 1)))
            band = out[top : top + tall]
            kind = rng.random()
            if kind < 0.45:
                shift = int(rng.integers(1, max(2, width // 3))) * int(rng.choice([-1, 1]))
                shifts = np.full(tall, shift)
                if rng.random() < 0.4:  # each line by itself
                    shifts = np.round(shift * rng.uniform(0.2, 1.0, tall)).astype(int)
                columns = (np.arange(width) - shifts[:, None]) % width
                band[..., :3] = np.take_along_axis(image[top : top + tall], columns[..., None], axis=1)
                band[..., 3] = 255
            elif kind < 0.6:
                for channel in range(3):
                    band[..., channel] = np.roll(
                        band[..., channel], int(rng.integers(-width // 8, width // 8 + 1)), axis=1
                    )
                band[..., 3] = 255
            elif kind < 0.7:
                band[..., :3] = 128 if rng.random() < 0.5 else pick_color(rng)
                band[..., 3] = 255
            else:
                self._paint_blocks(out, unit, rng)
        return out

    def _paint_blocks(self, out: NDArray[np.uint8], unit: int, rng: np.random.Generator) -> None:
        height, width = out.shape[:2]
        row = int(rng.integers(max(1, height // unit)))
        for _ in range(int(rng.integers(3, 24))):
            y = min(height - 1, max(0, row + int(rng.integers(-1, 2))) * unit)
            x = min(width - 1, int(rng.integers(max(1, width // unit))) * unit)
            block = out[y : y + unit, x : x + unit * int(rng.integers(1, 4))]
            kind = rng.random()
            if kind < 0.4:
                block[..., :3] = pick_color(rng)
            elif kind < 0.7:  # its average, and too much of one color
                block[..., :3] = np.clip(block[..., :3].mean(axis=(0, 1)) + rng.normal(0, 50, 3), 0, 255)
            else:
                other = (
                    int(rng.integers(max(1, height - block.shape[0] + 1))),
                    int(rng.integers(max(1, width - block.shape[1] + 1))),
                )
                block[..., :3] = out[other[0] : other[0] + block.shape[0], other[1] : other[1] + block.shape[1], :3]
            block[..., 3] = 255
