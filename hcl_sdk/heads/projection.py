"""The published projection head."""

from __future__ import annotations

import attrs
from attrs.validators import ge
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk.interfaces import Head, Pyramid, PyramidSpec, component


@component
class ProjectionHead(Head):
    """Per scale a 1x1 convolution to ``2 * dim``, GELU, a 1x1 convolution to ``dim``, unit length (paper, 3.1).

    Attributes:
        dim: channels of the embeddings.
    """

    exportable = True

    dim: int = attrs.field(default=64, validator=ge(1))

    def build(self, spec: PyramidSpec) -> None:
        self.projections = nn.ModuleList(
            nn.Sequential(nn.Conv2d(c, 2 * self.dim, 1), nn.GELU(), nn.Conv2d(2 * self.dim, self.dim, 1))
            for c in spec.channels
        )

    def forward(self, pyramid: Pyramid) -> tuple[Tensor, ...]:
        return tuple(F.normalize(project(m), dim=1) for project, m in zip(self.projections, pyramid.maps, strict=True))
