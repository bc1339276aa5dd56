from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from skimage.filters import apply_hysteresis_threshold
from skimage.measure import label
from torch import Tensor

from hcl_sdk.functional import hysteresis

images = arrays(np.float32, st.tuples(st.integers(0, 3), st.just(1), st.integers(1, 9), st.integers(1, 9)),
                elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]))  # fmt: skip
thresholds = st.sampled_from([0.0, 0.2, 0.25, 0.5, 0.6, 0.9, 1.0])


def in_four_neighborhoods(confidence: Tensor, low: float, high: float) -> Any:
    """scikit-image knows sides alone: with every pixel as 2 x 2 and what touches at a corner bridged, the same."""
    height, width = confidence.shape
    wide = np.zeros((2 * height + 1, 2 * width + 1), np.float32)
    for dy in range(3):
        for dx in range(3):
            part = wide[dy : dy + 2 * height : 2, dx : dx + 2 * width : 2]
            np.maximum(part, confidence, out=part)
    return apply_hysteresis_threshold(wide, low, high)[1::2, 1::2] & (confidence > low)


@given(images, thresholds, thresholds)
def test_it_is_hysteresis_thresholding(confidence: NDArray[Any], threshold: float, peak: float) -> None:
    mask = hysteresis.apply_hysteresis_threshold(torch.from_numpy(confidence), threshold, peak).numpy()
    assert mask.dtype == bool
    for ours, image in zip(mask[:, 0], confidence[:, 0], strict=True):
        np.testing.assert_array_equal(ours, in_four_neighborhoods(image, threshold, max(threshold, peak)))


@given(images, thresholds, thresholds, st.sampled_from([0.1, 0.25, 1.0]))
def test_regions_with_less_than_a_share_of_the_pixels_do_not_count(
    confidence: NDArray[Any], threshold: float, peak: float, share: float
) -> None:
    whole = hysteresis.apply_hysteresis_threshold(torch.from_numpy(confidence), threshold, peak).numpy()
    large = hysteresis.apply_hysteresis_threshold(torch.from_numpy(confidence), threshold, peak, min_area=share).numpy()
    for ours, mask in zip(large[:, 0], whole[:, 0], strict=True):
        regions: NDArray[Any] = np.asarray(label(mask, connectivity=2))
        areas = np.bincount(regions.ravel())
        np.testing.assert_array_equal(ours, mask & (areas[regions] >= share * mask.size))


def test_a_peak_elsewhere_in_the_batch_or_apart_in_the_image_does_not_count() -> None:
    confidence = torch.tensor([[[[0.6, 0.1, 0.9]]], [[[0.6, 0.6, 0.6]]], [[[0.9, 0.6, 0.1]]]])
    assert hysteresis.apply_hysteresis_threshold(confidence, 0.5, 0.8)[:, 0, 0].tolist() == [
        [False, False, True],
        [False, False, False],
        [True, True, False],
    ]


@pytest.mark.parametrize("peak", [0.0, 0.8])
@pytest.mark.parametrize(
    ("confidence", "error"),
    [
        (torch.zeros(4, 5), ValueError),
        (torch.zeros(2, 3, 4, 5), ValueError),
        (torch.zeros(1, 1, 1, 4, 5), ValueError),
        (np.zeros((1, 1, 4, 5), np.float32), TypeError),
    ],
)
def test_invalid_confidences_are_refused(confidence: Tensor | NDArray[Any], error: Any, peak: float) -> None:
    with pytest.raises(error, match=r"confidence must be .*\[B, 1, H, W\]; got (shape \(|ndarray)"):
        hysteresis.apply_hysteresis_threshold(confidence, 0.5, peak)  # pyright: ignore[reportArgumentType]
