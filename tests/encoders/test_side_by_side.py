"""Encoders side by side: their own maps, one after the other."""

from __future__ import annotations

import pytest
import torch

from hcl_sdk import ConvNeXtEncoder, ResNetEncoder, SideBySideEncoder


def test_maps_of_one_stride_stand_one_after_the_other() -> None:
    one, two = ResNetEncoder(channels=(4, 6, 8), depths=(0, 0, 0)), ResNetEncoder(channels=(5, 7), depths=(1, 0))
    both = SideBySideEncoder(encoders=(one, two)).eval()
    image = torch.rand(2, 3, 33, 50)
    assert both.spec.channels == (9, 13, 8)
    assert both.spec.strides == (2, 4, 8)
    first, second, maps = one(image).maps, two(image).maps, both(image).maps
    assert torch.equal(maps[0], torch.cat([first[0], second[0]], dim=1))
    assert torch.equal(maps[1], torch.cat([first[1], second[1]], dim=1))
    assert torch.equal(maps[2], first[2])


def test_strides_that_one_alone_has_are_scales_of_their_own() -> None:
    fine, coarse = ResNetEncoder(channels=(4,), depths=(0,)), ConvNeXtEncoder(channels=(6, 8), depths=(1, 1))
    both = SideBySideEncoder(encoders=(fine, coarse))
    assert both.spec.strides == tuple(sorted({*fine.spec.strides, *coarse.spec.strides}))
    maps = both(torch.rand(1, 3, 40, 24)).maps
    assert [m.shape[1] for m in maps] == list(both.spec.channels)


def test_one_alone_is_refused() -> None:
    with pytest.raises(ValueError, match="encoders"):
        SideBySideEncoder(encoders=(ResNetEncoder(channels=(4,), depths=(0,)),))
