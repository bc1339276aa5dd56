from __future__ import annotations

import torch
from torch.nn import functional as F

from hcl_sdk import DeepProjectionHead, ProjectionHead, Pyramid, PyramidSpec

SPEC = PyramidSpec(channels=(4, 7), strides=(1, 2))


def pyramid(height: int, width: int, batch: int = 2) -> Pyramid:
    maps = (torch.randn(batch, 4, height, width), torch.randn(batch, 7, -(-height // 2), -(-width // 2)))
    return Pyramid(maps=maps, spec=SPEC)


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
