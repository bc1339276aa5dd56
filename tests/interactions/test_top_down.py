from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from hcl_sdk import Pyramid, PyramidSpec, TopDownFusion


def test_each_scale_gets_a_quarter_of_the_channels_of_the_next_coarser_incoming_map() -> None:
    spec = PyramidSpec(channels=(3, 8, 16), strides=(1, 2, 4))
    maps = (torch.randn(2, 3, 7, 9), torch.randn(2, 8, 4, 5), torch.randn(2, 16, 2, 3))
    fusion = TopDownFusion().bind(spec)
    fused = fusion(Pyramid(maps=maps, spec=spec))
    assert fusion.spec == fused.spec == PyramidSpec(channels=(3 + 2, 8 + 4, 16), strides=(1, 2, 4))
    for s in (0, 1):
        reduced = F.conv2d(maps[s + 1], fusion.reduce[s].weight, fusion.reduce[s].bias)  # type: ignore[arg-type]
        twice = reduced.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        height, width = maps[s].shape[-2:]
        assert torch.equal(fused.maps[s][:, : maps[s].shape[1]], maps[s])  # [current, coarser]
        assert torch.allclose(fused.maps[s][:, maps[s].shape[1] :], twice[..., :height, :width], atol=1e-6)
    assert torch.equal(fused.maps[2], maps[2])


def test_maps_too_narrow_for_a_quarter_are_refused_on_binding() -> None:
    with pytest.raises(ValueError, match=r"quarter of their channels.*\(3, 3\)"):
        TopDownFusion().bind(PyramidSpec(channels=(3, 3), strides=(1, 2)))
    assert TopDownFusion().bind(PyramidSpec(channels=(3,), strides=(1,))).spec.channels == (3,)
