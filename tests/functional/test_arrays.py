from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import label

from hcl_sdk.functional import arrays, compositing

sides = st.integers(1, 400)


@given(sides, sides, st.none() | sides)
def test_the_working_size_keeps_the_proportions_and_never_grows(height: int, width: int, shorter: int | None) -> None:
    assume(max(height, width) <= 16 * min(height, width))
    small = arrays.working_size((height, width), shorter)
    if shorter is None or shorter >= min(height, width):
        assert small == (height, width)
        return
    assert min(small) == shorter
    assert abs(max(small) - max(height, width) * shorter / min(height, width)) <= 0.5


@given(st.integers(1, 600), st.integers(1, 10**9), st.integers(1, 600), st.booleans())
def test_the_working_size_is_bounded_for_photos_of_any_shape(
    short: int, long: int, shorter: int, upright: bool
) -> None:
    size = (long, short) if upright else (short, long)
    small = arrays.working_size(size, shorter)
    assert all(1 <= side <= whole for side, whole in zip(small, size, strict=True))
    # As encoders see it, which continue a narrow image.
    least = min(64, shorter)
    assert max(small[0], least) * max(small[1], least) <= 16 * shorter**2 + shorter
    assert (small[0] <= small[1]) == (size[0] <= size[1]) or small[0] == small[1] == 1


def test_what_is_long_and_small_is_not_shrunk() -> None:
    assert arrays.working_size((100, 20_000), 512) == (100, 20_000)
    assert arrays.working_size((256, 40_000), 512) == (164, 25_575)
    assert arrays.working_size((1, 80_000_000), 512) == (1, 65_536)


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_surroundings_are_as_wide_again_on_every_side_and_inside_the_photo(
    height: int, width: int, data: st.DataObject
) -> None:
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    bottom, right = data.draw(st.integers(top + 1, height)), data.draw(st.integers(left + 1, width))
    mask = np.zeros((height, width), bool)
    mask[top, left] = mask[bottom - 1, right - 1] = True
    rows, columns = arrays.find_surroundings(mask)
    down, across = max(64, bottom - top), max(64, right - left)
    assert (rows.start, rows.stop) == (max(0, top - down), min(height, bottom + down))
    assert (columns.start, columns.stop) == (max(0, left - across), min(width, right + across))


def test_nothing_has_no_surroundings() -> None:
    with pytest.raises(ValueError, match="a True pixel"):
        arrays.find_surroundings(np.zeros((3, 4), bool))


def test_regions_with_a_peak_stay_whole() -> None:
    mask = np.array([[1, 0, 1, 1], [0, 1, 0, 0], [0, 0, 0, 0], [1, 1, 0, 1]], bool)
    peaks = np.zeros((4, 4), bool)
    peaks[0, 3] = peaks[2, 2] = True  # the second lies beside the mask
    assert arrays.select_regions(mask, peaks).astype(int).tolist() == [[1, 0, 1, 1], [0, 1, 0, 0], [0] * 4, [0] * 4]


@given(st.integers(0, 99), st.sampled_from([0, 1, 2.5]), st.sampled_from([0, 1, 3.5]))
def test_alpha_of_one_mask_is_that_of_a_batch(seed: int, dilate: float, feather: float) -> None:
    masks = np.random.default_rng(seed).random((3, 1, 12, 17)) < 0.03
    expected = compositing.feathered_alpha(torch.from_numpy(masks), dilate, feather).numpy()
    for mask, alpha in zip(masks[:, 0], expected[:, 0], strict=True):
        assert np.array_equal(arrays.feathered_alpha(mask, dilate, feather), alpha)


def test_no_torch_is_imported() -> None:
    code = "import sys; sys.modules['torch'] = None; import hcl_sdk.functional.arrays"
    subprocess.run([sys.executable, "-c", code], check=True)


def number_regions(mask: np.ndarray) -> np.ndarray:
    return np.asarray(label(mask, connectivity=2))


@pytest.mark.parametrize("seed", range(20))
def test_the_peak_is_the_surest_pixel_beyond_what_was_found(seed: int) -> None:
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


@given(sides, sides, st.tuples(*[st.integers(-500, 500)] * 2, *[st.integers(1, 600)] * 2))
def test_a_box_is_cut_at_the_edges_of_the_photo(height, width, box):
    x, y, w, h = box
    inside = np.zeros((height, width), bool)
    inside[[row for row in range(height) if y <= row < y + h]] = True
    inside[:, [column for column in range(width) if not x <= column < x + w]] = False
    if not inside.any():
        with pytest.raises(ValueError, match="nothing of a photo of"):
            arrays.slice_box(box, (height, width))
        return
    cut = np.zeros_like(inside)
    cut[arrays.slice_box(box, (height, width))] = True
    assert (cut == inside).all()


@pytest.mark.parametrize("box", [(1, 2, 3), "1,2,3,4", (0, 0, 1.5, 2), None])
def test_what_is_no_box_is_refused(box):
    with pytest.raises(TypeError, match="four whole numbers"):
        arrays.slice_box(box, (10, 10))
