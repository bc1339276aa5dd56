"""Gated convolutions and the gated U-Net of the published refinement (paper, section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk.functional.resize import resize


class GatedConv(nn.Module):
    """``GELU(conv(x)) * sigmoid(gate(x))``; the gate is a 3x3 convolution whatever ``kernel_size`` is."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
        self.gate = nn.Conv2d(in_channels, out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(self.conv(x)) * torch.sigmoid(self.gate(x))


class GatedResidualBlock(nn.Module):
    """A gated 3x3 and a gated 1x1 convolution, plus the input (through a 1x1 convolution where widths differ)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = GatedConv(in_channels, out_channels, 3)
        self.conv2 = GatedConv(out_channels, out_channels, 1)
        self.shortcut = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.conv1(x)) + self.shortcut(x)


class GatedUNetBody(nn.Module):
    """U-Net of gated residual blocks: image and *valid* mask ``[B, 4, H, W]`` -> image ``[B, 3, H, W]``.

    Image values are in [-1, 1], in and out; the mask is 1 where valid. Any size works: levels have the sizes
    ``ceil(H / 2)``, and upsampling goes to the size of the skip.

    Args:
        dim: width of the first level.
        multipliers: width of each level relative to ``dim``, fine to coarse.
        upsampling: how maps are enlarged on the way up.
    """

    def __init__(
        self, dim: int, multipliers: Sequence[int], upsampling: Literal["bilinear", "nearest"] = "bilinear"
    ) -> None:
        super().__init__()
        widths = [dim * m for m in multipliers]
        self.upsampling: Literal["bilinear", "nearest"] = upsampling
        self.first = GatedConv(4, widths[0], 5)
        self.encode = nn.ModuleList(GatedResidualBlock(w, w) for w in widths)
        self.down = nn.ModuleList(nn.Conv2d(fine, coarse, 3, stride=2, padding=1) for fine, coarse in pairwise(widths))
        self.bottleneck = GatedResidualBlock(widths[-1], widths[-1])
        self.decode = nn.ModuleList(GatedResidualBlock(2 * w, w) for w in widths)
        self.up = nn.ModuleList(nn.Conv2d(coarse, fine, 3, padding=1) for fine, coarse in pairwise(widths))
        self.last = nn.Conv2d(widths[0], 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        skips: list[Tensor] = []
        for level, block in enumerate(self.encode):
            x = block(x)
            skips.append(x)
            if level < len(self.down):
                x = self.down[level](x)
        x = self.bottleneck(x)
        for level in reversed(range(len(self.decode))):
            x = self.decode[level](torch.cat([x, skips[level]], dim=1))
            if level > 0:
                x = self.up[level - 1](resize(x, skips[level - 1].shape[-2:], self.upsampling))
        return torch.tanh(self.last(x))
