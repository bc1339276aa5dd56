"""Plain residual convolutions: fast on a CPU and quick to learn low-level traces."""

from __future__ import annotations

from itertools import pairwise

import attrs
import torch
from attrs.validators import deep_iterable, ge, min_len
from torch import Tensor, nn

from hcl_sdk.functional.resize import crop_to_strides, pad_to_multiple
from hcl_sdk.interfaces import Encoder, Pyramid, PyramidSpec, as_many_as, component
from hcl_sdk.layers.noise_residuals import NoiseResiduals
from hcl_sdk.layers.residual import ResidualBlock, make_conv_bn


@component
class ResNetEncoder(Encoder):
    """Residual blocks of 3x3 convolutions (He et al., "Deep Residual Learning for Image Recognition", CVPR 2016).

    Each scale begins with a convolution of stride 2. Batch normalization makes it quick to train from scratch; its
    statistics are fixed in evaluation mode, where images do not influence each other.

    Attributes:
        channels: channels of each scale, fine to coarse.
        depths: number of residual blocks of each scale, fine to coarse; 0 for only the convolution of stride 2.
        residuals: use high-pass residuals in addition to the colors, as in
            :class:`~hcl_sdk.layers.noise_residuals.NoiseResiduals`.

    Example:
        >>> import torch
        >>> encoder = ResNetEncoder(channels=(8, 16), depths=(1, 1)).eval()
        >>> [tuple(m.shape) for m in encoder(torch.rand(1, 3, 33, 64)).maps]
        [(1, 8, 17, 32), (1, 16, 9, 16)]
    """

    exportable = True

    channels: tuple[int, ...] = attrs.field(default=(32, 64, 128, 160), validator=[deep_iterable(ge(1)), min_len(1)])
    depths: tuple[int, ...] = attrs.field(
        default=(1, 1, 2, 2), validator=[deep_iterable(ge(0)), as_many_as("channels")]
    )
    residuals: bool = False

    def build(self) -> None:
        self.noise = NoiseResiduals() if self.residuals else None
        seen = 3 if self.noise is None else 3 + self.noise.channels
        self.stages = nn.ModuleList(
            nn.Sequential(
                make_conv_bn(before, width, stride=2),
                nn.ReLU(inplace=True),
                *(ResidualBlock(width) for _ in range(depth)),
            )
            for (before, width), depth in zip(pairwise((seen, *self.channels)), self.depths, strict=True)
        )

    @property
    def spec(self) -> PyramidSpec:
        return PyramidSpec(channels=self.channels, strides=tuple(2 ** (s + 1) for s in range(len(self.channels))))

    def forward(self, image: Tensor) -> Pyramid:
        spec = self.spec
        x = pad_to_multiple(image, spec.strides[-1])
        x = x * 2 - 1 if self.noise is None else torch.cat([x * 2 - 1, self.noise(x)], dim=1)
        maps: list[Tensor] = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return Pyramid(maps=crop_to_strides(maps, image, spec.strides), spec=spec)
