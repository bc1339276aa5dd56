"""Soft layers, against slow references that go pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hcl_sdk.corruptions.soft import Canvas, Patch, draw_path, draw_rough_noise, draw_smooth_noise, join_rgba


def put_over(under: tuple[np.ndarray, float], over: tuple[np.ndarray, float]) -> tuple[np.ndarray, float]:
    """ "Over" of Porter and Duff (1984), of one pixel, in premultiplied colors as they write it."""
    (b, b_alpha), (a, a_alpha) = under, over
    alpha = a_alpha + b_alpha * (1 - a_alpha)
    premultiplied = a * a_alpha + b * b_alpha * (1 - a_alpha)
    return (premultiplied / alpha if alpha > 0 else b), alpha


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(-9, 12), st.integers(-9, 12))
def test_a_canvas_lays_patches_over_each_other_where_they_fall(seed: int, left: int, top: int) -> None:
    rng = np.random.default_rng(seed)
    size, canvas = (7, 9), Canvas((7, 9))
    expected = {(y, x): (np.zeros(3), 0.0) for y in range(7) for x in range(9)}
    layers = [
        (rng.uniform(0, 255, 3), Patch(rng.random(size)), 1.0),
        (rng.uniform(0, 255, (4, 5, 3)), Patch(rng.random((4, 5)), left, top), 0.7),
    ]
    for color, patch, strength in layers:
        canvas.lay(color, patch, strength)
        for y in range(patch.alpha.shape[0]):
            for x in range(patch.alpha.shape[1]):
                at = y + patch.top, x + patch.left
                if at in expected:
                    own = color if color.ndim == 1 else color[y, x]
                    expected[at] = put_over(expected[at], (own, float(patch.alpha[y, x]) * strength))
    for (y, x), (color, alpha) in expected.items():
        assert canvas.alpha[y, x] == pytest.approx(alpha, abs=1e-5)
        assert canvas.colors[y, x] == pytest.approx(color, abs=1e-2)


@given(st.integers(0, 1000), st.integers(-9, 12), st.integers(-9, 12))
def test_a_patch_merges_as_the_greater_of_both(seed: int, left: int, top: int) -> None:
    rng = np.random.default_rng(seed)
    sheet, patch = rng.random((6, 8)), Patch(rng.random((5, 4)), left, top)
    expected = sheet.copy()
    for y in range(5):
        for x in range(4):
            if 0 <= y + top < 6 and 0 <= x + left < 8:
                expected[y + top, x + left] = max(expected[y + top, x + left], patch.alpha[y, x])
    patch.merge_into(sheet)
    assert np.array_equal(sheet, expected)


def test_almost_transparent_pixels_are_transparent() -> None:
    alpha = np.array([[0.0, 7.4 / 255, 7.6 / 255, 1.2]])
    rgba = join_rgba((300, -5, 9.6), alpha)
    assert rgba[0, :, 3].tolist() == [0, 0, 8, 255]
    assert (rgba[..., :3] == (255, 0, 10)).all()


@pytest.mark.parametrize("width", [0.2, 1.0, 4.0, 11.0])
def test_a_line_covers_as_much_as_it_is_wide(width: float) -> None:
    """Of a straight line, the sum of its opacity across it is its width."""
    points = np.stack([np.full(20, 40.0), np.linspace(10, 90, 20)], axis=1)
    patch = draw_path((100, 80), points, width)
    across = patch.alpha[45 - patch.top].sum()
    assert across == pytest.approx(width, abs=0.35)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 50), st.integers(1, 50), st.floats(0.5, 12))
def test_a_line_is_drawn_within_its_photo(seed: int, height: int, width: int, thick: float) -> None:
    points = np.random.default_rng(seed).uniform(-40, 90, (6, 2))
    patch = draw_path((height, width), points, thick, soft=0.5)
    (rows, columns), (own_rows, own_columns) = patch.find_overlap((height, width))
    assert patch.alpha[own_rows, own_columns].shape == patch.alpha.shape
    assert rows.stop - rows.start == patch.alpha.shape[0]
    assert columns.stop - columns.start == patch.alpha.shape[1]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.floats(0.3, 40), st.integers(0, 1000))
def test_noise_has_its_size_range_and_seed(height: int, width: int, cell: float, seed: int) -> None:
    for make in (draw_smooth_noise, draw_rough_noise):
        first, again = (make((height, width), cell, np.random.default_rng(seed)) for _ in range(2))
        assert first.shape == (height, width)
        assert np.array_equal(first, again)
    smooth = draw_smooth_noise((height, width), cell, np.random.default_rng(seed))
    assert 0 <= smooth.min() <= smooth.max() <= 1


def test_smooth_noise_varies_over_its_cells_and_rough_noise_within_them() -> None:
    rng = np.random.default_rng(0)
    smooth, rough = draw_smooth_noise((128, 128), 32, rng), draw_rough_noise((128, 128), 32, rng)
    steps = [np.abs(np.diff(field, axis=1)).mean() / field.std() for field in (smooth, rough)]
    assert steps[1] > 1.5 * steps[0]
