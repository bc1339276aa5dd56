from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import label
from torch.nn import functional as F

from hcl_sdk.functional import arrays, compositing
from hcl_sdk.functional.arrays import _regions

sides = st.integers(1, 400)
masks = st.builds(
    lambda seed, height, width, share: np.random.default_rng(seed).random((height, width)) < share,
    st.integers(0, 1000),
    st.integers(1, 70),
    st.integers(1, 70),
    st.sampled_from([0, 0.02, 0.3, 0.4, 0.7, 1]),
)


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
def test_the_working_size_is_bounded_for_photos_of_any_shape(
    short: int, long: int, shorter: int, upright: bool
) -> None:
    size = (long, short) if upright else (short, long)
    small = arrays.shrink_size(size, shorter)
    assert all(1 <= side <= whole for side, whole in zip(small, size, strict=True))
    # As encoders see it, which continue a narrow image.
    least = min(64, shorter)
    assert max(small[0], least) * max(small[1], least) <= 4 * shorter**2 + shorter
    assert (small[0] <= small[1]) == (size[0] <= size[1]) or small[0] == small[1] == 1


def test_what_is_long_and_small_is_not_shrunk() -> None:
    assert arrays.shrink_size((100, 10_000), 512) == (100, 10_000)
    assert arrays.shrink_size((256, 40_000), 512) == (82, 12_787)
    assert arrays.shrink_size((1, 80_000_000), 512) == (1, 16_384)


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_surroundings_are_as_wide_again_on_every_side_and_inside_the_photo(
    height: int, width: int, data: st.DataObject
) -> None:
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    bottom, right = data.draw(st.integers(top + 1, height)), data.draw(st.integers(left + 1, width))
    mask = np.zeros((height, width), bool)
    mask[top, left] = mask[bottom - 1, right - 1] = True
    (box,) = arrays.split_mask(mask, 300)
    assert box == (slice(top, bottom), slice(left, right))
    for most in (math.inf, 70):
        rows, columns = arrays.surround(box, mask.shape, most)
        down, across = min(max(64, bottom - top), most), min(max(64, right - left), most)
        assert (rows.start, rows.stop) == (max(0, top - down), min(height, bottom + down))
        assert (columns.start, columns.stop) == (max(0, left - across), min(width, right + across))


@given(st.integers(0, 10_000), st.integers(1, 8), st.integers(0, 40))
@settings(max_examples=30)
def test_groups_of_regions_are_tight_and_disjoint_and_leave_none_out(seed: int, most: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    mask = np.zeros((700, 900), bool)
    for y, x, height, width in rng.integers(1, [690, 890, 60, 60], (count, 4)):
        mask[y : y + height, x : x + width] = True
    boxes = arrays.split_mask(mask, 128, most)
    assert len(boxes) <= most
    counted = np.zeros(mask.shape, int)
    for rows, columns in boxes:
        counted[rows, columns] += 1
        part = mask[rows, columns]
        assert all(side.any() for side in (part[0], part[-1], part[:, 0], part[:, -1]))
    assert counted.max() <= 1
    assert (counted[mask] == 1).all()


def test_regions_that_are_far_apart_have_surroundings_of_their_own() -> None:
    mask = np.zeros((3000, 4000), bool)
    mask[100:150, 100:150] = mask[120:170, 180:200] = True  # near each other
    mask[2800:2810, 3000:3500] = True
    assert arrays.split_mask(mask, 512) == [
        (slice(100, 170), slice(100, 200)),
        (slice(2800, 2810), slice(3000, 3500)),
    ]
    mask[:, 2000] = True  # a scratch from top to bottom, whose surroundings are all of the photo
    assert len(arrays.split_mask(mask, 512)) == 3
    mask[1500] = True
    assert len(arrays.split_mask(mask, 512)) == 1


def test_regions_with_a_peak_stay_whole() -> None:
    mask = np.array([[1, 0, 1, 1], [0, 1, 0, 0], [0, 0, 0, 0], [1, 1, 0, 1]], bool)
    peaks = np.zeros((4, 4), bool)
    peaks[0, 3] = peaks[2, 2] = True  # the second lies beside the mask
    assert arrays.select_regions(mask, peaks).astype(int).tolist() == [[1, 0, 1, 1], [0, 1, 0, 0], [0] * 4, [0] * 4]


@given(st.integers(0, 99), st.sampled_from([0, 1, 2.5]), st.sampled_from([0, 1, 3.5]))
def test_alpha_of_one_mask_is_that_of_a_batch(seed: int, dilate: float, feather: float) -> None:
    masks = np.random.default_rng(seed).random((3, 1, 12, 17)) < 0.03
    expected = compositing.feather_mask(torch.from_numpy(masks), dilate, feather).numpy()
    for mask, alpha in zip(masks[:, 0], expected[:, 0], strict=True):
        assert np.array_equal(arrays.feather_mask(mask, dilate, feather), alpha)


def test_no_torch_is_imported() -> None:
    code = "import sys; sys.modules['torch'] = None; import hcl_sdk.functional.arrays"
    subprocess.run([sys.executable, "-c", code], check=True)


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
def test_a_box_is_cut_at_the_edges_of_the_photo(height: int, width: int, box: tuple[int, int, int, int]) -> None:
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
def test_what_is_no_box_is_refused(box: Any) -> None:
    with pytest.raises(TypeError, match="four whole numbers"):
        arrays.slice_box(box, (10, 10))


@pytest.mark.parametrize("box", [(0, 0, -1, 5), (0, 0, 5, 0)])
def test_a_box_without_pixels_is_refused(box: Any) -> None:
    with pytest.raises(ValueError, match=r"width and height of a region must be at least 1; got 0,0,"):
        arrays.slice_box(box, (10, 10))


@given(masks, st.integers(1, 7), st.integers(0, 1000))
def test_regions_are_the_same_however_the_photo_is_cut(mask: np.ndarray, rows: int, seed: int) -> None:
    peaks = np.random.default_rng(seed).random(mask.shape) < 0.03
    labels = number_regions(mask)
    kept = np.zeros(labels.max() + 1, bool)
    kept[labels[mask & peaks]] = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_regions, "cut_bands", lambda h, w, **_: [slice(y, min(h, y + rows)) for y in range(0, h, rows)])
        assert np.array_equal(arrays.select_regions(mask, peaks), kept[labels])


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 2000))
def test_bands_cover_all_rows_once(height: int, width: int, pixels: int) -> None:
    bands = arrays.cut_bands(height, width, pixels)
    assert [y for rows in bands for y in range(rows.start, rows.stop)] == list(range(height))
    assert all((rows.stop - rows.start) * width <= max(pixels, width) for rows in bands)


