"""The intervals of what is measured."""

from __future__ import annotations

import numpy as np
import pytest
from evaluations import make_counted_row

from hcl_sdk.evaluation.bootstrap import Estimate
from hcl_sdk.evaluation.report import summarize


def get_bounds(estimate: Estimate) -> tuple[float, float, float]:
    """The lower bound, the value and the upper bound of what is defined."""
    assert estimate.low is not None
    assert estimate.value is not None
    assert estimate.high is not None
    return estimate.low, estimate.value, estimate.high


def test_confidence_intervals_hold_the_value_and_shrink_with_more_images() -> None:
    rng = np.random.default_rng(0)

    def interval(count: int) -> Estimate:
        rows = [
            make_counted_row(i, [int(rng.integers(20, 80)), int(rng.integers(0, 40)), 50, 30]) for i in range(count)
        ]
        return summarize(rows, {}, {}, resamples=400, seed=1).overall["f1"]

    widths = {}
    for count in (10, 1000):
        low, value, high = get_bounds(interval(count))
        assert low < value < high
        widths[count] = high - low
    assert widths[1000] < 0.3 * widths[10]
    assert interval(10) != interval(10)  # other rows
    rows = [make_counted_row(i, [i, 3, 5, 2]) for i in range(9)]
    again = [summarize(rows, {}, {}, resamples=50, seed=3).overall["f1"] for _ in range(2)]
    assert again[0] == again[1]


def test_intervals_cover_the_true_mean() -> None:
    """About 95 of 100 intervals hold the mean of what the images are drawn from."""
    rng, inside = np.random.default_rng(2), 0
    for _ in range(100):
        flagged = rng.integers(0, 100, size=60)
        rows = [make_counted_row(i, [0, int(f), 100 - int(f), 0], area=0.0) for i, f in enumerate(flagged)]
        estimate = summarize(rows, {}, {}, resamples=200, seed=4).overall["false_positive_area"]
        low, _, high = get_bounds(estimate)
        inside += low <= 0.495 <= high
    assert 87 <= inside <= 100


def test_copies_of_one_photo_are_not_independent() -> None:
    """Ten copies of each row tell no more than the rows themselves."""
    rng = np.random.default_rng(5)
    counts = [[int(rng.integers(20, 80)), int(rng.integers(0, 40)), 50, 30] for _ in range(30)]
    once = [make_counted_row(i, own) for i, own in enumerate(counts)]
    copies = [make_counted_row(10 * i + k, own, source=str(i)) for i, own in enumerate(counts) for k in range(10)]
    first, second = (summarize(rows, {}, {}, resamples=200, seed=1).overall["f1"] for rows in (once, copies))
    assert (first.value, first.low, first.high) == pytest.approx((second.value, second.low, second.high))
