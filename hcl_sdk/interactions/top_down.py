"""The published cross-scale interaction: each scale sees the next coarser one."""

from __future__ import annotations

import torch
from torch import nn

from hcl_sdk.functional.resize import resize
from hcl_sdk.interfaces import Interaction, Pyramid, PyramidSpec, component


@component
class TopDownFusion(Interaction):
    """Concatenates to each map the next coarser *incoming* map, reduced to a quarter of its channels (paper, 3.1).

    The coarser map goes through a 1x1 convolution and nearest upsampling; the coarsest scale stays as it is.
    """

    exportable = True

    def build(self, spec: PyramidSpec) -> None:
        if any(c < 4 for c in spec.channels[1:]):
            raise ValueError(f"TopDownFusion reduces coarser maps to a quarter of their channels; got {spec.channels}")
        self.reduce = nn.ModuleList(nn.Conv2d(c, c // 4, 1) for c in spec.channels[1:])
        extra = (*(c // 4 for c in spec.channels[1:]), 0)
        self._spec = PyramidSpec(
            channels=tuple(own + more for own, more in zip(spec.channels, extra, strict=True)), strides=spec.strides
        )

    @property
    def spec(self) -> PyramidSpec:
        return self._spec

    def forward(self, pyramid: Pyramid) -> Pyramid:
        fused = [
            torch.cat([own, resize(reduce(coarser), own.shape[-2:])], dim=1)
            for own, coarser, reduce in zip(pyramid.maps[:-1], pyramid.maps[1:], self.reduce, strict=True)
        ]
        return Pyramid(maps=(*fused, pyramid.maps[-1]), spec=self.spec)
