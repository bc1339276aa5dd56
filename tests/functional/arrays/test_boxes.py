"""Boxes, windows and bands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_masks import masks

from hcl_sdk.functional import arrays

sides = st.integers(1, 400)


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
def test_invalid_boxes_are_refused(box: Any) -> None:
    with pytest.raises(TypeError, match="four whole numbers"):
        arrays.slice_box(box, (10, 10))


@pytest.mark.parametrize("box", [(0, 0, -1, 5), (0, 0, 5, 0)])
def test_a_box_without_pixels_is_refused(box: Any) -> None:
    with pytest.raises(ValueError, match=r"width and height of a region must be at least 1; got 0,0,"):
        arrays.slice_box(box, (10, 10))


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


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 2000))
def test_bands_cover_all_rows_once(height: int, width: int, pixels: int) -> None:
    bands = arrays.cut_bands(height, width, pixels)
    assert [y for rows in bands for y in range(rows.start, rows.stop)] == list(range(height))
    assert all((rows.stop - rows.start) * width <= max(pixels, width) for rows in bands)


@given(masks)
def test_a_mask_is_bounded_tightly(mask: np.ndarray) -> None:
    places = np.argwhere(mask)
    if len(places):
        (top, left), (bottom, right) = places.min(0), places.max(0) + 1
        assert arrays.bound_mask(mask) == (slice(top, bottom), slice(left, right))
        lower = places[places[:, 0] >= mask.shape[0] // 2]
        if len(lower):
            (top, left), (bottom, right) = lower.min(0), lower.max(0) + 1
            half = slice(mask.shape[0] // 2, mask.shape[0]), slice(0, mask.shape[1])
            assert arrays.bound_mask(mask, half) == (slice(top, bottom), slice(left, right))


def test_a_box_may_be_an_array_and_its_numbers_of_numpy() -> None:
    expected = arrays.slice_box((90, 10, 20, 5), (80, 100))
    for box in ([90, 10, 20, 5], np.array([90, 10, 20, 5], np.int16), tuple(map(np.int64, (90, 10, 20, 5)))):
        assert arrays.slice_box(box, (80, 100)) == expected  # pyright: ignore[reportArgumentType]
    for box in (np.array([90.0, 10, 20, 5]), np.zeros((4, 4), int), (True, 0, 3, 3), (0, 0, 3), "0,0,3,3", None):
        with pytest.raises(TypeError, match="four whole numbers"):
            arrays.slice_box(box, (80, 100))  # pyright: ignore[reportArgumentType]
