from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.layers.swin import MaskedSwinLayer, SwinBlock, SwinLayer


def by_token(layer: SwinLayer | MaskedSwinLayer, features: Tensor, corrupted: Tensor | None) -> tuple[Tensor, Tensor]:
    """A layer's blocks without windows and padding: each token attends to tokens by their coordinates on the map.

    What the published method keeps apart by -100 in the logits is kept apart by -100 here, in float64.
    """
    _, height, width = features.shape
    tokens = features.double().flatten(1).T
    valid = torch.ones(height * width, dtype=torch.bool) if corrupted is None else ~corrupted.flatten()
    window = layer.window
    for b, block in enumerate(layer.blocks):
        assert isinstance(block, SwinBlock)
        group, cell, inside = [], [], []
        for extent in (height, width):
            at = torch.arange(extent)
            shift = window // 2 if b % 2 and extent > window else 0
            rolled = (at - shift) % (extent + -extent % window)
            group.append(rolled // window)
            cell.append((at - shift) // window)
            inside.append(rolled % window)
        (gy, gx), (cy, cx), (iy, ix) = (torch.meshgrid(*t, indexing="ij") for t in (group, cell, inside))
        gy, gx, cy, cx, iy, ix = (t.flatten() for t in (gy, gx, cy, cx, iy, ix))
        same_window = (gy[:, None] == gy) & (gx[:, None] == gx)
        same_cell = (cy[:, None] == cy) & (cx[:, None] == cx)
        dy, dx = iy[:, None] - iy, ix[:, None] - ix
        position = (dy + window - 1) * (2 * window - 1) + dx + window - 1
        attention = block.attention
        bias = attention.position_bias.double()[position.clamp(0, len(attention.position_bias) - 1)].permute(2, 0, 1)
        bias = bias - 100.0 * (~same_cell) - 100.0 * (~valid)[None, :]
        bias = bias.masked_fill(~same_window, float("-inf"))
        q, k, v = F.linear(F.layer_norm(tokens, (tokens.shape[1],)), *double(attention.qkv)).chunk(3, -1)
        q, k, v = (t.unflatten(-1, (attention.heads, -1)).transpose(0, 1) for t in (q, k, v))
        weights = (q @ k.mT / q.shape[-1] ** 0.5 + bias).softmax(-1)
        tokens = tokens + F.linear((weights @ v).transpose(0, 1).flatten(1), *double(attention.out))
        hidden = F.gelu(F.linear(F.layer_norm(tokens, (tokens.shape[1],)), *double(block.mlp[0])))
        tokens = tokens + F.linear(hidden, *double(block.mlp[2]))
        valid = (same_window & valid[None, :]).any(1)
    return tokens.T.unflatten(1, (height, width)), ~valid.view(1, height, width)


def double(linear: Any) -> tuple[Tensor, Tensor]:
    return linear.weight.double(), linear.bias.double()


maps = st.tuples(st.integers(1, 11), st.integers(1, 11))


@given(size=maps, window=st.sampled_from((2, 3, 4)), depth=st.integers(1, 3), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_a_layer_attends_by_position_on_a_map_of_any_size(
    size: tuple[int, int], window: int, depth: int, seed: int
) -> None:
    torch.manual_seed(seed)
    layer = SwinLayer(4, 2, depth, window)
    features = torch.randn(2, 4, *size)
    with torch.no_grad():
        ours = layer(features)
        for image, out in zip(features, ours, strict=True):
            inner = by_token(layer, image, None)[0].float()
            expected = image + F.gelu(F.conv2d(inner[None], layer.conv.weight, layer.conv.bias, padding=1))[0]
            torch.testing.assert_close(out, expected, atol=1e-4, rtol=1e-4)


@example(size=(1, 3), window=2, depth=3, share=0.5, seed=0)  # what was padding stays out when a window turns valid
@given(
    size=maps,
    window=st.sampled_from((2, 3, 4)),
    depth=st.integers(1, 3),
    share=st.sampled_from((0.0, 0.5, 0.95, 1.0)),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_a_masked_layer_equals_the_additive_masks_of_the_published_one(
    size: tuple[int, int], window: int, depth: int, share: float, seed: int
) -> None:
    torch.manual_seed(seed)
    layer = MaskedSwinLayer(4, 2, depth, window)
    features = torch.randn(2, 4, *size)
    corrupted = torch.rand(2, 1, *size) < share
    with torch.no_grad():
        ours = layer(features, corrupted)
        for image, mask, out in zip(features, corrupted, ours, strict=True):
            inner, left = by_token(layer, image, mask)
            expected = image + F.gelu(layer.conv(inner[None].float(), left[None]))[0]
            torch.testing.assert_close(out, expected, atol=1e-4, rtol=1e-4)


def test_a_window_larger_than_the_map_equals_the_shrunken_one() -> None:
    large, small = SwinLayer(4, 1, 2, 8), SwinLayer(4, 1, 2, 5)
    weights = large.state_dict()
    for b in range(2):  # the relative positions that a window of 5 has lie in the middle of those of 8
        table = weights[f"blocks.{b}.attention.position_bias"].view(15, 15, 1)
        weights[f"blocks.{b}.attention.position_bias"] = table[3:12, 3:12].reshape(81, 1)
    small.load_state_dict(weights)
    features = torch.randn(1, 4, 5, 5)
    torch.testing.assert_close(large(features), small(features), atol=1e-5, rtol=1e-4)


def test_no_denormal_numbers_come_out_of_the_masked_softmax(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    original = torch.Tensor.softmax

    def softmax(self: Any, *args: Any, **kwargs: Any) -> Any:
        out = original(self, *args, **kwargs)
        seen.append(out.detach())
        return out

    from hcl_sdk.functional.attention import attention_backend

    monkeypatch.setattr(torch.Tensor, "softmax", softmax)
    layer = MaskedSwinLayer(4, 1, 2, 4)
    with attention_backend("math"):
        layer(torch.randn(1, 4, 10, 9), torch.rand(1, 1, 10, 9) < 0.5)
    assert seen
    tiny = torch.finfo(torch.float32).tiny
    assert not any(((w > 0) & (w < tiny)).any() for w in seen)


def test_channels_that_heads_cannot_share_are_refused() -> None:
    with pytest.raises(ValueError, match="6 channels cannot be split among 4 heads"):
        SwinLayer(6, 4, 1, 4)
