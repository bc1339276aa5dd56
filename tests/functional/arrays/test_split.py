"""Masks split into parts."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hcl_sdk.functional import arrays


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


def test_a_box_and_narrower_surroundings_decide_whether_splitting_pays() -> None:
    mask = np.zeros((3000, 4000), bool)
    for y in range(400, 3000, 1000):
        for x in range(400, 4000, 1000):
            mask[y : y + 200, x : x + 200] = True
    assert len(arrays.split_mask(mask, 512)) == 1  # the surroundings of half of it would be all of it
    groups = arrays.split_mask(mask, 512, 64, around=384)
    assert len(groups) == 12
    box = slice(0, 1300), slice(0, 4000)
    assert arrays.split_mask(mask, 512, 64, box=box, around=384) == [group for group in groups if group[0].start < 1300]
    assert arrays.split_mask(mask, 512, box=(slice(0, 300), slice(0, 300))) == []


def test_little_of_unknown_surroundings_is_kept() -> None:
    mask = np.zeros((3000, 3000), bool)
    mask[500:2500, 500:2500] = True
    own = slice(500, 1500), slice(500, 1500)
    near = arrays.surround(own, mask.shape, 384)
    assert arrays.leave_unknown(near, own, mask[near]) == (slice(116, 1564), slice(116, 1564))
    mask[1500:] = False
    assert arrays.leave_unknown(near, own, mask[near]) == (slice(116, 1884), slice(116, 1564))
    assert arrays.leave_unknown(near, own, mask[near], 100) == (slice(116, 1884), slice(116, 1600))
    assert arrays.leave_unknown(near, own, np.zeros_like(mask[near])) == near
