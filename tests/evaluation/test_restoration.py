"""What is measured of a fill, against plain and slow computations of it."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hcl_sdk import ResNetEncoder
from hcl_sdk.evaluation.restoration import compare_features, measure_grain, sum_high_pass, sum_seam_gradients
from hcl_sdk.losses import PerceptualLoss

Scene: TypeAlias = tuple[np.ndarray, np.ndarray]


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """An image and a hole in it, of any shape, the whole image and nothing included."""
    height, width = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    share = draw(st.sampled_from([0.0, 0.3, 0.6, 1.0]))
    return rng.random((2, height, width)), rng.random((height, width)) < share


def tensors(image: np.ndarray, hole: np.ndarray) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(image)[None].float(), torch.from_numpy(hole)[None, None]


@settings(deadline=None, max_examples=60)
@given(scenes())
def test_the_high_pass_by_loops(scene: Scene) -> None:
    image, hole = scene
    channels, height, width = image.shape
    total = 0.0
    for c in range(channels):
        for y, x in zip(*np.nonzero(hole), strict=True):
            around = [
                image[c, min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)]
                for dy in (-1, 0, 1)
                for dx in (-1, 0, 1)
            ]
            total += (image[c, y, x] - np.mean(around)) ** 2
    assert sum_high_pass(*tensors(image, hole)) == pytest.approx(total, rel=1e-4, abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(scenes())
def test_the_seam_by_loops(scene: Scene) -> None:
    image, hole = scene
    _, height, width = image.shape
    across = along = 0.0

    def difference(a: tuple[int, int], b: tuple[int, int]) -> float:
        return np.abs(image[:, *a] - image[:, *b]).sum()

    for y in range(height):
        for x in range(width):
            for dy, dx in ((0, 1), (1, 0)):
                this, other = (y, x), (y + dy, x + dx)
                if other[0] >= height or other[1] >= width or hole[this] == hole[other]:
                    continue
                beside = []
                for py, px in (this, other):
                    for ny, nx in ((py + dx, px + dy), (py - dx, px - dy)):
                        if 0 <= ny < height and 0 <= nx < width and hole[ny, nx] == hole[py, px]:
                            beside.append(difference((py, px), (ny, nx)))
                if beside:
                    across += difference(this, other)
                    along += np.mean(beside)
    assert sum_seam_gradients(*tensors(image, hole)) == pytest.approx((across, along), rel=1e-4, abs=1e-6)


def test_a_seam_shows_in_its_measure() -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(0.5, 0.05, (3, 64, 64))
    hole = np.zeros((64, 64), bool)
    hole[20:44, 16:50] = True

    def seam(values: np.ndarray) -> float:
        across, along = sum_seam_gradients(*tensors(values, hole))
        return across / along

    assert seam(image) == pytest.approx(1, abs=0.15)
    assert seam(image + 0.5 * hole) > 5
    assert sum_seam_gradients(*tensors(image, np.ones_like(hole))) == (0, 0)


def test_the_distance_of_features_by_loops() -> None:
    torch.manual_seed(0)
    network = PerceptualLoss(encoder=ResNetEncoder(channels=(4, 6), depths=(1, 1)), weights="own")
    image, clean = torch.rand(2, 1, 3, 16, 24)
    hole = torch.zeros(1, 1, 16, 24, dtype=torch.bool)
    hole[..., 3:9, 5:18] = True
    scales = []
    for ours, true in zip(network.features(image), network.features(clean), strict=True):
        _, _, height, width = ours.shape
        total = weight = 0.0
        for y in range(height):
            for x in range(width):
                stride_y, stride_x = 16 // height, 24 // width
                place = hole[0, 0, y * stride_y : (y + 1) * stride_y, x * stride_x : (x + 1) * stride_x]
                share = place.float().mean().item()
                a, b = (m[0, :, y, x] / m[0, :, y, x].norm().clamp(min=1e-12) for m in (ours, true))
                total += share * (a - b).norm().item()
                weight += share
        scales.append(total / weight)
    assert compare_features(network, image, clean, hole) == pytest.approx(np.mean(scales), rel=1e-4)
    assert compare_features(network, clean, clean, hole) == 0


def test_edges_do_not_change_the_measured_grain() -> None:
    generator = torch.Generator().manual_seed(0)
    image = 0.5 + 0.02 * torch.randn(1, 3, 120, 120, generator=generator)
    image[..., :60] += 0.3  # an edge, from top to bottom
    hole = torch.zeros(1, 1, 120, 120, dtype=torch.bool)
    hole[..., 40:80, 40:80] = True
    inside, around = measure_grain(image, hole)
    assert inside == pytest.approx(around, rel=0.1)
    image[..., 40:80, 40:80] = 0.5 + (image[..., 40:80, 40:80] - 0.5) / 2
    halved, same = measure_grain(image, hole)
    assert halved == pytest.approx(inside / 2, rel=0.1)
    assert same == pytest.approx(around, rel=0.1)
    image[..., :20] += torch.randn(20)  # beyond its surroundings
    assert measure_grain(image, hole) == (halved, same)
