from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from hcl_sdk import DeepProjectionHead, Head, ProjectionHead, Pyramid, PyramidSpec

SPEC = PyramidSpec(channels=(4, 7), strides=(1, 2))


@pytest.fixture(params=[ProjectionHead, DeepProjectionHead])
def make(request: pytest.FixtureRequest):
    def make_bound(seed: int = 0) -> Head:
        torch.manual_seed(seed)
        return request.param(dim=5).bind(SPEC)

    return make_bound


def pyramid(height: int, width: int, batch: int = 2) -> Pyramid:
    maps = (torch.randn(batch, 4, height, width), torch.randn(batch, 7, -(-height // 2), -(-width // 2)))
    return Pyramid(maps=maps, spec=SPEC)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (17, 33), (3, 50)])
def test_every_pixel_of_every_scale_gets_a_unit_vector(make, height: int, width: int) -> None:
    incoming = pyramid(height, width)
    before = [m.clone() for m in incoming.maps]
    embeddings = make()(incoming)
    assert [e.shape for e in embeddings] == [(2, 5, *m.shape[-2:]) for m in incoming.maps]
    assert all(torch.allclose(e.norm(dim=1), torch.ones(()), atol=1e-5) for e in embeddings)
    assert all(torch.equal(a, b) for a, b in zip(incoming.maps, before, strict=True))


def test_images_do_not_influence_each_other(make) -> None:
    head, incoming = make(), pyramid(9, 11)
    together = head(incoming)
    for b in range(2):
        alone = head(incoming.with_maps([m[b : b + 1] for m in incoming.maps]))
        assert all(torch.allclose(t[b : b + 1], a, atol=1e-5) for t, a in zip(together, alone, strict=True))


def test_gradients_reach_every_parameter(make) -> None:
    head = make()
    torch.manual_seed(1)
    torch.stack([(e * torch.randn_like(e)).sum() for e in head(pyramid(9, 11))]).sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in head.parameters())


def test_it_runs_in_bfloat16(make) -> None:
    head, incoming = make(), pyramid(9, 11)
    with torch.autocast("cpu", torch.bfloat16):
        low = head(incoming)
    assert all(((a.float() - b).abs().max() < 0.05) for a, b in zip(low, head(incoming), strict=True))


def test_its_state_survives_a_file(make, tmp_path) -> None:
    head, other, incoming = make(), make(seed=1), pyramid(9, 11)
    save_file(head.state_dict(), tmp_path / "state.safetensors")
    other.load_state_dict(load_file(tmp_path / "state.safetensors"))
    assert all(torch.equal(a, b) for a, b in zip(head(incoming), other(incoming), strict=True))


def test_binding_to_another_pyramid_is_refused(make) -> None:
    with pytest.raises(ValueError, match="already bound"):
        make().bind(PyramidSpec(channels=(4, 8), strides=(1, 2)))


def test_the_published_head_is_two_layers_over_single_pixels() -> None:
    torch.manual_seed(0)
    head, incoming = ProjectionHead(dim=5).bind(SPEC), pyramid(3, 3)
    first, _, second = head.projections[0]  # type: ignore[misc]
    pixel = incoming.maps[0][1, :, 2, 0]
    hidden = first.weight[..., 0, 0] @ pixel + first.bias
    assert hidden.shape == (10,)
    out = second.weight[..., 0, 0] @ (hidden * 0.5 * (1 + torch.erf(hidden / 2**0.5))) + second.bias
    assert torch.allclose(head(incoming)[0][1, :, 2, 0], F.normalize(out, dim=0), atol=1e-6)


def test_the_deep_head_sees_the_neighbors() -> None:
    torch.manual_seed(0)
    head = DeepProjectionHead(dim=5).bind(SPEC)
    incoming = pyramid(7, 7, batch=1)
    leaf = incoming.maps[0].requires_grad_()
    (head(incoming)[0][0, :, 3, 3] * torch.randn(5)).sum().backward()
    assert leaf.grad is not None
    assert leaf.grad[0].abs().sum(dim=0).nonzero().tolist() == [[y, x] for y in (2, 3, 4) for x in (2, 3, 4)]
