from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file

from hcl_sdk import Detection, GatedUNet, PyramidSpec


def restorer(seed: int = 0) -> GatedUNet:
    torch.manual_seed(seed)
    return GatedUNet(dim=4, multipliers=(1, 2, 2))


def case(height: int = 17, width: int = 24, batch: int = 2) -> tuple[torch.Tensor, Detection]:
    generator = torch.Generator().manual_seed(3)
    image = torch.rand(batch, 3, height, width, generator=generator)
    return image, Detection.from_mask(torch.rand(batch, 1, height, width, generator=generator) < 0.3)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (17, 33), (3, 50)])
def test_any_size_gives_an_image_of_that_size_in_range(height: int, width: int) -> None:
    image, detection = case(height, width)
    before = image.clone()
    out = restorer()(image, detection)
    assert out.shape == image.shape
    assert out.min() >= 0
    assert out.max() <= 1
    assert torch.equal(image, before)


def test_what_is_under_the_mask_has_no_influence_and_the_mask_has() -> None:
    image, detection = case()
    net = restorer()
    damaged = torch.where(detection.corruption_mask, torch.rand_like(image), image)
    assert torch.equal(net(image, detection), net(damaged, detection))
    assert not torch.allclose(net(image, detection), net(image, Detection.from_mask(~detection.corruption_mask)))


def test_images_do_not_influence_each_other() -> None:
    image, detection = case()
    net = restorer()
    alone = torch.cat(
        [net(image[b : b + 1], Detection.from_mask(detection.corruption_mask[b : b + 1])) for b in (0, 1)]
    )
    assert torch.allclose(net(image, detection), alone, atol=1e-5)


def test_gradients_reach_every_parameter() -> None:
    net = restorer()
    net(*case()).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in net.parameters())


def test_it_runs_in_bfloat16() -> None:
    net = restorer()
    with torch.autocast("cpu", torch.bfloat16):
        low = net(*case())
    assert (low.float() - net(*case())).abs().max() < 0.05


def test_its_state_survives_a_file(tmp_path) -> None:
    one, other = restorer(), restorer(seed=1)
    save_file(one.state_dict(), tmp_path / "state.safetensors")
    other.load_state_dict(load_file(tmp_path / "state.safetensors"))
    assert torch.equal(one(*case()), other(*case()))


def test_it_is_complete_without_a_detector_and_fits_any() -> None:
    net = restorer()
    assert net.is_bound
    assert not net.uses_features
    weights = [p.clone() for p in net.parameters()]
    net.bind(PyramidSpec(channels=(3,), strides=(2,))).bind(None)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), weights, strict=True))


@pytest.mark.parametrize("fields", [{"dim": 0}, {"multipliers": ()}, {"multipliers": (1, 0)}])
def test_values_out_of_range_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        GatedUNet(**fields)  # type: ignore[arg-type]
