from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from hcl_sdk.layers.gated import GatedConv, GatedResidualBlock, GatedUNetBody


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_gated_conv_is_gelu_times_sigmoid_with_a_gate_of_three_by_three(kernel_size: int) -> None:
    layer = GatedConv(2, 3, kernel_size)
    x = torch.randn(1, 2, 6, 5)
    own = F.conv2d(x, layer.conv.weight, layer.conv.bias, padding=kernel_size // 2)
    gate = F.conv2d(x, layer.gate.weight, layer.gate.bias, padding=1)
    erf_gelu = own * 0.5 * (1 + torch.erf(own / 2**0.5))
    assert layer.gate.weight.shape[-2:] == (3, 3)
    assert torch.allclose(layer(x), erf_gelu / (1 + torch.exp(-gate)), atol=1e-6)


def test_a_block_adds_its_input_through_a_convolution_only_where_widths_differ() -> None:
    x = torch.randn(1, 4, 5, 5)
    same, other = GatedResidualBlock(4, 4), GatedResidualBlock(4, 6)
    assert torch.allclose(same(x), same.conv2(same.conv1(x)) + x)
    assert other(x).shape == (1, 6, 5, 5)
    assert [p.shape for p in other.shortcut.parameters()] == [(6, 4, 1, 1), (6,)]
    assert not list(same.shortcut.parameters())


@pytest.mark.parametrize("upsampling", ["bilinear", "nearest"])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (17, 33), (16, 8)])
def test_the_network_keeps_any_size_and_stays_in_range(size: tuple[int, int], upsampling: str) -> None:
    network = GatedUNetBody(4, (1, 2, 3), upsampling)  # type: ignore[arg-type]
    out = network(torch.rand(2, 4, *size))
    assert out.shape == (2, 3, *size)
    assert out.abs().max() <= 1


def test_the_way_of_upsampling_matters_and_every_parameter_takes_part() -> None:
    torch.manual_seed(0)
    x = torch.rand(1, 4, 16, 16)
    network = GatedUNetBody(4, (1, 2))
    other = GatedUNetBody(4, (1, 2), "nearest")
    other.load_state_dict(network.state_dict())
    assert not torch.allclose(network(x), other(x), atol=1e-5)
    network(x).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())
