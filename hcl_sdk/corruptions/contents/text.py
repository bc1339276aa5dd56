"""Lines of text."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
from attrs.validators import ge, le
from numpy.typing import NDArray
from PIL import Image, ImageChops

from hcl_sdk.corruptions.drawing import placed, random_color, written
from hcl_sdk.corruptions.ranges import between
from hcl_sdk.interfaces import Content, component


@component
class TextContent(Content):
    """Words that mean nothing, in one color, as captions and dates are; nothing between the letters.

    Attributes:
        count: pieces of text, from and to.
        height: of the letters, as a share of the photo's shorter side.
        ground: how often the text stands on an opaque ground of another color, 0 to 1.
    """

    count: tuple[int, int] = attrs.field(default=(1, 4), validator=between(1))
    height: tuple[float, float] = attrs.field(default=(0.05, 0.25), validator=between(0, 1))
    ground: float = attrs.field(default=0.2, validator=[ge(0), le(1)])

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        size = (image.shape[0], image.shape[1])
        letters = Image.new("L", (size[1], size[0]))
        for _ in range(int(rng.integers(self.count[0], self.count[1] + 1))):
            text = written(rng, round(min(size) * rng.uniform(*self.height)), lines=int(rng.integers(1, 4)))
            if rng.random() < 0.2:
                text = text.rotate(float(rng.uniform(-45, 45)), Image.Resampling.BICUBIC, expand=True)
            letters = ImageChops.lighter(letters, placed(text, size, rng))
        sheet = Image.new("RGB", letters.size, random_color(rng))
        sheet.paste(random_color(rng), mask=letters)
        opacity = np.asarray(letters)
        if rng.random() >= self.ground:
            # Where there is no ground, the letters' color continues under their soft edge.
            ink = np.broadcast_to(np.array(random_color(rng), dtype=np.uint8), image.shape)
            return np.concatenate([ink, opacity[..., None]], axis=2)
        return np.concatenate([np.asarray(sheet), np.full((*size, 1), 255, dtype=np.uint8)], axis=2)
