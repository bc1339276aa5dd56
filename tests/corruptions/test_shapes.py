"""Shapes that are drawn: by their names, in their ranges."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from corrupting import SHAPE_NAMES, UNUSED, make_part
from hypothesis import given
from hypothesis import strategies as st

from hcl_sdk.corruptions import (
    AlternateLines,
    AlternatePixels,
    BrushStrokes,
    CenterBox,
    Half,
    Rectangles,
)


@pytest.mark.parametrize("name", [n for n in SHAPE_NAMES if n not in ("box", "lines", "pixels", "full")])
def test_random_shapes_differ_from_draw_to_draw(name: Any, folders: dict[str, Any]) -> None:
    shape = make_part("shape", name, folders)
    rng = np.random.default_rng(0)
    assert len({shape.draw((64, 64), rng).tobytes() for _ in range(6)}) > 1


def test_the_box_is_in_the_middle() -> None:
    mask = CenterBox().draw((64, 128), np.random.default_rng(0))
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    assert (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1) == (24, 40, 48, 80)
    assert mask.sum() == 16 * 32


@given(st.integers(1, 80), st.integers(1, 80), st.floats(0.01, 1))
def test_the_box_has_its_share_of_each_side_rounded_and_is_never_off_the_middle(
    height: int, width: int, side: float
) -> None:
    mask = CenterBox(side=side).draw((height, width), UNUSED)
    for extent, along in ((height, mask.any(1)), (width, mask.any(0))):
        places = np.nonzero(along)[0]
        assert len(places) == max(1, math.floor(extent * side + 0.5))
        before, after = places[0], extent - 1 - places[-1]
        assert 0 <= after - before <= 1
    assert mask.sum() == mask.any(1).sum() * mask.any(0).sum()


def test_lines_and_pixels() -> None:
    lines, pixels = AlternateLines().draw((5, 4), UNUSED), AlternatePixels().draw((5, 4), UNUSED)
    for y in range(5):
        for x in range(4):
            assert lines[y, x] == (y % 2 == 1)
            assert pixels[y, x] == (not (y % 2 == 1 and x % 2 == 1))


@pytest.mark.parametrize(("side", "corner"), [("left", (5, 0)), ("right", (5, 9)), ("top", (0, 5)), ("bottom", (9, 5))])
def test_a_half_is_on_its_side(side: Any, corner: tuple[int, int]) -> None:
    mask = Half(side=side).draw((10, 10), np.random.default_rng(0))
    assert mask.sum() == 50
    assert mask[corner]


def test_rectangles_keep_to_their_numbers_and_sides() -> None:
    rng = np.random.default_rng(0)
    assert not Rectangles(count=(0, 0)).draw((50, 80), rng).any()
    for _ in range(50):
        mask = Rectangles(count=(1, 1)).draw((50, 80), rng)
        height, width = mask.any(1).sum(), mask.any(0).sum()
        assert mask.sum() == height * width
        assert 10 <= height <= 40
        assert 16 <= width <= 64


def test_strokes_are_as_broad_as_they_say() -> None:
    rng = np.random.default_rng(1)
    wide = np.mean([BrushStrokes(count=(1, 1), width=(0.1, 0.1)).draw((100, 100), rng).mean() for _ in range(30)])
    thin = np.mean([BrushStrokes(count=(1, 1), width=(0.02, 0.02)).draw((100, 100), rng).mean() for _ in range(30)])
    assert 2.5 < wide / thin < 7
