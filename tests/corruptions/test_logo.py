"""Logos from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corrupting import UNUSED
from PIL import Image

from hcl_sdk.corruptions import (
    Logo,
    Logos,
)


def paint_logo(tmp_path: Any, pixels: Any, **fields: Any) -> tuple[Any, Any]:
    Image.fromarray(pixels).save(tmp_path / "logo.png")
    size = (64, 64)
    content = Logo(folder=str(tmp_path), opacity=(1.0, 1.0), **fields)
    paints = [
        content.paint(np.zeros((*size, 3), np.uint8), np.ones(size, np.bool_), np.random.default_rng(i), UNUSED)
        for i in range(12)
    ]
    return [{tuple(color) for color in p[p[..., 3] == 255][:, :3].tolist()} for p in paints], paints


@pytest.mark.parametrize("tiled", [0.0, 1.0])
def test_a_logo_in_a_file_keeps_its_colors(tmp_path: Path, tiled: float) -> None:
    pixels = np.zeros((20, 20, 4), np.uint8)
    pixels[4:16, 4:10], pixels[4:16, 10:16] = (255, 0, 0, 255), (255, 255, 255, 255)
    colors, _ = paint_logo(tmp_path, pixels, tiled=tiled)
    for found in colors:  # between the two, colors mix
        assert found
        assert all(red == 255 and green == blue for red, green, blue in found)
    assert any((255, 0, 0) in found for found in colors)
    assert any((255, 255, 255) in found for found in colors)


def test_a_black_logo_is_a_form_and_gets_one_random_color(tmp_path: Path) -> None:
    pixels = np.zeros((20, 20, 4), np.uint8)
    pixels[4:16, 4:16, 3] = 255
    colors, _ = paint_logo(tmp_path, pixels, tiled=0.0)
    assert all(len(found) == 1 for found in colors)
    assert len(set.union(*colors)) > 6


def test_an_image_without_transparency_hides_its_rectangle(tmp_path: Path) -> None:
    pixels = np.full((10, 20, 3), 255, np.uint8)
    pixels[3:7, 3:7] = 0
    _, paints = paint_logo(tmp_path, pixels, tiled=0.0, count=(1, 1), side=(0.5, 0.5))
    areas = [np.count_nonzero(p[..., 3]) for p in paints]
    assert max(areas) >= 32 * 16  # one of them is wholly inside, most are not turned
    shapes = [
        Logos(folder=str(tmp_path), count=(1, 1), side=(0.5, 0.5)).draw((64, 64), np.random.default_rng(i))
        for i in range(12)
    ]
    assert max(mask.sum() for mask in shapes) == 32 * 16
    for mask in shapes:
        assert mask.sum() == mask.any(1).sum() * mask.any(0).sum()
