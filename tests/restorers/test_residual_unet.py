from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hcl_sdk import Detection, ResidualUNet
from hcl_sdk.functional.pull_push import pull_push


def restorer(seed: int = 0, *, trained: bool = True) -> ResidualUNet:
    torch.manual_seed(seed)
    net = ResidualUNet(channels=(6, 8), depths=(1, 1))
    if trained:  # the last convolution begins with zeros
        nn.init.normal_(net.last.weight, std=0.05)
    return net


def case(height: int = 17, width: int = 24) -> tuple[torch.Tensor, Detection]:
    generator = torch.Generator().manual_seed(3)
    image = torch.rand(2, 3, height, width, generator=generator)
    return image, Detection.from_mask(torch.rand(2, 1, height, width, generator=generator) < 0.3)


def test_it_begins_as_a_smooth_fill() -> None:
    image, detection = case()
    restored = restorer(trained=False)(image, detection)
    torch.testing.assert_close(restored, pull_push(image, detection.corruption_mask))


def test_the_mask_has_influence_and_pixels_under_it_have_none() -> None:
    image, detection = case()
    net = restorer()
    damaged = torch.where(detection.corruption_mask, torch.rand_like(image), image)
    assert torch.equal(net(image, detection), net(damaged, detection))
    assert not torch.allclose(net(image, detection), pull_push(image, detection.corruption_mask))
    assert not torch.allclose(net(image, detection), net(image, Detection.from_mask(~detection.corruption_mask)))


@given(size=st.tuples(st.integers(1, 40), st.integers(1, 40)), share=st.sampled_from((0.0, 0.4, 1.0)))
@settings(max_examples=15, deadline=None)
def test_an_image_of_any_size_comes_back_in_that_size_and_range(size: tuple[int, int], share: float) -> None:
    image, mask = torch.rand(2, 3, *size), torch.rand(2, 1, *size) < share
    with torch.no_grad():
        restored = restorer()(image, Detection.from_mask(mask))
    assert restored.shape == image.shape
    assert 0 <= restored.min() <= restored.max() <= 1


def test_a_few_steps_make_it_better_than_the_smooth_fill_that_it_begins_with() -> None:
    rows = torch.linspace(0, 25, 32).sin()[None, None, None, :].expand(4, 3, 32, 32) * 0.4 + 0.5  # stripes
    mask = torch.zeros(4, 1, 32, 32, dtype=torch.bool)
    mask[..., 10:22, 10:22] = True
    net = restorer(trained=False)
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    losses = []
    for _ in range(80):
        loss = (net(rows, Detection.from_mask(mask)) - rows).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("fields", [{"channels": ()}, {"channels": (0,)}, {"channels": (4, 8), "depths": (1,)}])
def test_values_out_of_range_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(reversed(fields))):
        ResidualUNet(**fields)  # type: ignore[arg-type]
