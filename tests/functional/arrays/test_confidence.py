"""The peak and the softness of a confidence."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_masks import masks, number_regions
from scipy import ndimage
from skimage.measure import label

from hcl_sdk.functional import arrays
from hcl_sdk.functional.sensitivity import adjust_threshold


@pytest.mark.parametrize("seed", range(20))
def test_the_peak_is_the_surest_pixel_outside_the_mask(seed: int) -> None:
    numbers = np.random.default_rng(seed)
    confidence = ndimage.gaussian_filter(numbers.random((24, 33)), 1.5)
    confidence = (confidence - confidence.min()) / np.ptp(confidence)
    shown = number_regions(confidence > 0.5)
    found = shown == 1
    candidates = (shown > 0) & ~found
    box = arrays.find_peak(confidence, found)
    if not candidates.any():
        assert box is None
        return
    peak = confidence[candidates].max()
    around = number_regions(candidates & (confidence > peak / 2))
    rows, columns = np.nonzero(around == around[candidates & (confidence == peak)].item())
    assert box == (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)


def test_where_nothing_was_found_the_peak_may_be_low() -> None:
    confidence = np.full((6, 9), 0.001)
    confidence[2:4, 5:8] = 0.02
    assert arrays.find_peak(confidence, np.zeros((6, 9), bool)) == (5, 2, 3, 2)
    assert arrays.find_peak(np.zeros((6, 9)), np.zeros((6, 9), bool)) is None


@pytest.mark.parametrize("scale", [1, 3])
def test_softness_is_the_width_over_which_confidence_falls_off(scale: int) -> None:
    confidence = np.zeros((40, 60), np.float32)
    confidence[:, :30] = 0.9
    mask = (confidence > 0.5).repeat(scale, 0).repeat(scale, 1)
    assert arrays.measure_softness(confidence, mask, 0.5) == 0
    confidence[:, 30:33] = [0.5, 0.3, 0.11]
    confidence[:, 33:] = 0.1
    assert arrays.measure_softness(confidence, mask, 0.5) == pytest.approx(3 * scale)
    confidence[:, 33:] = 0.4  # what lies farther off is no edge
    assert arrays.measure_softness(confidence, mask, 0.5) == pytest.approx(4 * scale)
    assert arrays.measure_softness(confidence, np.zeros_like(mask), 0.5) == 0
    mask[:, : 15 * scale] = False  # half of it was not found: a region of a kind that was not asked for
    confidence[:, :30] = 0.1
    confidence[:, 20:30] = 0.9
    assert arrays.measure_softness(confidence, mask, 0.5) == pytest.approx(2 * scale)


def test_a_speck_in_doubtful_surroundings_is_no_softer_than_an_edge() -> None:
    confidence = np.full((40, 60), 0.3, np.float32)
    confidence[20, 30] = confidence[8, 50] = 0.9
    assert arrays.measure_softness(confidence, confidence > 0.5, 0.5) == 4
    mask = (confidence > 0.5).repeat(3, 0).repeat(3, 1)
    assert arrays.measure_softness(confidence, mask, 0.5) == 12


def find_enclosed_by_loops(confidence: np.ndarray, threshold: float) -> np.ndarray:
    regions = number_regions(confidence > threshold)
    gaps = np.asarray(label(regions == 0, connectivity=1))
    wanted = np.zeros(confidence.shape, bool)
    for number in range(1, gaps.max() + 1):
        gap = gaps == number
        if gap[0].any() or gap[-1].any() or gap[:, 0].any() or gap[:, -1].any():
            continue
        outside = np.asarray(label(~gap, connectivity=2)) == np.asarray(label(~gap, connectivity=2))[0, 0]
        around = regions[ndimage.binary_dilation(gap) & outside]
        (region,) = np.unique(around)
        wanted |= gap & (gap.sum() <= 0.15 * (regions == region).sum()) & (confidence[gap].mean() >= threshold / 2)
    return wanted


@settings(max_examples=60, deadline=None)
@given(mask=masks, seed=st.integers(0, 1000), threshold=st.sampled_from([0.3, 0.5, 0.9]))
def test_enclosed_areas_much_smaller_than_their_ring_are_filled(mask: np.ndarray, seed: int, threshold: float) -> None:
    noise = np.random.default_rng(seed).random(mask.shape).astype(np.float32)
    confidence = np.where(mask, threshold + (1 - threshold) * noise, threshold * noise).astype(np.float32)
    wanted = find_enclosed_by_loops(confidence, threshold)
    filled = arrays.fill_enclosed(confidence, threshold)
    assert np.array_equal(filled, np.where(wanted, 1, confidence))
    assert filled.dtype == confidence.dtype


@pytest.mark.parametrize(("gap", "sure", "filled"), [(10, 0.3, True), (10, 0.2, False), (30, 0.3, False)])
def test_a_logo_is_filled_and_a_circle_around_an_object_is_not(gap: int, sure: float, filled: bool) -> None:
    confidence = np.zeros((60, 80), np.float32)
    confidence[5:45, 10:50] = 0.9
    confidence[10 : 10 + gap, 15 : 15 + gap] = sure
    assert (arrays.fill_enclosed(confidence, 0.5)[15, 20] > 0.5) == filled


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (40, 60), (100, 90)])
def test_a_verdict_is_calibrated_by_the_surest_thousandth(size: tuple[int, int]) -> None:
    confidence = 0.01 + 0.98 * np.random.default_rng(3).random((1, *size)).astype(np.float32) ** 4
    surest = np.sort(confidence.ravel())[::-1][: math.ceil(confidence.size / 1000)].mean()
    found = arrays.calibrate_verdict(1.5, confidence, (2.0, 0.5, -3.0))
    assert found == pytest.approx(2 * 1.5 + 0.5 * np.log(surest / (1 - surest)) - 3, abs=1e-5)
    assert arrays.calibrate_verdict(1.5, confidence, (1.0, 0.0, 0.0)) == 1.5


def test_a_calibrated_verdict_is_finite_for_certain_pixels() -> None:
    logits = [arrays.calibrate_verdict(12.0, np.full((5, 5), value), (1.0, 1.0, 0.0)) for value in (0.0, 1.0)]
    certain = math.log((1 - arrays.CERTAIN) / arrays.CERTAIN)
    assert logits == pytest.approx([12 - certain, 12 + certain])


@pytest.mark.parametrize("calibration", [(1.0, 0.0, 0.0), (3.0, 3.0, -7.0)])
def test_a_verdict_leaves_something_to_a_higher_sensitivity(calibration: tuple[float, float, float]) -> None:
    confidence = np.zeros((40, 40), np.float32)
    confidence[3, 4:20] = 0.9
    logit = arrays.calibrate_verdict(-12.0, confidence, calibration)
    assert 0.9 / (1 + math.exp(-logit)) > adjust_threshold(0.95, 0.4)
    assert 0.9 / (1 + math.exp(-logit)) < adjust_threshold(0.9, 0.4)
