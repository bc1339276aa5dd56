"""Lines of text."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import attrs
import numpy as np
from attrs.validators import ge, le
from numpy.typing import NDArray
from PIL import Image, ImageChops

from hcl_sdk.corruptions.drawing import choose_position, mark_visible, pick_color, write_words
from hcl_sdk.corruptions.ranges import between, pick_count
from hcl_sdk.interfaces import Content, Damage, component


@component
class TextContent(Content):
    """Meaningless words in one color, like captions and dates.

    Attributes:
        count: range of the number of texts.
        height: range of the height of letters, as a share of the photo's shorter side.
        ground: share of texts on a box of another color, 0 to 1; the others are transparent between the letters.
    """

    damage: ClassVar[Damage] = "text"

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
        letters, opacity = (Image.new("L", (size[1], size[0])) for _ in range(2))
        for _ in range(pick_count(rng, self.count)):
            text = write_words(rng, round(min(size) * rng.uniform(*self.height)), lines=int(rng.integers(1, 4)))
            ground = Image.new("L", text.size, 255 if rng.random() < self.ground else 0)
            if rng.random() < 0.2:
                turn = float(rng.uniform(-45, 45))
                text, ground = (p.rotate(turn, Image.Resampling.BICUBIC, expand=True) for p in (text, ground))
            place = choose_position(text, size, rng)
            letters.paste(255, place, text)
            opacity.paste(255, place, ImageChops.lighter(text, ground))
        sheet = Image.new("RGB", letters.size, pick_color(rng))
        # Without a box, the letters' color continues under their soft edge.
        sheet.paste(pick_color(rng), mask=mark_visible(letters))
        return np.concatenate([np.asarray(sheet), np.asarray(opacity)[..., None]], axis=2)
