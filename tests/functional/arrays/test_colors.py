"""Regions that continue over their own colors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_masks import draw_confidence, number_regions
from scipy import ndimage

from hcl_sdk.functional import arrays

INK = np.array([0.1, 0.2, 0.9])[:, None, None]


def draw_stroke() -> tuple[np.ndarray, np.ndarray]:
    """Draw a blue stroke on a photo of reds and greens; return the image and where the stroke is."""
    image = np.random.default_rng(3).random((3, 60, 90))
    image[2] *= 0.3
    stroke = np.zeros((60, 90), bool)
    stroke[20:24, 10:80] = stroke[20:50, 40:43] = True
    return np.where(stroke, INK, image), stroke


def test_a_stroke_found_in_part_is_found_whole() -> None:
    image, stroke = draw_stroke()
    confidence = np.where(stroke, 0.9, 0.02)
    confidence[:, 30:36] = confidence[30:40] = 0.02  # gaps that the detector has missed
    assert not (confidence > 0.4)[stroke].all()
    assert np.array_equal(arrays.follow_colors(confidence, image, 0.4) > 0.4, stroke)


def test_a_color_that_the_photo_has_too_is_not_followed() -> None:
    image, stroke = draw_stroke()
    confidence = np.where(stroke, 0.9, 0.02)
    confidence[:, 30:36] = 0.02
    same = np.where(np.arange(90) % 5 < 3, INK, image)
    assert np.array_equal(arrays.follow_colors(confidence, same, 0.4), confidence)


def test_a_region_that_would_flood_the_photo_stays_as_it_is() -> None:
    image, stroke = draw_stroke()
    confidence = np.where(stroke, 0.1, 0.001)
    confidence[20:24, 10:20] = (
        0.9  # two colors: that of the stroke beside it is as frequent as in it, but for 40 pixels
    )
    assert stroke.sum() > 3 * (confidence > 0.4).sum()
    assert np.array_equal(arrays.follow_colors(confidence, image, 0.4) > 0.4, confidence > 0.4)


@pytest.mark.parametrize("follow", [arrays.follow_colors, arrays.follow_veils, arrays.follow_image])
@pytest.mark.parametrize("value", [0.0, 0.4, 0.9])
def test_there_is_nothing_to_follow_where_nothing_or_all_is_found(follow: Callable[..., Any], value: float) -> None:
    confidence = np.full((7, 9), value, np.float32)
    assert follow(confidence, np.zeros((3, 7, 9), np.float32), 0.4) is confidence


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 90), st.floats(0.05, 0.95))
def test_only_regions_grow_and_by_no_more_than_twice_their_area(
    seed: int, height: int, width: int, threshold: float
) -> None:
    rng = np.random.default_rng(seed)
    confidence = draw_confidence(rng, height, width)
    image = ndimage.gaussian_filter(rng.random((3, height, width)), (0, 2, 2)).round(1).astype(np.float32)
    followed = arrays.follow_colors(confidence, image, threshold)
    found = confidence > threshold
    new = (followed > threshold) & ~found
    assert followed.dtype == confidence.dtype
    assert np.array_equal(followed[~new], confidence[~new])
    assert (followed >= confidence).all()
    regions = number_regions(found | new)
    for number in np.unique(regions[new]):
        region = regions == number
        assert (region & found).any()
        assert (region & new).sum() <= 2 * (region & found).sum()
        assert followed[region].max() == confidence[region & found].max()
