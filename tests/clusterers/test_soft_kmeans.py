from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from hcl_sdk import SoftKMeans


def unit(*shape: int, seed: int = 0) -> torch.Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=1)


def two_groups(batch: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings [B, 4, 6, 8] of two directions, and which pixels have the second."""
    second = torch.zeros(batch, 1, 6, 8, dtype=torch.bool)
    second[..., 2:5, 1:4] = True
    directions = torch.eye(4)[:2]
    clean = torch.where(second, directions[1].view(1, 4, 1, 1), directions[0].view(1, 4, 1, 1))
    return F.normalize(clean + 0.05 * unit(batch, 4, 6, 8), dim=1), second


def test_two_groups_are_told_apart() -> None:
    embedding, second = two_groups(2)
    clusters = SoftKMeans().bind(4)(embedding, torch.ones_like(second))
    assert clusters.centers.shape == (2, 2, 4)
    assert clusters.assignment.shape == second.shape
    for b in range(2):
        found = clusters.assignment[b] > 0.5
        assert torch.equal(found, second[b]) or torch.equal(found, ~second[b])
        assert (clusters.assignment[b] - 0.5).abs().min() > 0.49


def test_a_seed_says_all_and_the_global_random_state_is_left_alone() -> None:
    embedding, candidates = unit(2, 4, 6, 8), torch.ones(2, 1, 6, 8, dtype=torch.bool)
    clusterer = SoftKMeans(iterations=1).bind(4)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # type: ignore[union-attr]
    results = [clusterer(embedding, candidates, seed=seed).assignment for seed in range(6)]
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()  # pyright: ignore[reportArgumentType]
    assert random.getstate() == before[2]
    torch.manual_seed(99)
    for seed in range(6):
        assert torch.equal(clusterer(embedding, candidates, seed=seed).assignment, results[seed])
    assert any(not torch.allclose(results[0], other, atol=1e-3) for other in results[1:])


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_an_image_is_clustered_as_if_it_were_alone(seed: int) -> None:
    embedding = unit(3, 4, 5, 7, seed=seed)
    candidates = torch.rand(3, 1, 5, 7, generator=torch.Generator().manual_seed(seed)) < torch.tensor(
        [0.2, 0.9, 0.5]
    ).view(3, 1, 1, 1)
    clusterer = SoftKMeans(repeats=3).bind(4)
    together = clusterer(embedding, candidates, seed=seed)
    for b in range(3):
        alone = clusterer(embedding[b : b + 1], candidates[b : b + 1], seed=seed)
        assert torch.allclose(together.centers[b : b + 1], alone.centers, atol=1e-5)
        assert torch.allclose(together.assignment[b : b + 1], alone.assignment, atol=1e-5)


def test_starts_are_candidates_and_reach_all_of_them() -> None:
    candidates = torch.zeros(2, 1, 1, 5, dtype=torch.bool)
    candidates[0, ..., :3] = True
    candidates[1, ..., 4] = True
    clusterer = SoftKMeans(repeats=50)
    start = clusterer.start(candidates, seed=0)
    assert start.shape == (2, 50)
    assert set(start[0].tolist()) == {0, 1, 2}
    assert set(start[1].tolist()) == {0}


def test_the_classifier_gives_high_logits_to_corrupted_centers_and_can_be_left_out() -> None:
    centers = unit(2, 2, 4)
    clusterer = SoftKMeans().bind(4)
    hidden = torch.relu(centers @ clusterer.score[0].weight.T + clusterer.score[0].bias)  # type: ignore[index]
    valid = hidden @ clusterer.score[2].weight[0] + clusterer.score[2].bias  # type: ignore[index]
    logits = clusterer.corruption_logits(centers)
    assert logits is not None
    assert torch.allclose(logits, -valid, atol=1e-6)
    assert clusterer.finds_one_class
    without = SoftKMeans(classifier=False, one_class=False).bind(4)
    assert without.corruption_logits(centers) is None
    assert not without.finds_one_class
    assert not list(without.parameters())


def test_one_class_without_the_classifier_is_refused_when_made() -> None:
    with pytest.raises(ValueError, match="needs the classifier"):
        SoftKMeans(classifier=False)


@pytest.mark.parametrize("fields", [{"iterations": 0}, {"repeats": 0}, {"temperature": 0.0}, {"temperature": 1e12}])
def test_values_out_of_range_are_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        SoftKMeans(**fields)  # type: ignore[arg-type]
