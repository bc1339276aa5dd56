"""The published encoder: a pyramid of window attention layers."""

from __future__ import annotations

from itertools import pairwise

import attrs
import torch
from attrs.validators import deep_iterable, ge, min_len
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk.interfaces import Encoder, Pyramid, PyramidSpec, as_many_as, component
from hcl_sdk.layers.swin import SwinLayer


@component
class SwinEncoder(Encoder):
    """Convolutions and layers of shifted-window attention, each scale at half the resolution of the one before.

    The scales have ``dim * multipliers[s]`` channels, as many attention heads as their multiplier says, and strides
    ``2^conv_stages * 2^s``. The image is scaled to [-1, 1] inside.

    Source: the paper, section 3.1; the blocks are those of Liu et al., *Swin Transformer*, ICCV 2021.

    Attributes:
        dim: channels of the stem.
        multipliers: width of each scale as a multiple of ``dim``, and its number of heads.
        depths: attention blocks at each scale.
        window_sizes: side of the attention windows at each scale.
        conv_stages: convolutions of stride 2 before the first scale, for large images.
        activation_first: whether the activation comes before these convolutions instead of after them, as in version 3
            of the published code.

    Raises:
        ValueError: if ``multipliers``, ``depths`` and ``window_sizes`` differ in length, the first multiplier is not 1,
            or a value is too small.

    Example:
        >>> import torch
        >>> encoder = SwinEncoder(dim=8, depths=(1, 1, 1))
        >>> [tuple(m.shape) for m in encoder(torch.rand(1, 3, 30, 20)).maps]
        [(1, 8, 30, 20), (1, 16, 15, 10), (1, 32, 8, 5)]
    """

    exportable = True

    dim: int = attrs.field(default=64, validator=ge(1))
    multipliers: tuple[int, ...] = attrs.field(default=(1, 2, 4), validator=[deep_iterable(ge(1)), min_len(1)])
    depths: tuple[int, ...] = attrs.field(
        default=(6, 4, 2), validator=[deep_iterable(ge(1)), as_many_as("multipliers")]
    )
    window_sizes: tuple[int, ...] = attrs.field(
        default=(8, 8, 8), validator=[deep_iterable(ge(1)), as_many_as("multipliers")]
    )
    conv_stages: int = attrs.field(default=0, validator=ge(0))
    activation_first: bool = False

    @multipliers.validator  # pyright: ignore[reportAttributeAccessIssue]
    def _check_stem(self, attribute: attrs.Attribute[tuple[int, ...]], value: tuple[int, ...]) -> None:
        if value[0] != 1:
            raise ValueError(f"the first of '{attribute.name}' must be 1, the width of the stem: {value}")

    def build(self) -> None:
        """Make the layers."""
        channels = self.spec.channels
        self.stem = nn.Conv2d(3, self.dim, 5, padding=2)
        self.stem_reductions = nn.ModuleList(_make_halving(self.dim, self.dim) for _ in range(self.conv_stages))
        self.reductions = nn.ModuleList(_make_halving(a, b) for a, b in pairwise(channels))
        self.stages = nn.ModuleList(
            SwinLayer(width, heads, depth, window)
            for width, heads, depth, window in zip(
                channels, self.multipliers, self.depths, self.window_sizes, strict=True
            )
        )

    @property
    def spec(self) -> PyramidSpec:
        """Channels ``dim * multipliers[s]``, strides ``2^(conv_stages + s)``."""
        return PyramidSpec(
            channels=tuple(self.dim * multiplier for multiplier in self.multipliers),
            strides=tuple(2 ** (self.conv_stages + s) for s in range(len(self.multipliers))),
        )

    def forward(self, image: Tensor) -> Pyramid:
        """Encode ``[B, 3, H, W]`` images in [0, 1]: maps ``[B, C_s, ceil(H / stride_s), ceil(W / stride_s)]``."""
        image = image.contiguous(memory_format=torch.channels_last)  # the layout that the attention layers work in
        features = F.gelu(self.stem(image * 2 - 1))
        for reduction in self.stem_reductions:
            features = reduction(F.gelu(features)) if self.activation_first else F.gelu(reduction(features))
        maps = [self.stages[0](features)]
        for reduction, stage in zip(self.reductions, self.stages[1:], strict=True):
            maps.append(stage(F.gelu(reduction(maps[-1]))))
        return Pyramid(maps=tuple(maps), spec=self.spec)


def _make_halving(channels: int, to: int) -> nn.Conv2d:
    return nn.Conv2d(channels, to, 3, stride=2, padding=1)
