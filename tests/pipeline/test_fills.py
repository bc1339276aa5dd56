"""Fills of the least that there can be, and of every kind of photo, with all that can be done to a fill."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hcl_sdk import Pipeline, ResidualUNet

SETTINGS: list[dict[str, Any]] = [
    {},
    {"seamless": True},
    {"texture": 1.0},
    {"unveil": True},
    {"texture": 0.5, "seamless": True, "unveil": True, "dilate": 1, "feather": 2},
]
settings = pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: ",".join(s) or "none")


def make_pipeline(**settings: Any) -> Pipeline:
    return Pipeline(restorer=ResidualUNet(channels=(4, 6), depths=(0, 0)), device="cpu", **settings)  # not trained


def draw_gradient(height: int, width: int, channels: int, dtype: Any) -> np.ndarray:
    """About the middle of the range."""
    steps = np.linspace(0.4, 0.6, height * width * channels).reshape(width, height, channels).swapaxes(0, 1)
    if np.dtype(dtype).kind == "f":
        return steps.astype(dtype)
    return (steps * np.iinfo(dtype).max).round().astype(dtype)


def draw_mask(height: int, width: int, *, known: int | None = None, hole: int | None = None) -> np.ndarray:
    """All corrupted but one pixel, or one pixel alone; with neither, all of it."""
    mask = np.full((height, width), hole is None)
    if known is not None:
        mask.flat[known] = False
    if hole is not None:
        mask.flat[hole] = True
    return mask


@settings
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 3), (5, 2), (40, 33)])
def test_with_nothing_known_there_is_a_fill(settings: dict[str, Any], size: tuple[int, int]) -> None:
    photo = draw_gradient(*size, 3, np.uint8)
    restored = make_pipeline(**settings).restore(photo, corruption_mask=draw_mask(*size)).restored
    assert restored.shape == photo.shape
    assert restored.dtype == np.uint8
    assert np.array_equal(restored, np.full_like(photo, restored.flat[0]))  # as gray as it was made: nothing is known


@settings
@pytest.mark.parametrize("size", [(1, 2), (3, 3), (40, 33)])
def test_one_known_pixel_decides_the_color_of_all(settings: dict[str, Any], size: tuple[int, int]) -> None:
    photo = draw_gradient(*size, 3, np.uint8)
    photo.reshape(-1, 3)[1] = (200, 40, 90)
    restored = make_pipeline(**settings).restore(photo, corruption_mask=draw_mask(*size, known=1)).restored
    np.testing.assert_allclose(restored, np.broadcast_to(photo.reshape(-1, 3)[1], photo.shape), atol=1)


@settings
@pytest.mark.parametrize("size", [(1, 2), (2, 2), (3, 5), (40, 33)])
def test_a_hole_of_one_pixel_becomes_like_its_neighbors(settings: dict[str, Any], size: tuple[int, int]) -> None:
    photo = np.full((*size, 3), 120, np.uint8)
    photo[0, 0] = (255, 0, 0)
    restored = make_pipeline(**settings).restore(photo, corruption_mask=draw_mask(*size, hole=0)).restored
    np.testing.assert_allclose(restored, np.full_like(photo, 120), atol=1)


@settings
@pytest.mark.parametrize("size", [(4, 5), (48, 40)])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_photos_of_all_kinds_keep_their_type(
    settings: dict[str, Any], size: tuple[int, int], channels: int, dtype: Any
) -> None:
    photo = draw_gradient(*size, channels, dtype)
    mask = np.zeros(size, bool)
    mask[1:3, 1 : size[1] // 2] = True
    damaged = photo.copy()
    damaged[mask] = 0
    if channels in (2, 4):
        damaged[..., -1] = photo[..., -1]
    restored = make_pipeline(**settings).restore(damaged, corruption_mask=mask).restored
    assert restored.shape == photo.shape
    assert restored.dtype == photo.dtype
    far = np.zeros(size, bool)
    far[6:] = True
    assert np.array_equal(restored[far], photo[far])
    if channels in (2, 4):
        assert np.array_equal(restored[..., -1], photo[..., -1])  # as transparent as it was
    colors = slice(None, channels - 1 if channels in (2, 4) else channels)
    highest = 1.0 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    difference = (restored[mask][:, colors].astype(float) - photo[mask][:, colors]) / highest
    assert np.abs(difference).max() < 0.25  # black is gone


@settings
def test_fills_of_16_bits_have_16_bits(settings: dict[str, Any]) -> None:
    photo = draw_gradient(48, 40, 3, np.uint16)
    mask = np.zeros((48, 40), bool)
    mask[10:30, 10:30] = True
    restored = make_pipeline(**settings).restore(photo, corruption_mask=mask).restored
    assert len(np.unique(restored[mask] % 257)) > 100  # a value of 8 bits is a multiple of 257
