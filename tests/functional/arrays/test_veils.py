"""Regions that follow a veil: the letters of a watermark."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont
from random_masks import draw_confidence
from scipy import ndimage

from hcl_sdk.functional import arrays

THRESHOLD = 0.4


def draw_photo(height: int = 150, width: int = 260, grain: float = 0.03) -> np.ndarray:
    """Draw a photo with slow changes and grain."""
    rng = np.random.default_rng(5)
    slow = ndimage.gaussian_filter(rng.random((3, height, width)), (0, 25, 25))
    slow = 0.15 + 0.5 * (slow - slow.min()) / np.ptp(slow)
    return (slow + rng.normal(0, grain, slow.shape)).clip(0, 1).astype(np.float32)


def write(text: str = "VEILED", height: int = 150, width: int = 260) -> np.ndarray:
    sheet = Image.new("L", (width, height))
    ImageDraw.Draw(sheet).text((width // 2, height // 2), text, 255, ImageFont.load_default(48), anchor="mm")
    return np.asarray(sheet) > 127


def veil(photo: np.ndarray, mask: np.ndarray, opacity: float, color: tuple[float, float, float]) -> np.ndarray:
    covered = (1 - opacity) * photo + opacity * np.array(color, np.float32)[:, None, None]
    return np.where(mask, covered, photo)


def guess(mask: np.ndarray, missed: slice = slice(0)) -> np.ndarray:
    """Make a detector's confidence: two pixels too wide, and low in the columns ``missed``."""
    wide = ndimage.binary_dilation(mask, np.ones((3, 3)), iterations=2)
    confidence = np.where(wide, 0.8, 0.01).astype(np.float32)
    confidence[:, missed] = np.where(mask, 0.2, 0.01)[:, missed]
    return confidence


def measure_f1(found: np.ndarray, mask: np.ndarray) -> float:
    return 2 * float((found & mask).sum()) / float(found.sum() + mask.sum())


@pytest.mark.parametrize("opacity", [0.5, 0.7, 1.0])
@pytest.mark.parametrize("color", [(1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (0.9, 0.2, 0.1)])
def test_a_letter_that_was_missed_is_found_and_what_lies_beside_letters_is_not(
    opacity: float, color: tuple[float, float, float]
) -> None:
    mask, missed = write(), slice(110, 135)
    image = veil(draw_photo(), mask, opacity, color)
    confidence = guess(mask, missed)
    found, followed = confidence > THRESHOLD, arrays.follow_veils(confidence, image, THRESHOLD) > THRESHOLD
    assert not found[:, missed].any()
    assert (followed & mask)[:, missed].sum() > 0.95 * mask[:, missed].sum()
    assert (followed & mask).sum() > 0.99 * mask.sum()
    assert (followed & ~mask).sum() < 0.8 * (found & ~mask).sum()


def test_where_no_veil_explains_what_was_found_nothing_changes() -> None:
    mask = write()
    photo = draw_photo()
    foreign = np.random.default_rng(1).random(photo.shape).astype(np.float32)
    confidence = guess(mask)
    for image in (photo, np.where(mask, foreign, photo)):
        assert np.array_equal(arrays.follow_veils(confidence, image, THRESHOLD), confidence)


def test_wide_damage_stays_as_it_is() -> None:
    block = np.zeros((150, 260), bool)
    block[40:110, 60:200] = True
    confidence, image = guess(block), veil(draw_photo(), block, 0.5, (1.0, 1.0, 1.0))
    assert np.array_equal(arrays.follow_veils(confidence, image, THRESHOLD), confidence)


def test_two_veils_are_followed_each_by_its_own_color() -> None:
    one, other = np.zeros((300, 260), bool), np.zeros((300, 260), bool)
    one[:150], other[150:] = write("WHITE"), write("BLACK")
    image = veil(veil(draw_photo(300), one, 0.4, (1.0, 1.0, 1.0)), other, 0.5, (0.0, 0.0, 0.0))
    confidence = guess(one | other)
    followed = arrays.follow_veils(confidence, image, THRESHOLD)
    assert measure_f1(followed > THRESHOLD, one | other) > measure_f1(confidence > THRESHOLD, one | other) + 0.15


@given(st.integers(0, 2**32 - 1), st.integers(1, 120), st.integers(1, 200), st.floats(0.05, 0.95))
def test_only_pixels_near_what_was_found_change_and_all_stay_probabilities(
    seed: int, height: int, width: int, threshold: float
) -> None:
    rng = np.random.default_rng(seed)
    confidence = draw_confidence(rng, height, width)
    image = ndimage.gaussian_filter(rng.random((3, height, width)), (0, 2, 2)).astype(np.float32)
    followed = arrays.follow_veils(confidence, image, threshold)
    assert followed.dtype == confidence.dtype
    assert ((followed >= 0) & (followed <= 1)).all()
    found = confidence > threshold
    far = np.logical_not(ndimage.maximum_filter(found, 2 * 48 * 5 + 1))  # letter after letter
    assert np.array_equal(followed[far], confidence[far])
    if not found.any():
        assert np.array_equal(followed, confidence)
