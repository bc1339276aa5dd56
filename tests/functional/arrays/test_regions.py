"""Connected regions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_masks import masks, number_regions

from hcl_sdk.functional import arrays
from hcl_sdk.functional.arrays import _regions


def test_regions_with_a_peak_stay_whole() -> None:
    mask = np.array([[1, 0, 1, 1], [0, 1, 0, 0], [0, 0, 0, 0], [1, 1, 0, 1]], bool)
    peaks = np.zeros((4, 4), bool)
    peaks[0, 3] = peaks[2, 2] = True  # the second lies beside the mask
    assert arrays.select_regions(mask, peaks).astype(int).tolist() == [[1, 0, 1, 1], [0, 1, 0, 0], [0] * 4, [0] * 4]


@given(masks)
def test_regions_are_numbered_with_their_areas(mask: np.ndarray) -> None:
    labels, areas = arrays.label_regions(mask)
    expected = number_regions(mask)
    assert labels.shape == mask.shape
    assert len(areas) == expected.max()
    assert ((labels > 0) == mask).all()
    pairs = set(zip(labels.ravel().tolist(), expected.ravel().tolist(), strict=True))
    assert len(pairs) == len({ours for ours, _ in pairs}) == len({theirs for _, theirs in pairs})
    assert areas.tolist() == [(labels == number).sum() for number in range(1, len(areas) + 1)]


@given(masks, st.integers(1, 7), st.integers(0, 1000))
def test_regions_are_the_same_however_the_photo_is_cut(mask: np.ndarray, rows: int, seed: int) -> None:
    peaks = np.random.default_rng(seed).random(mask.shape) < 0.03
    labels = number_regions(mask)
    kept = np.zeros(labels.max() + 1, bool)
    kept[labels[mask & peaks]] = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_regions, "cut_bands", lambda h, w, **_: [slice(y, min(h, y + rows)) for y in range(0, h, rows)])
        assert np.array_equal(arrays.select_regions(mask, peaks), kept[labels])


def test_a_band_without_regions_may_follow_hundreds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_regions, "cut_bands", lambda h, w, **_: [slice(0, 2), slice(2, 4), slice(4, 6)])
    mask = np.zeros((6, 600), bool)
    mask[[0, 4], ::2] = True
    assert np.array_equal(arrays.select_regions(mask, mask), mask)