@given(masks, st.integers(1, 80), st.integers(1, 80))
def test_a_mask_is_shrunk_as_maxima_are_pooled(mask: np.ndarray, height: int, width: int) -> None:
    pooled = F.adaptive_max_pool2d(torch.from_numpy(mask)[None, None].float(), (height, width))[0, 0].numpy() > 0
    assert np.array_equal(arrays.shrink_mask(mask, (height, width)), pooled)


@pytest.mark.parametrize(("dilate", "feather"), [(0, 0), (2, 3), (0, 5.5), (1.5, 0), (60, 40), (5000, 3)])
def test_the_border_is_the_same_tile_by_tile(dilate: float, feather: float) -> None:
    rng = np.random.default_rng(0)
    mask = np.zeros((700, 900), bool)
    mask[rng.integers(0, 700, 9), rng.integers(0, 500, 9)] = True
    mask[300:650, 200:800] = True
    distance = np.asarray(ndimage.distance_transform_edt(~mask))
    expected = (distance <= dilate).astype(float)
    rim = (distance > dilate) & (distance < dilate + feather)
    expected[rim] = 0.5 + 0.5 * np.cos(np.pi * (distance[rim] - dilate) / feather)
    assert np.array_equal(arrays.feather_mask(mask, dilate, feather), expected.astype(np.float32))
    assert np.array_equal(arrays.grow_mask(mask, dilate, feather), expected > 0)
    tiles = list(arrays.feather_tiles(mask, dilate, feather))
    for _, weight in tiles:
        assert min(weight[0].max(), weight[-1].max(), weight[:, 0].max(), weight[:, -1].max()) > 0
    assert sum(weight.size for _, weight in tiles) < mask.size or dilate > 60


@given(st.tuples(sides, sides), st.tuples(sides, sides), st.data())
def test_a_box_in_a_small_photo_stands_for_all_that_it_touches(
    size: tuple[int, int], wanted: tuple[int, int], data: st.DataObject
) -> None:
    y, x = (data.draw(st.integers(0, extent - 1)) for extent in size)
    height, width = data.draw(st.integers(1, size[0] - y)), data.draw(st.integers(1, size[1] - x))
    left, top, wide, tall = arrays.scale_box((x, y, width, height), size, wanted)
    for start, extent, first, count, small, large in (
        (y, height, top, tall, size[0], wanted[0]),
        (x, width, left, wide, size[1], wanted[1]),
    ):
        touched = [i for i in range(large) if (i + 1) * small > start * large and i * small < (start + extent) * large]
        assert (first, first + count) == (touched[0], touched[-1] + 1)


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
