"""The kind of damage of every pixel: writing, a scratch, a piece of another photo ..."""

from __future__ import annotations

from typing import ClassVar, Self

import attrs
from attrs.validators import ge
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk.functional.resize import resize
from hcl_sdk.interfaces import DAMAGE, Bindable, Pyramid, PyramidSpec, component


@component
class DamageHead(Bindable):
    """Predicts kinds of damage: the pyramid of the interaction -> logits for every pixel of one of its scales.

    Every map is reduced to ``dim`` channels by a 1x1 convolution; from the coarsest on they are enlarged (bilinear) and
    summed, as in Kirillov et al., "Panoptic Feature Pyramid Networks", CVPR 2019, section 3, in a lighter form. A
    depthwise 3x3 convolution and a 1x1 convolution follow. It predicts the kind of damage, not its place.

    Attributes:
        dim: channels of the sum.
        finest: the finest scale to use, counted from 0; each finer one costs four times as much. The coarsest, if
            the pyramid has fewer scales.
    """

    kind: ClassVar[str] = "damage head"

    dim: int = attrs.field(default=32, validator=ge(1))
    finest: int = attrs.field(default=1, validator=ge(0))

    def bind(self, spec: PyramidSpec) -> Self:
        """Create the layers for pyramids of ``spec``. Returns self.

        Raises:
            ValueError: if it is already bound to another spec.
        """
        self._bind(spec)
        return self

    def build(self, spec: PyramidSpec) -> None:
        """Create the layers for incoming pyramids of ``spec``."""
        self._first = min(self.finest, len(spec) - 1)
        self.lateral = nn.ModuleList(nn.Conv2d(channels, self.dim, 1) for channels in spec.channels[self._first :])
        self.mix = nn.Conv2d(self.dim, self.dim, 3, padding=1, groups=self.dim)
        self.classify = nn.Conv2d(self.dim, len(DAMAGE), 1)

    def forward(self, pyramid: Pyramid) -> Tensor:
        """Predict logits ``[B, 6, H_s, W_s]`` of the kinds in :data:`~hcl_sdk.interfaces.DAMAGE`, in order, float32."""
        *finer, total = (
            lateral(features) for lateral, features in zip(self.lateral, pyramid.maps[self._first :], strict=True)
        )
        for own in reversed(finer):
            total = own + resize(total, own.shape[-2:], "bilinear")
        return self.classify(F.gelu(self.mix(F.gelu(total)))).float()
