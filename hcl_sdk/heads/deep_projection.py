"""A deeper projection head with spatial context."""

from __future__ import annotations

import attrs
from attrs.validators import ge
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk.interfaces import Head, Pyramid, PyramidSpec, component
from hcl_sdk.layers.norm import ChannelNorm


@component
class DeepProjectionHead(Head):
    """Three layers instead of two, from which contrastive learning benefits more than from a wider encoder.

    Per scale: 1x1 convolution to ``2 * dim``, normalization, GELU; the same with a depthwise 3x3 convolution in front,
    so that a pixel is embedded with its neighbors; 1x1 convolution to ``dim``, unit length. Three layers: Chen et al.,
    "Big Self-Supervised Models are Strong Semi-Supervised Learners", NeurIPS 2020, section 2. Channel normalization
    instead of batch normalization keeps images independent.

    Attributes:
        dim: channels of the embeddings.
    """

    exportable = True

    dim: int = attrs.field(default=64, validator=ge(1))

    def build(self, spec: PyramidSpec) -> None:
        width = 2 * self.dim
        self.projections = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(c, width, 1),
                ChannelNorm(width),
                nn.GELU(),
                nn.Conv2d(width, width, 3, padding=1, groups=width),
                nn.Conv2d(width, width, 1),
                ChannelNorm(width),
                nn.GELU(),
                nn.Conv2d(width, self.dim, 1),
            )
            for c in spec.channels
        )

    def forward(self, pyramid: Pyramid) -> tuple[Tensor, ...]:
        return tuple(F.normalize(project(m), dim=1) for project, m in zip(self.projections, pyramid.maps, strict=True))
