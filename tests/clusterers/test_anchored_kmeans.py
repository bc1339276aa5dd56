"""Anchored k-means against a plain loop over pixels, and what its prior is for."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk import AnchoredKMeans, Prototypes


def make(iterations: int = 2, *, dim: int = 4, strength: float = 0.1) -> AnchoredKMeans:
    torch.manual_seed(3)
    return AnchoredKMeans(iterations=iterations, strength=strength).bind(dim).eval()


def embed(*shape: int, seed: int = 0) -> Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=1)


def slow_assignment(clusterer: AnchoredKMeans, embedding: Tensor, candidates: Tensor) -> list[float]:
    """The weight of the second center for each pixel of one image ``[D, H, W]``, number by number."""
    pixels = embedding.flatten(1).T.tolist()
    inside = candidates.flatten().tolist()
    anchors = F.normalize(clusterer.prototypes.detach(), dim=1).tolist()
    strengths = clusterer.log_strength.detach().exp().tolist()
    bias = float(clusterer.bias.detach())
    centers = anchors

    def weigh(pixel: list[float]) -> float:
        first, second = (sum(p * c for p, c in zip(pixel, center, strict=True)) for center in centers)
        return 1 / (1 + math.exp(-((second - first) / clusterer.temperature + bias)))

    for _ in range(clusterer.iterations):
        sums = [[strengths[k] * a for a in anchors[k]] for k in (0, 1)]
        for pixel, is_inside in zip(pixels, inside, strict=True):
            second = weigh(pixel)
            for k, weight in enumerate((1 - second, second)):
                for d, value in enumerate(pixel):
                    sums[k][d] += is_inside * weight * value / len(pixels)
        centers = [[value / math.hypot(*total) for value in total] for total in sums]
    return [weigh(pixel) for pixel in pixels]


@given(st.integers(0, 1000), st.integers(1, 5), st.integers(1, 5), st.integers(0, 3))
def test_assignment_matches_a_plain_loop(seed: int, height: int, width: int, iterations: int) -> None:
    clusterer = make(iterations)
    embedding = embed(2, 4, height, width, seed=seed)
    candidates = torch.rand(2, 1, height, width, generator=torch.Generator().manual_seed(seed)) > 0.3
    with torch.no_grad():
        clusters = clusterer(embedding, candidates)
    for b in range(2):
        expected = torch.tensor(slow_assignment(clusterer, embedding[b], candidates[b]))
        torch.testing.assert_close(clusters.assignment[b].flatten(), expected, rtol=1e-4, atol=1e-5)


def test_without_updates_it_is_prototypes() -> None:
    clusterer, prototypes = make(0), Prototypes().bind(4)
    prototypes.load_state_dict({"prototypes": clusterer.prototypes, "bias": clusterer.bias})
    embedding, candidates = embed(1, 4, 6, 5), torch.ones(1, 1, 6, 5, dtype=torch.bool)
    torch.testing.assert_close(
        clusterer(embedding, candidates).assignment, prototypes(embedding, candidates).assignment
    )


def test_center_without_pixels_stays_at_its_prototype() -> None:
    clusterer = make()
    valid, corrupted = F.normalize(clusterer.prototypes.detach(), dim=1)
    photo = (valid.view(1, 4, 1, 1) + 0.05 * embed(1, 4, 16, 16)).contiguous()
    with torch.no_grad():
        clusters = clusterer(F.normalize(photo, dim=1), torch.ones(1, 1, 16, 16, dtype=torch.bool))
    assert float(clusters.centers[0, 1] @ corrupted) > 0.999
    assert float(clusters.assignment.max()) < 0.01


def test_center_with_pixels_becomes_the_image_s_own() -> None:
    clusterer = make(strength=0.05)
    valid, corrupted = F.normalize(clusterer.prototypes.detach(), dim=1)
    own = F.normalize(corrupted + 0.8 * embed(1, 4, seed=5)[0] - 0.2 * valid, dim=0)
    photo = valid.view(1, 4, 1, 1).repeat(1, 1, 8, 8)
    photo[..., :4] = own.view(1, 4, 1, 1)
    with torch.no_grad():
        clusters = clusterer(photo, torch.ones(1, 1, 8, 8, dtype=torch.bool))
    assert float(clusters.centers[0, 1] @ own) > float(corrupted @ own)
    assert (clusters.assignment[0, 0, :, :4] > 0.5).all()
    assert (clusters.assignment[0, 0, :, 4:] < 0.5).all()


@pytest.mark.parametrize("iterations", [1, 2])
def test_gradients_flow_through_the_updates(iterations: int) -> None:
    clusterer = make(iterations)
    embedding = embed(1, 4, 5, 5).requires_grad_()
    clusterer(embedding, torch.ones(1, 1, 5, 5, dtype=torch.bool)).assignment.square().sum().backward()
    for tensor in (embedding, *clusterer.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.abs().sum() > 0


@pytest.mark.parametrize(
    "fields",
    [{"strength": 0.0}, {"strength": 1e308}, {"temperature": 1e-300}, {"temperature": 1e12}, {"iterations": 101}],
)
def test_values_out_of_range_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        AnchoredKMeans(**fields)


@pytest.mark.parametrize("fields", [{"strength": 1000.0}, {"temperature": 0.001}, {"temperature": 100.0}])
def test_values_at_the_ends_of_the_ranges_give_finite_results(fields: dict[str, Any]) -> None:
    clusters = AnchoredKMeans(**fields).bind(4).eval()(embed(1, 4, 3, 5), torch.ones(1, 1, 3, 5, dtype=torch.bool))
    assert clusters.centers.isfinite().all()
    assert clusters.assignment.isfinite().all()
