"""Several encoders in parallel."""

from __future__ import annotations

import attrs
import torch
from attrs.validators import min_len
from torch import Tensor, nn

from hcl_sdk.interfaces import Encoder, Pyramid, PyramidSpec, component


@component
class SideBySideEncoder(Encoder):
    """Runs several encoders in parallel and concatenates their maps of the same stride.

    Manipulation detection uses two streams to combine the content of an image with traces of its origin (Zhou et al.,
    "Learning Rich Features for Image Manipulation Detection", CVPR 2018, section 3). A stride that only one of the
    encoders has becomes a scale with that encoder's channels.

    Attributes:
        encoders: two or more; channels are concatenated in this order.

    Example:
        >>> import torch
        >>> from hcl_sdk import ResNetEncoder
        >>> one, two = (ResNetEncoder(channels=c, depths=(0,) * len(c)) for c in ((4, 6), (8, 10, 12)))
        >>> encoder = SideBySideEncoder(encoders=(one, two)).eval()
        >>> [tuple(m.shape) for m in encoder(torch.rand(1, 3, 33, 64)).maps]
        [(1, 12, 17, 32), (1, 16, 9, 16), (1, 12, 5, 8)]
    """

    exportable = True

    encoders: tuple[Encoder, ...] = attrs.field(validator=min_len(2))

    def build(self) -> None:
        self.streams = nn.ModuleList(self.encoders)
        specs = [encoder.spec for encoder in self.encoders]
        strides = tuple(sorted({stride for spec in specs for stride in spec.strides}))
        channels = [
            sum(c for spec in specs for c, s in zip(spec.channels, spec.strides, strict=True) if s == stride)
            for stride in strides
        ]
        self._spec = PyramidSpec(channels=tuple(channels), strides=strides)

    @property
    def spec(self) -> PyramidSpec:
        return self._spec

    def forward(self, image: Tensor) -> Pyramid:
        of_stride: dict[int, list[Tensor]] = {stride: [] for stride in self.spec.strides}
        for encoder in self.encoders:
            pyramid = encoder(image)
            for stride, m in zip(pyramid.spec.strides, pyramid.maps, strict=True):
                of_stride[stride].append(m)
        return Pyramid(maps=tuple(torch.cat(maps, dim=1) for maps in of_stride.values()), spec=self.spec)
