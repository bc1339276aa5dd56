from __future__ import annotations

import pytest
import torch

from hcl_sdk import Detection, GatedUNet, PyramidSpec


def restorer(seed: int = 0) -> GatedUNet:
    torch.manual_seed(seed)
    return GatedUNet(dim=4, multipliers=(1, 2, 2))


def case(height: int = 17, width: int = 24, batch: int = 2) -> tuple[torch.Tensor, Detection]:
    generator = torch.Generator().manual_seed(3)
    image = torch.rand(batch, 3, height, width, generator=generator)
    return image, Detection.from_mask(torch.rand(batch, 1, height, width, generator=generator) < 0.3)


def test_the_mask_has_influence_and_pixels_under_it_have_none() -> None:
    image, detection = case()
    net = restorer()
    damaged = torch.where(detection.corruption_mask, torch.rand_like(image), image)
    assert torch.equal(net(image, detection), net(damaged, detection))
    assert not torch.allclose(net(image, detection), net(image, Detection.from_mask(~detection.corruption_mask)))


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
