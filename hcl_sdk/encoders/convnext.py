"""A light convolutional encoder, good on a CPU."""

from __future__ import annotations

from itertools import pairwise

import attrs
from attrs.validators import deep_iterable, ge, le, min_len
from torch import Tensor, nn

from hcl_sdk.functional.resize import crop_to_strides, pad_to_multiple
from hcl_sdk.interfaces import Encoder, Pyramid, PyramidSpec, as_many_as, component
from hcl_sdk.layers.convnext import ConvNeXtBlock
from hcl_sdk.layers.norm import ChannelNorm


@component
class ConvNeXtEncoder(Encoder):
    """ConvNeXt stages (Liu et al., CVPR 2022) on an overlapping stem, so that fine traces such as seams survive.

    Unlike a classifier's backbone it starts at stride ``stem_stride`` instead of 4.

    Attributes:
        channels: channels of each scale, fine to coarse.
        depths: number of blocks of each scale, fine to coarse.
        stem_stride: stride of the finest scale, 1 to 4; each further scale doubles it.
        kernel_size: kernel size of the depthwise convolutions, odd.

    Example:
        >>> import torch
        >>> encoder = ConvNeXtEncoder(channels=(16, 32), depths=(1, 1))
        >>> [tuple(m.shape) for m in encoder(torch.rand(1, 3, 33, 64)).maps]
        [(1, 16, 17, 32), (1, 32, 9, 16)]
    """

    exportable = True

    channels: tuple[int, ...] = attrs.field(default=(32, 64, 128, 192), validator=[deep_iterable(ge(1)), min_len(1)])
    depths: tuple[int, ...] = attrs.field(
        default=(1, 2, 3, 2), validator=[deep_iterable(ge(1)), as_many_as("channels")]
    )
    stem_stride: int = attrs.field(default=2, validator=[ge(1), le(4)])
    kernel_size: int = attrs.field(default=7, validator=ge(1))

    @kernel_size.validator  # pyright: ignore[reportAttributeAccessIssue]
    def _check_odd(self, attribute: attrs.Attribute[int], value: int) -> None:
        if value % 2 == 0:
            raise ValueError(f"'kernel_size' must be odd: {value}")

    def build(self) -> None:
        kernel = 2 * self.stem_stride + 1
        self.stem = nn.Sequential(
            nn.Conv2d(3, self.channels[0], kernel, stride=self.stem_stride, padding=self.stem_stride),
            ChannelNorm(self.channels[0]),
        )
        self.stages = nn.ModuleList(
            nn.Sequential(*(ConvNeXtBlock(width, self.kernel_size) for _ in range(depth)))
            for width, depth in zip(self.channels, self.depths, strict=True)
        )
        self.down = nn.ModuleList(
            nn.Sequential(ChannelNorm(fine), nn.Conv2d(fine, coarse, 3, stride=2, padding=1))
            for fine, coarse in pairwise(self.channels)
        )

    @property
    def spec(self) -> PyramidSpec:
        strides = tuple(self.stem_stride * 2**s for s in range(len(self.channels)))
        return PyramidSpec(channels=self.channels, strides=strides)

    def forward(self, image: Tensor) -> Pyramid:
        spec = self.spec
        x = self.stem(pad_to_multiple(image, spec.strides[-1]) * 2 - 1)
        maps: list[Tensor] = []
        for s, stage in enumerate(self.stages):
            x = stage(x if s == 0 else self.down[s - 1](x))
            maps.append(x)
        return Pyramid(maps=crop_to_strides(maps, image, spec.strides), spec=spec)
