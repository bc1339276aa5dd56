"""Top-down fusion with residual convolutions, and attention over the whole image at coarse scales."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import attrs
from attrs.validators import deep_iterable, ge, min_len
from einops import rearrange
from torch import Tensor, nn

from hcl_sdk.functional.attention import attention
from hcl_sdk.functional.resize import resize
from hcl_sdk.interfaces import Interaction, Pyramid, PyramidSpec, component
from hcl_sdk.layers.norm import ChannelNorm
from hcl_sdk.layers.residual import ResidualBlock


def _check_depths(instance: ResidualFPN, attribute: attrs.Attribute[Any], value: tuple[int, ...]) -> None:
    if value and len(value) != len(instance.channels):
        raise ValueError(
            f"'depths' must have as many values as 'channels', {len(instance.channels)}, or none; got {len(value)}"
        )


@component
class ResidualFPN(Interaction):
    """A feature pyramid network (Lin et al., CVPR 2017, section 3) with a width for each scale and residual blocks.

    From the coarsest scale down, each map is reduced to its width by a 1x1 convolution, the next coarser outgoing map
    is added (1x1 convolution, bilinear), and residual blocks of 3x3 convolutions follow. At the coarsest scales every
    pixel first attends to all others (Vaswani et al., NeurIPS 2017), so that distant regions are compared directly:
    whether a region belongs in a photo depends on the rest of the photo.

    Attributes:
        channels: channels of each outgoing map, fine to coarse; a pyramid with fewer scales uses the first ones.
        attention: the number of scales that have attention, counted from the coarsest.
        head_dim: channels of an attention head; must divide ``channels`` at scales that have attention.
        depths: number of residual blocks of each scale, fine to coarse; one each if empty.
    """

    exportable = True

    channels: tuple[int, ...] = attrs.field(default=(16, 32, 64, 96), validator=[deep_iterable(ge(1)), min_len(1)])
    attention: int = attrs.field(default=1, validator=ge(0))
    head_dim: int = attrs.field(default=32, validator=ge(1))
    depths: tuple[int, ...] = attrs.field(default=(), validator=[deep_iterable(ge(1)), _check_depths])

    def build(self, spec: PyramidSpec) -> None:
        if len(spec) > len(self.channels):
            raise ValueError(
                f"ResidualFPN(channels={self.channels}) makes {len(self.channels)} scales; the pyramid has {len(spec)}"
            )
        widths = self.channels[: len(spec)]
        without = max(0, len(spec) - self.attention)
        if any(width % self.head_dim for width in widths[without:]):
            raise ValueError(
                f"head_dim={self.head_dim} must divide the channels of the {self.attention} coarsest scales, which "
                f"have attention; got channels={widths}"
            )
        self.lateral = nn.ModuleList(nn.Conv2d(c, w, 1) for c, w in zip(spec.channels, widths, strict=True))
        self.attend = nn.ModuleList(
            nn.Identity() if s < without else _AttentionBlock(width, width // self.head_dim)
            for s, width in enumerate(widths)
        )
        # No activation after these: embeddings of values that are all positive lie close together.
        self.refine = nn.ModuleList(ResidualBlock(width, activate=False) for width in widths)
        # Apart from the first ones, so that weights from before there were more of them can be loaded.
        self.deepen = nn.ModuleList(
            nn.Sequential(*(ResidualBlock(width, activate=False) for _ in range(depth - 1)))
            for width, depth in zip(widths, self.depths or (1,) * len(widths), strict=False)
        )
        self.down = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in pairwise(widths))
        self._spec = PyramidSpec(channels=widths, strides=spec.strides)

    @property
    def spec(self) -> PyramidSpec:
        return self._spec

    def forward(self, pyramid: Pyramid) -> Pyramid:
        maps: list[Tensor] = []
        for s in reversed(range(len(pyramid.maps))):
            x = self.lateral[s](pyramid.maps[s])
            if maps:
                x = x + resize(self.down[s](maps[-1]), x.shape[-2:], "bilinear")
            maps.append(self.deepen[s](self.refine[s](self.attend[s](x))))
        return Pyramid(maps=tuple(reversed(maps)), spec=self.spec)


class _AttentionBlock(nn.Module):
    """Attention among all pixels of a map and a two-layer perceptron, each with normalization before and a residual."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = ChannelNorm(width), ChannelNorm(width)
        self.qkv = nn.Conv2d(width, 3 * width, 1)
        self.proj = nn.Conv2d(width, width, 1)
        self.mlp = nn.Sequential(nn.Conv2d(width, 2 * width, 1), nn.GELU(), nn.Conv2d(2 * width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        height = x.shape[-2]
        query, key, value = rearrange(self.qkv(self.norm1(x)), "b (n h d) y x -> n b h (y x) d", n=3, h=self.heads)
        mixed = rearrange(attention(query, key, value), "b h (y x) d -> b (h d) y x", y=height)
        x = x + self.proj(mixed)
        return x + self.mlp(self.norm2(x))
