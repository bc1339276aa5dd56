"""Coarse-to-fine and back: every scale sees every other."""

from __future__ import annotations

import attrs
import torch
from attrs.validators import ge
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk.functional.resize import resize
from hcl_sdk.interfaces import Interaction, Pyramid, PyramidSpec, component
from hcl_sdk.layers.norm import ChannelNorm


@component
class BidirectionalFusion(Interaction):
    """A top-down and then a bottom-up pass over maps of one width (Liu et al., "PANet", CVPR 2018, section 3.1).

    Coarser maps are enlarged bilinearly on the way down, finer ones averaged on the way up; fast normalized weights
    as in EfficientDet (Tan et al., CVPR 2020, section 3.3) determine how much of each is used.

    Attributes:
        dim: channels of every outgoing map.
    """

    exportable = True

    dim: int = attrs.field(default=64, validator=ge(1))

    def build(self, spec: PyramidSpec) -> None:
        scales = len(spec)
        self.lateral = nn.ModuleList(nn.Conv2d(c, self.dim, 1) for c in spec.channels)
        self.down = nn.ModuleList(_Smooth(self.dim) for _ in range(scales - 1))
        self.up = nn.ModuleList(_Smooth(self.dim) for _ in range(scales - 1))
        self.down_weight = nn.Parameter(torch.ones(scales - 1, 2))
        self.up_weight = nn.Parameter(torch.ones(scales - 1, 3))
        self._spec = PyramidSpec(channels=(self.dim,) * scales, strides=spec.strides)

    @property
    def spec(self) -> PyramidSpec:
        return self._spec

    def forward(self, pyramid: Pyramid) -> Pyramid:
        own = [lateral(m) for lateral, m in zip(self.lateral, pyramid.maps, strict=True)]
        maps = list(own)
        for s in reversed(range(len(maps) - 1)):
            coarser = resize(maps[s + 1], own[s].shape[-2:], "bilinear")
            maps[s] = self.down[s](_fuse([own[s], coarser], self.down_weight[s]))
        for s in range(1, len(maps)):
            finer = F.adaptive_avg_pool2d(maps[s - 1], own[s].shape[-2:])
            maps[s] = self.up[s - 1](_fuse([own[s], maps[s], finer], self.up_weight[s - 1]))
        return Pyramid(maps=tuple(maps), spec=self.spec)


class _Smooth(nn.Module):
    """A depthwise 3x3 and a pointwise convolution with a residual, to reduce the blockiness of resizing."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(dim)
        self.depthwise = nn.Conv2d(dim, dim, 3, padding=1, groups=dim)
        self.pointwise = nn.Conv2d(dim, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.pointwise(F.gelu(self.depthwise(self.norm(x))))


def _fuse(maps: list[Tensor], weight: Tensor) -> Tensor:
    positive = weight.relu()
    share = positive / (positive.sum() + 1e-4)
    return sum((m * w for m, w in zip(maps[1:], share[1:], strict=True)), maps[0] * share[0])
