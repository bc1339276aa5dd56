from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from hcl_sdk import Prototypes


def unit(*shape: int) -> torch.Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(0)), dim=1)


def test_assignment_is_the_softmax_over_cosine_distances() -> None:
    clusterer, embedding = Prototypes(temperature=0.3).bind(4), unit(2, 4, 3, 5)
    clusters = clusterer(embedding, torch.ones(2, 1, 3, 5, dtype=torch.bool))
    assert torch.allclose(clusters.centers.norm(dim=2), torch.ones(2, 2))
    distance = 1 - torch.einsum("bkd,bdhw->bkhw", clusters.centers, embedding)
    assert torch.allclose(clusters.assignment[:, 0], (-distance / 0.3).softmax(dim=1)[:, 1], atol=1e-5)


def test_the_second_center_is_always_the_corrupted_one() -> None:
    clusterer = Prototypes().bind(4)
    logits = clusterer.corruption_logits(torch.zeros(3, 2, 4))
    assert logits is not None
    assert logits.shape == (3, 2)
    assert (logits[:, 1] > logits[:, 0]).all()
    assert not clusterer.finds_one_class


def test_all_pixels_may_be_of_one_class() -> None:
    clusterer = Prototypes().bind(4)
    same = F.normalize(clusterer.prototypes.detach(), dim=1)[1].view(1, 4, 1, 1).expand(1, 4, 3, 3)
    candidates = torch.ones(1, 1, 3, 3, dtype=torch.bool)
    assert (clusterer(same, candidates).assignment > 0.99).all()


def test_gradients_flow_through_the_assignment_to_every_parameter() -> None:
    clusterer, embedding = Prototypes().bind(4), unit(1, 4, 3, 3).requires_grad_()
    clusterer(embedding, torch.ones(1, 1, 3, 3, dtype=torch.bool)).assignment.square().sum().backward()
    assert embedding.grad is not None
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in clusterer.parameters())


@pytest.mark.parametrize("temperature", [0.0, -1.0, 1e-300, 1e12])
def test_values_out_of_range_are_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature"):
        Prototypes(temperature=temperature)
