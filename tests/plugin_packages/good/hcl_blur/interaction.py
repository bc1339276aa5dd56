"""Context from blurred coarser scales."""

from __future__ import annotations

import attrs
from torch import nn
from torch.nn import functional as F

from hcl_sdk import Interaction, Pyramid, PyramidSpec, component


@component
class BlurredContext(Interaction):
    """Adds to each scale a learned linear view of the next coarser one, blurred and brought to its size.

    Attributes:
        window: side of the box that the coarser scale is averaged over, in its pixels; at least 1.
    """

    window: int = attrs.field(default=3, validator=attrs.validators.ge(1))

    def build(self, spec: PyramidSpec) -> None:
        self._spec = spec
        pairs = zip(spec.channels[1:], spec.channels, strict=False)
        self.views = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for coarse, fine in pairs)

    @property
    def spec(self) -> PyramidSpec:
        return self._spec

    def forward(self, pyramid: Pyramid) -> Pyramid:
        maps = list(pyramid.maps)
        for i in reversed(range(len(maps) - 1)):
            height, width = maps[i + 1].shape[-2:]
            windows = (min(self.window, height), min(self.window, width))
            blurred = F.avg_pool2d(maps[i + 1], windows, stride=1, padding=(windows[0] // 2, windows[1] // 2))
            view = F.interpolate(blurred, maps[i].shape[-2:], mode="bilinear", align_corners=False)
            maps[i] = maps[i] + self.views[i](view)
        return pyramid.with_maps(maps)
