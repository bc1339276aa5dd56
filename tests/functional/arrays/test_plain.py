"""Plain areas inside what was found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray
from random_masks import masks, number_regions
from scipy import ndimage

from hcl_sdk.functional import arrays
from hcl_sdk.functional.arrays._regions import find_gaps

PAPER, RED, WHITE = (0.45, 0.4, 0.3), (0.8, 0.1, 0.15), (0.97, 0.97, 0.93)


def draw_badge(
    inside: tuple[float, float, float], radius: int = 9, noise: float = 0.01, grain: float = 0.0
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
    """A red square on paper, with a disk in it: the image, what was found of it, and the disk."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:70, :90]
    disk = (y - 30) ** 2 + (x - 40) ** 2 <= radius**2
    square = (abs(y - 30) <= 14) & (abs(x - 40) <= 14)
    image = np.empty((3, 70, 90), np.float32)
    for channel in range(3):
        image[channel] = np.where(disk, inside[channel], np.where(square, RED[channel], PAPER[channel]))
    image += rng.normal(0, noise, image.shape).astype(np.float32)
    image[:, disk] += rng.normal(0, grain, (3, int(disk.sum()))).astype(np.float32)
    return image.clip(0, 1), square & ~disk, disk


def test_a_plain_disk_in_a_logo_belongs_to_it() -> None:
    image, found, disk = draw_badge(WHITE)
    confidence = np.where(found, 0.9, 0.02).astype(np.float32)
    filled = arrays.fill_plain(confidence, image, 0.4)
    assert np.array_equal(filled, np.where(disk, 1, confidence))
    assert not (confidence[disk] > 0.4).any()
    assert np.array_equal(arrays.follow_image(confidence, image, 0.4) > 0.4, found | disk)


@pytest.mark.parametrize(
    "drawn",
    [
        pytest.param({"inside": PAPER}, id="the photo continues inside, as in a letter"),
        pytest.param({"inside": WHITE, "grain": 0.1}, id="not plain"),
        pytest.param({"inside": WHITE, "radius": 13}, id="larger than what encloses it"),
        pytest.param({"inside": WHITE, "radius": 1}, id="a few pixels"),
    ],
)
def test_areas_that_may_show_the_photo_are_left_alone(drawn: dict) -> None:
    image, found, _ = draw_badge(**drawn)
    confidence = np.where(found, 0.9, 0.02).astype(np.float32)
    assert np.array_equal(arrays.fill_plain(confidence, image, 0.4), confidence)


def test_without_surroundings_nothing_is_known() -> None:
    image, found, disk = draw_badge(WHITE)
    confidence = np.where(found | ~disk, 0.9, 0.02).astype(np.float32)
    assert np.array_equal(arrays.fill_plain(confidence, image, 0.4), confidence)


@given(masks)
def test_gaps_are_what_filling_holes_adds(mask: NDArray[np.bool_]) -> None:
    """Region by region, against SciPy."""
    added = np.zeros(mask.shape, int)
    for gap, at, region, box in find_gaps(mask):
        added[at] += gap
        whole = np.zeros(mask.shape, bool)
        whole[box] = region
        assert not (gap & whole[at]).any()
    expected = np.zeros(mask.shape, int)
    labels = number_regions(mask)
    for number in range(1, labels.max() + 1):
        expected += ndimage.binary_fill_holes(labels == number) & (labels != number)  # pyright: ignore[reportOperatorIssue]
    assert np.array_equal(added, expected)
