"""Layers of window attention blocks, plain and masked.

Source: Liu et al., *Swin Transformer*, ICCV 2021, section 3, in the form of the published network (blocks, then a 3x3
convolution, then the residual); the masked ones follow Li et al., *MAT*, CVPR 2022.
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk.functional.attention import attention
from hcl_sdk.functional.windows import (
    choose_shift,
    find_attendable,
    find_window_neighbors,
    index_relative_positions,
    merge,
    pad_to_windows,
    partition,
)
from hcl_sdk.layers.partial_conv import PartialConv2d


class WindowAttention(nn.Module):
    """Multi-head self-attention within windows, with a learned bias for each relative position.

    Args:
        channels: channels of a token; a multiple of ``heads``.
        heads: number of heads.
        window: side of a window.
    """

    position_index: Tensor

    def __init__(self, channels: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        self.position_bias = nn.Parameter(torch.empty((2 * window - 1) ** 2, heads))
        nn.init.trunc_normal_(self.position_bias, std=0.02)
        self.register_buffer("position_index", index_relative_positions(window), persistent=False)

    def forward(self, windows: Tensor, mask: Tensor | None = None) -> Tensor:
        """Attend within windows ``[B, windows, N, C]``; ``mask`` broadcasts to ``[B, windows, heads, N, N]``."""
        query, key, value = rearrange(
            self.qkv(windows), "b windows n (qkv heads d) -> qkv b windows heads n d", qkv=3, heads=self.heads
        )
        bias = self.position_bias[self.position_index].permute(2, 0, 1)
        attended = attention(query, key, value, bias=bias, mask=mask)
        return self.out(rearrange(attended, "b windows heads n d -> b windows n (heads d)"))


class SwinBlock(nn.Module):
    """Window attention and an MLP (ratio 2), each after a layer norm and with a residual.

    Args:
        channels: channels of a token; a multiple of ``heads``.
        heads: number of heads.
        window: side of a window.
    """

    def __init__(self, channels: int, heads: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.norm1 = nn.LayerNorm(channels)
        self.attention = WindowAttention(channels, heads, window)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels))

    def forward(self, tokens: Tensor, shift: tuple[int, int], mask: Tensor | None) -> Tensor:
        """Process ``[B, H, W, C]``, multiples of the window, in windows shifted by ``shift``; the same shape."""
        attended = self.attention(partition(self.norm1(tokens), self.window, shift), mask)
        tokens = tokens + merge(attended, (tokens.shape[1], tokens.shape[2]), self.window, shift)
        return tokens + self.mlp(self.norm2(tokens))


class _WindowedBlocks(nn.Module):
    """The blocks that both kinds of layers share."""

    def __init__(self, channels: int, heads: int, depth: int, window: int) -> None:
        super().__init__()
        if channels % heads:
            raise ValueError(f"{channels} channels cannot be split among {heads} heads; use a divisor of {channels}")
        self.window = window
        self.blocks = nn.ModuleList(SwinBlock(channels, heads, window) for _ in range(depth))

    def _run_blocks(self, features: Tensor, corrupted: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Run the blocks on ``[B, H, W, C]``, odd ones in shifted windows; also return the updated mask."""
        height, width = features.shape[1:3]
        shifts = ((0, 0), choose_shift(height, width, self.window))[: len(self.blocks)]
        neighbors = [find_window_neighbors((height, width), self.window, shift, features.device) for shift in shifts]
        tokens = pad_to_windows(features, self.window)
        padded = (tokens.shape[1], tokens.shape[2])
        for i, block in enumerate(self.blocks):
            shift = shifts[i % 2]
            keys = None
            if corrupted is not None:
                keys = partition(pad_to_windows(corrupted, self.window, value=True), self.window, shift)
            tokens = block(tokens, shift, find_attendable(neighbors[i % 2], None if keys is None else keys[..., 0]))
            if keys is not None:  # one valid token makes all of its window valid, but never the padding
                updated = keys.all(2, keepdim=True).expand_as(keys)
                corrupted = merge(updated, padded, self.window, shift)[:, :height, :width]
        return tokens[:, :height, :width], corrupted


class SwinLayer(_WindowedBlocks):
    """Window attention blocks, a 3x3 convolution with GELU, and the residual of the whole.

    Works on maps of any size: they are padded inside, and the padding is never attended to.

    Args:
        channels: channels of the input and the output; a multiple of ``heads``.
        heads: number of heads.
        depth: number of blocks; every other one has its windows shifted by half.
        window: side of a window.

    Raises:
        ValueError: if the channels cannot be split among the heads.
    """

    def __init__(self, channels: int, heads: int, depth: int, window: int) -> None:
        super().__init__(channels, heads, depth, window)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Process ``[B, C, H, W]``; the same shape."""
        features = features.contiguous(memory_format=torch.channels_last)  # so that tokens are contiguous
        tokens, _ = self._run_blocks(features.permute(0, 2, 3, 1), None)
        return features + F.gelu(self.conv(tokens.permute(0, 3, 1, 2)))


class MaskedSwinLayer(_WindowedBlocks):
    """A :class:`SwinLayer` that attends to valid pixels only, followed by a partial convolution.

    After each block, all pixels of a window that contains a valid one count as valid in the following blocks.

    Args:
        channels: channels of the input and the output; a multiple of ``heads``.
        heads: number of heads.
        depth: number of blocks; every other one has its windows shifted by half.
        window: side of a window.

    Raises:
        ValueError: if the channels cannot be split among the heads.
    """

    def __init__(self, channels: int, heads: int, depth: int, window: int) -> None:
        super().__init__(channels, heads, depth, window)
        self.conv = PartialConv2d(channels)

    def forward(self, features: Tensor, corruption_mask: Tensor) -> Tensor:
        """Process ``[B, C, H, W]`` under ``[B, 1, H, W]`` bool, True = corrupted; the shape of the features."""
        features = features.contiguous(memory_format=torch.channels_last)
        tokens, left = self._run_blocks(features.permute(0, 2, 3, 1), corruption_mask.permute(0, 2, 3, 1))
        assert left is not None
        return features + F.gelu(self.conv(tokens.permute(0, 3, 1, 2), left.permute(0, 3, 1, 2)))
