from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hcl_sdk.layers.discriminator import PatchDiscriminator

RECORDED = Path(__file__).parent.parent / "data" / "recorded"
NARROW = (4, 8, 8, 16, 32)


def discriminator(channels: tuple[int, ...] = NARROW, calls: int = 0) -> PatchDiscriminator:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        made = PatchDiscriminator(channels)
    with torch.no_grad():
        for _ in range(calls):
            made(torch.zeros(1, 3, 1, 1))
    return made


def test_scores_match_a_plain_network() -> None:
    net = discriminator(calls=100).eval()
    image = torch.rand(2, 3, 70, 45) * 2 - 1
    x = image.double()
    convolutions: Any = net.convolutions
    for convolution in convolutions:
        original = convolution.parametrizations.weight.original.double()
        weight = original / torch.linalg.svdvals(original.flatten(1))[0]
        x = F.conv2d(x, weight, convolution.bias.double(), stride=2, padding=2)
        x = torch.where(x > 0, x, 0.2 * x)
    assert torch.allclose(net(image).double(), x, atol=1e-5)


def test_the_largest_singular_value_of_every_weight_is_one_after_enough_calls() -> None:
    convolutions: Any = discriminator(calls=200).eval().convolutions
    for convolution in convolutions:
        largest = torch.linalg.svdvals(convolution.weight.flatten(1))[0]
        assert largest.item() == pytest.approx(1, abs=1e-4)


def test_the_estimate_stays_in_evaluation_mode() -> None:
    net = discriminator().eval()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    net(torch.rand(1, 3, 8, 8))
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (33, 32), (64, 31)])
def test_each_convolution_halves_the_size_rounding_up(size: tuple[int, int]) -> None:
    expected = size
    for _ in NARROW:
        expected = tuple((extent + 1) // 2 for extent in expected)
    assert discriminator()(torch.rand(2, 3, *size)).shape == (2, 32, *expected)


def test_images_do_not_influence_each_other() -> None:
    net = discriminator().eval()
    images = torch.rand(3, 3, 20, 20)
    alone = torch.cat([net(image[None]) for image in images])
    assert torch.allclose(net(images), alone, atol=1e-6)


@pytest.mark.parametrize("name", ["legacy2", "nofuse_legacy3"])
def test_a_published_checkpoint_fits_by_the_documented_names(name: str) -> None:
    published = torch.load(RECORDED / f"{name}.pt", weights_only=True)["pdisc"]
    renamed = {k.replace("disc.", "convolutions.").replace(".conv.", "."): v for k, v in published.items()}
    net = discriminator()
    net.load_state_dict(renamed)
    assert net.eval()(torch.rand(1, 3, 16, 16)).isfinite().all()


def test_gradients_reach_every_parameter() -> None:
    net: nn.Module = discriminator()
    net(torch.rand(1, 3, 40, 40)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in net.parameters())
