from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from hcl_sdk.functional.kmeans import find_nth_candidates, soft_two_means


def unit(generator: torch.Generator, *shape: int) -> torch.Tensor:
    return F.normalize(torch.randn(*shape, generator=generator, dtype=torch.float64), dim=1)


def weigh_slowly(vectors: np.ndarray, centers: list[np.ndarray], temperature: float) -> tuple[np.ndarray, np.ndarray]:
    distances = np.stack([1 - vectors @ center for center in centers], axis=1)
    powers = np.exp(-(distances - distances.min(axis=1, keepdims=True)) / temperature)
    return powers / powers.sum(axis=1, keepdims=True), distances


def one_image(
    vectors: np.ndarray, candidates: np.ndarray, starts: list[int], iterations: int, temperature: float
) -> Any:
    """The published clustering of one image, word by word; vectors are [N, D].

    Centers and weights of every restart that has the lowest cost: more than one where rounding decides between them.
    """
    chosen = vectors[candidates]
    found: list[tuple[float, np.ndarray]] = []
    for start in starts:
        first = chosen[start]
        centers = [first, chosen[int(np.argmax(1 - chosen @ first))]]
        previous = None
        for _ in range(iterations):
            weights, distances = weigh_slowly(chosen, centers, temperature)
            cost = float((weights * distances).sum())
            sums = [(weights[:, k : k + 1] * chosen).sum(axis=0) for k in range(2)]
            centers = [total / np.linalg.norm(total) for total in sums]
            if previous is not None and (
                abs(cost - previous) < 1e-6 or (previous != 0 and abs(cost - previous) / abs(previous) < 1e-6)
            ):
                break
            previous = cost
        weights, distances = weigh_slowly(chosen, centers, temperature)
        cost = float((weights * distances).sum())
        found.append((cost, np.stack(centers)))
    lowest = min(cost for cost, _ in found)
    best = [centers for cost, centers in found if cost < lowest * (1 + 2e-6) + 2e-6]  # ties, up to rounding
    return [(centers, weigh_slowly(vectors, list(centers), temperature)[0][:, 1]) for centers in best]


@given(
    seed=st.integers(0, 2**31),
    batch=st.integers(1, 3),
    pixels=st.integers(2, 40),
    repeats=st.integers(1, 3),
    iterations=st.sampled_from([1, 3, 60]),
    temperature=st.sampled_from([0.05, 0.1, 1.0]),
    share=st.sampled_from([0.2, 0.7, 1.0]),
)
@settings(max_examples=40)
def test_batched_clustering_matches_each_image_on_its_own(
    seed: int, batch: int, pixels: int, repeats: int, iterations: int, temperature: float, share: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    embedding = unit(generator, batch, 5, pixels)
    candidates = torch.rand(batch, pixels, generator=generator) < share
    candidates[:, 0] = True
    counts = candidates.sum(dim=1, keepdim=True)
    start = (torch.rand(batch, repeats, generator=generator) * counts).long()

    centers, second = soft_two_means(embedding, candidates, start, iterations=iterations, temperature=temperature)

    for b in range(batch):
        best = one_image(embedding[b].T.numpy(), candidates[b].numpy(), start[b].tolist(), iterations, temperature)
        assert any(
            np.allclose(centers[b].numpy(), expected, atol=1e-7) and np.allclose(second[b].numpy(), weight, atol=1e-7)
            for expected, weight in best
        )


def test_an_image_stops_on_its_own_when_it_has_converged() -> None:
    # Two bundles so tight that the cost hardly changes, and a spread-out image that goes on for long.
    generator = torch.Generator().manual_seed(5)
    tight = torch.zeros(1, 4, 20, dtype=torch.float64)
    tight[:, 0, :10], tight[:, 1, 10:] = 1, 1
    tight = F.normalize(tight + 1e-3 * torch.randn(1, 4, 20, generator=generator), dim=1)
    spread = unit(generator, 1, 4, 20)
    candidates, start = torch.ones(2, 20, dtype=torch.bool), torch.tensor([[3], [3]])

    def centers(iterations: int) -> torch.Tensor:
        return soft_two_means(torch.cat([tight, spread]), candidates, start, iterations=iterations, temperature=0.1)[0]

    assert torch.equal(centers(20)[0], centers(40)[0])
    assert not torch.allclose(centers(3)[1], centers(20)[1], atol=1e-4)


def test_of_the_restarts_the_one_of_lowest_cost_is_kept() -> None:
    generator = torch.Generator().manual_seed(11)
    embedding = unit(generator, 1, 3, 60)
    candidates = torch.ones(1, 60, dtype=torch.bool)

    def measure_cost(start: list[int]) -> float:
        centers, _ = soft_two_means(embedding, candidates, torch.tensor([start]), iterations=2, temperature=0.1)
        distance = 1 - centers[0] @ embedding[0]
        return float(((-distance / 0.1).softmax(dim=0) * distance).sum())

    single = [measure_cost([i]) for i in range(60)]
    assert max(single) - min(single) > 0.1
    assert np.isclose(measure_cost(list(range(60))), min(single))


def test_images_without_candidates_get_zero_centers_and_a_half() -> None:
    embedding = unit(torch.Generator().manual_seed(0), 2, 4, 6)
    candidates = torch.tensor([[False] * 6, [True] * 6])
    centers, second = soft_two_means(
        embedding, candidates, torch.zeros(2, 1, dtype=torch.long), iterations=3, temperature=0.1
    )
    assert torch.equal(centers[0], torch.zeros(2, 4, dtype=torch.float64))
    assert torch.equal(second[0], torch.full((6,), 0.5, dtype=torch.float64))
    assert torch.allclose(centers[1].norm(dim=1), torch.ones(2, dtype=torch.float64))


def test_a_single_candidate_gives_two_equal_centers_and_no_preference() -> None:
    embedding = unit(torch.Generator().manual_seed(0), 1, 4, 6)
    candidates = torch.tensor([[False, False, True, False, False, False]])
    centers, second = soft_two_means(
        embedding, candidates, torch.zeros(1, 2, dtype=torch.long), iterations=3, temperature=0.1
    )
    assert torch.allclose(centers[0], embedding[0, :, 2].expand(2, -1))
    assert torch.allclose(second, torch.full_like(second, 0.5))


def test_only_candidates_move_the_centers() -> None:
    generator = torch.Generator().manual_seed(3)
    embedding, candidates = unit(generator, 1, 4, 30), torch.rand(1, 30, generator=generator) < 0.5
    other = torch.where(candidates[:, None], embedding, unit(generator, 1, 4, 30))
    start = torch.tensor([[1, 2]])
    centers, _ = soft_two_means(embedding, candidates, start, iterations=3, temperature=0.1)
    assert torch.equal(centers, soft_two_means(other, candidates, start, iterations=3, temperature=0.1)[0])


@given(st.lists(st.lists(st.booleans(), min_size=7, max_size=7), min_size=1, max_size=4), st.data())
@settings(max_examples=30)
def test_nth_candidate_counts_the_true_ones(rows: list[list[bool]], data: st.DataObject) -> None:
    rows = [row if any(row) else [True] * 7 for row in rows]
    order = [data.draw(st.integers(0, sum(row) - 1)) for row in rows]
    found = find_nth_candidates(torch.tensor(rows), torch.tensor(order)[:, None])[:, 0].tolist()
    assert found == [[i for i, inside in enumerate(row) if inside][n] for row, n in zip(rows, order, strict=True)]
