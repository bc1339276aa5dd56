"""A pyramid of maps of one stride."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from hcl_sdk.layers.plain_pyramid import PlainPyramid, choose_strides


@pytest.mark.parametrize(
    ("stride", "expected"), [(16, (4, 8, 16, 32)), (14, (7, 14, 28, 56)), (8, (2, 4, 8, 16)), (7, (7, 14, 28, 56))]
)
def test_strides_begin_at_a_quarter_or_as_near_to_it_as_whole_numbers_allow(
    stride: int, expected: tuple[int, ...]
) -> None:
    assert choose_strides(stride, 4) == expected


@given(
    stride=st.sampled_from([7, 8, 14, 16]), scales=st.integers(1, 4), rows=st.integers(1, 3), batch=st.integers(1, 2)
)
def test_maps_have_the_strides_that_are_promised(stride: int, scales: int, rows: int, batch: int) -> None:
    strides = choose_strides(stride, scales)
    side = rows * max(strides[-1], stride)
    maps = [torch.rand(batch, 3 + s, side // stride, side // stride) for s in range(scales)]
    found = PlainPyramid([m.shape[1] for m in maps], stride)(maps)
    assert [tuple(m.shape) for m in found] == [(batch, 3 + s, side // t, side // t) for s, t in enumerate(strides)]


def test_scales_match_the_papers() -> None:
    pyramid = PlainPyramid((4,) * 4, 16)
    x = torch.rand(1, 4, 6, 8)
    fourfold, double, same, half = pyramid([x] * 4)
    scale: Any = pyramid.scales[0]
    first, norm, _, second = scale
    once = F.conv_transpose2d(x, first.weight, first.bias, stride=2)
    normed = F.layer_norm(once.movedim(1, -1), (4,), norm.weight, norm.bias).movedim(-1, 1)
    torch.testing.assert_close(fourfold, F.conv_transpose2d(F.gelu(normed), second.weight, second.bias, stride=2))
    assert isinstance(pyramid.scales[1], nn.ConvTranspose2d)
    torch.testing.assert_close(double, pyramid.scales[1](x))
    assert torch.equal(same, x)
    assert torch.equal(half, x.unfold(2, 2, 2).unfold(3, 2, 2).amax((-1, -2)))
