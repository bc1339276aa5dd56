from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from hcl_sdk.encoders.swin import SwinEncoder


@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    conv_stages=st.integers(0, 2),
    scales=st.integers(1, 3),
)
@settings(max_examples=15, deadline=None)
def test_the_spec_is_true_of_the_maps_at_any_size(size: tuple[int, int], conv_stages: int, scales: int) -> None:
    encoder = SwinEncoder(
        dim=4,
        multipliers=(1, 2, 4)[:scales],
        depths=(1, 2, 1)[:scales],
        window_sizes=(4, 4, 3)[:scales],
        conv_stages=conv_stages,
    )
    assert encoder.spec.channels == (4, 8, 16)[:scales]
    assert encoder.spec.strides == tuple(2 ** (conv_stages + s) for s in range(scales))
    image = torch.rand(1, 3, *size)
    before = image.clone()
    with torch.no_grad():
        pyramid = encoder(image)
    assert pyramid.spec == encoder.spec
    for features, channels, stride in zip(pyramid.maps, encoder.spec.channels, encoder.spec.strides, strict=True):
        assert features.shape == (1, channels, *(math.ceil(n / stride) for n in size))
        assert features.isfinite().all()
    assert torch.equal(image, before)


def test_distant_positions_are_independent_of_a_pixel() -> None:
    encoder = SwinEncoder(dim=4, depths=(2,), multipliers=(1,), window_sizes=(4,))
    image = torch.rand(1, 3, 48, 8)
    changed = image.clone()
    changed[..., 0, 0] = 1 - changed[..., 0, 0]
    with torch.no_grad():
        before, after = encoder(image).maps[0], encoder(changed).maps[0]
    differs = (before != after).any(1).any(2)[0]
    assert differs[0]
    assert not differs[24:].any()


def test_activation_first_is_the_other_order_of_the_reducing_convolutions() -> None:
    torch.manual_seed(0)
    behind = SwinEncoder(dim=4, multipliers=(1,), depths=(1,), window_sizes=(4,), conv_stages=1)
    first = SwinEncoder(dim=4, multipliers=(1,), depths=(1,), window_sizes=(4,), conv_stages=1, activation_first=True)
    first.load_state_dict(behind.state_dict())
    image = torch.rand(1, 3, 16, 16)
    stem = F.gelu(behind.stem(image * 2 - 1))
    reduce, stage = behind.stem_reductions[0], behind.stages[0]
    torch.testing.assert_close(behind(image).maps[0], stage(F.gelu(reduce(stem))))
    torch.testing.assert_close(first(image).maps[0], stage(reduce(F.gelu(stem))))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"depths": (1, 2)}, r"'depths' must have as many values as 'multipliers', 3: \(1, 2\)"),
        ({"multipliers": (), "depths": (), "window_sizes": ()}, "Length of 'multipliers' must be >= 1"),
        ({"multipliers": (2, 4, 8)}, "first of 'multipliers' must be 1"),
        ({"dim": 0}, "dim"),
        ({"depths": (1, 0, 1)}, "depths"),
        ({"conv_stages": -1}, "conv_stages"),
    ],
)
def test_configurations_that_cannot_work_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SwinEncoder(**fields)
