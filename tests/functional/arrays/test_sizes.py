"""Working sizes, and masks shrunk to them."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st
from random_masks import masks
from torch.nn import functional as F

from hcl_sdk.functional import arrays

sides = st.integers(1, 400)


@given(sides, sides, st.none() | sides)
def test_the_working_size_keeps_the_proportions_and_never_grows(height: int, width: int, shorter: int | None) -> None:
    assume(max(height, width) <= 4 * min(height, width))
    small = arrays.shrink_size((height, width), shorter)
    if shorter is None or shorter >= min(height, width):
        assert small == (height, width)
        return
    assert min(small) == shorter
    assert abs(max(small) - max(height, width) * shorter / min(height, width)) <= 0.5


@given(st.integers(1, 600), st.integers(1, 10**9), st.integers(1, 600), st.booleans())
@example(4, 5, 2, True)  # 2.5 x 2 pixels
def test_the_working_size_is_bounded_for_photos_of_any_shape(
    short: int, long: int, shorter: int, upright: bool
) -> None:
    size = (long, short) if upright else (short, long)
    small = arrays.shrink_size(size, shorter)
    assert all(1 <= side <= whole for side, whole in zip(small, size, strict=True))
    # As encoders see it, which continue a narrow image.
    least = min(64, shorter)
    assert max(small[0], least) * max(small[1], least) <= 4 * shorter**2 + shorter
    # Rounded to whole pixels, a photo may become a square, but only if its sides are then at most a pixel apart; it is
    # never turned.
    assert (small[0] - small[1]) * (size[0] - size[1]) >= 0
    if small[0] == small[1]:
        assert abs(size[0] - size[1]) * min(1, shorter / min(size)) <= 1


def test_long_narrow_photos_are_not_shrunk() -> None:
    assert arrays.shrink_size((100, 10_000), 512) == (100, 10_000)
    assert arrays.shrink_size((256, 40_000), 512) == (82, 12_787)
    assert arrays.shrink_size((1, 80_000_000), 512) == (1, 16_384)


@given(sides, sides, st.none() | sides)
def test_a_tiny_photo_is_enlarged_in_its_proportions(height: int, width: int, shorter: int | None) -> None:
    assume(max(height, width) <= 4 * min(height, width))
    large = arrays.enlarge_size((height, width), shorter)
    if shorter is None or shorter <= 2 * min(height, width):
        assert large == (height, width)
        return
    scale = min(4, shorter / min(height, width))
    assert min(large) == round(scale * min(height, width))
    assert abs(max(large) - max(height, width) * scale) <= 0.5


@given(st.integers(1, 600), st.integers(1, 10**6), st.integers(1, 600), st.booleans())
def test_an_enlarged_photo_is_bounded_and_needs_no_shrinking(
    short: int, long: int, shorter: int, upright: bool
) -> None:
    size = (long, short) if upright else (short, long)
    large = arrays.enlarge_size(size, shorter)
    assert all(side >= whole for side, whole in zip(large, size, strict=True))
    if large != size:
        least = min(64, shorter)
        assert max(large[0], least) * max(large[1], least) <= 4 * shorter**2
        assert arrays.shrink_size(large, shorter) == large


@given(masks, st.integers(1, 80), st.integers(1, 80))
def test_a_mask_is_shrunk_as_maxima_are_pooled(mask: np.ndarray, height: int, width: int) -> None:
    pooled = F.adaptive_max_pool2d(torch.from_numpy(mask)[None, None].float(), (height, width))[0, 0].numpy() > 0
    assert np.array_equal(arrays.shrink_mask(mask, (height, width)), pooled)
