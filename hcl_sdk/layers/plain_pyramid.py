"""Builds a pyramid from maps of the same stride, such as those of a vision transformer."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from hcl_sdk.layers.norm import ChannelNorm


def choose_strides(stride: int, scales: int) -> tuple[int, ...]:
    """Choose strides: the finest is a quarter of ``stride``, or as close to it as halving yields whole numbers.

    Example:
        >>> choose_strides(16, 4), choose_strides(14, 4)
        ((4, 8, 16, 32), (7, 14, 28, 56))
    """
    finest = stride // math.gcd(stride, 4)
    return tuple(finest * 2**s for s in range(scales))


class PlainPyramid(nn.Module):
    """Resamples maps of one stride to strides that double from scale to scale, :func:`choose_strides`.

    Finer scales come from transposed convolutions of stride 2, coarser ones from max-pooling. With maps of different
    layers, this is what BEiT passes to a segmentation head (Bao et al., ICLR 2022, after their published code); with
    the last layer's map at every scale, it is the simple feature pyramid of ViTDet (Li et al., "Exploring Plain Vision
    Transformer Backbones for Object Detection", ECCV 2022, section 3), whose layer normalization is used.

    Args:
        channels: channels of the map for each scale, which are preserved.
        stride: stride of all maps.
    """

    def __init__(self, channels: Sequence[int], stride: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(
            _make_resampling(width, stride, to)
            for width, to in zip(channels, choose_strides(stride, len(channels)), strict=True)
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Resample ``[B, C_s, h, w]`` -> ``[B, C_s, h * stride / stride_s, w * stride / stride_s]``."""
        return [scale(m) for scale, m in zip(self.scales, maps, strict=True)]


def _make_resampling(channels: int, stride: int, to: int) -> nn.Module:
    if to >= stride:
        return nn.MaxPool2d(to // stride) if to > stride else nn.Identity()
    doublings = [nn.ConvTranspose2d(channels, channels, 2, stride=2) for _ in range((stride // to).bit_length() - 1)]
    if len(doublings) == 1:
        return doublings[0]
    return nn.Sequential(doublings[0], ChannelNorm(channels), nn.GELU(), doublings[1])
