from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file

from hcl_sdk import ConvNeXtEncoder


def encoder(**fields: object) -> ConvNeXtEncoder:
    torch.manual_seed(0)
    return ConvNeXtEncoder(**({"channels": (4, 6, 8), "depths": (1, 2, 1), "kernel_size": 3} | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize("stem_stride", [1, 2, 3, 4])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (17, 33), (3, 50), (32, 64)])
def test_maps_are_what_the_spec_says(height: int, width: int, stem_stride: int) -> None:
    net = encoder(stem_stride=stem_stride)
    pyramid = net(torch.rand(2, 3, height, width))
    assert pyramid.spec == net.spec
    assert net.spec.channels == (4, 6, 8)
    assert net.spec.strides == (stem_stride, 2 * stem_stride, 4 * stem_stride)
    assert [tuple(m.shape) for m in pyramid.maps] == [
        (2, c, -(-height // s), -(-width // s)) for c, s in zip(net.spec.channels, net.spec.strides, strict=True)
    ]


def test_images_do_not_influence_each_other_and_stay_as_they_are() -> None:
    net, images = encoder(), torch.rand(3, 3, 21, 18)
    before = images.clone()
    batched, again = net(images), net(images)
    assert torch.equal(images, before)
    for s, m in enumerate(batched.maps):
        assert torch.equal(m, again.maps[s])
        single = torch.cat([net(image[None]).maps[s] for image in images])
        assert torch.allclose(m, single, atol=1e-5)


def test_gradients_reach_every_parameter() -> None:
    net = encoder()
    torch.stack([m.square().sum() for m in net(torch.rand(1, 3, 17, 24)).maps]).sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in net.parameters())


def test_it_runs_in_bfloat16() -> None:
    net, image = encoder(), torch.rand(1, 3, 17, 24)
    with torch.autocast("cpu", torch.bfloat16):
        low = net(image)
    for a, b in zip(low.maps, net(image).maps, strict=True):
        assert (a.float() - b).abs().max() < 0.1 * b.abs().max()


def test_its_state_survives_a_file(tmp_path) -> None:
    net, image = encoder(), torch.rand(1, 3, 9, 9)
    torch.manual_seed(1)
    other = ConvNeXtEncoder(channels=(4, 6, 8), depths=(1, 2, 1), kernel_size=3)
    assert not torch.equal(net(image).maps[-1], other(image).maps[-1])
    save_file(net.state_dict(), tmp_path / "state.safetensors")
    other.load_state_dict(load_file(tmp_path / "state.safetensors"))
    assert all(torch.equal(a, b) for a, b in zip(net(image).maps, other(image).maps, strict=True))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"depths": (1, 1)}, "as many values as 'channels'"),
        ({"channels": (), "depths": ()}, "Length of 'channels' must be >= 1"),
        ({"kernel_size": 4}, "must be odd: 4"),
        ({"kernel_size": 0}, "kernel_size"),
        ({"stem_stride": 5}, "stem_stride"),
        ({"channels": (4, 0, 8)}, "channels"),
    ],
)
def test_wrong_fields_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encoder(**fields)
