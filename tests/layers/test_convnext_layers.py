from __future__ import annotations

import pytest
import torch

from hcl_sdk.layers.convnext import ConvNeXtBlock
from hcl_sdk.layers.norm import ChannelNorm


def test_channel_norm_normalizes_every_pixel_over_its_channels() -> None:
    norm = ChannelNorm(5)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2)
        norm.bias.uniform_(-1, 1)
    x = torch.randn(2, 5, 3, 4)
    for b, i, j in ((0, 0, 0), (1, 2, 3)):
        pixel = x[b, :, i, j]
        expected = (pixel - pixel.mean()) / (pixel.var(unbiased=False) + 1e-5).sqrt() * norm.weight + norm.bias
        assert torch.allclose(norm(x)[b, :, i, j], expected, atol=1e-5)


@pytest.mark.parametrize("kernel_size", [1, 3, 7])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 4)])
def test_a_block_keeps_the_shape_and_sees_a_kernel_only(size: tuple[int, int], kernel_size: int) -> None:
    block = ConvNeXtBlock(6, kernel_size)
    x = torch.randn(1, 6, *size, requires_grad=True)
    out = block(x)
    assert out.shape == x.shape
    out[..., 0, 0].sum().backward()
    assert x.grad is not None
    seen = x.grad.abs().sum(dim=(0, 1)).nonzero().amax(dim=0) + 1
    reach = kernel_size // 2 + 1
    assert seen.tolist() == [min(reach, size[0]), min(reach, size[1])]


def test_a_block_is_residual() -> None:
    block = ConvNeXtBlock(4)
    with torch.no_grad():
        block.project.weight.zero_()
        block.project.bias.zero_()  # type: ignore[union-attr]
    x = torch.randn(2, 4, 5, 5)
    assert torch.equal(block(x), x)
