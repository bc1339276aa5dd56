from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hcl_sdk.functional.sensitivity import adjust_threshold

probabilities = st.floats(0, 1)


@given(threshold=probabilities)
def test_the_scale_goes_from_nothing_over_the_tuned_threshold_to_everything(threshold: float) -> None:
    assert adjust_threshold(0, threshold) == 1
    assert adjust_threshold(0.5, threshold) == threshold
    assert adjust_threshold(1, threshold) == 0


@given(threshold=st.floats(0.01, 0.99))
def test_every_step_lowers_the_threshold_by_as_much_as_its_neighbors(threshold: float) -> None:
    limits = [adjust_threshold(step / 100, threshold) for step in range(101)]
    steps = [before - after for before, after in itertools.pairwise(limits)]
    assert steps[:50] == pytest.approx([(1 - threshold) / 50] * 50)
    assert steps[50:] == pytest.approx([threshold / 50] * 50)


@given(sensitivity=probabilities, one=probabilities, other=probabilities)
def test_the_order_of_two_thresholds_stays(sensitivity: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert adjust_threshold(sensitivity, low) <= adjust_threshold(sensitivity, high) + 1e-12
