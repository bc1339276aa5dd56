from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hcl_sdk.functional.settling import erode_mask, select_most_certain

sizes = st.tuples(st.integers(1, 3), st.integers(1, 7), st.integers(1, 9))


@given(sizes, st.integers(0, 2**31), st.sampled_from([0, 0.05, 0.3, 0.5, 0.95, 1.0, 1]))
@settings(max_examples=40)
def test_most_certain_takes_the_highest_of_each_image(size: tuple[int, int, int], seed: int, share: float) -> None:
    batch, height, width = size
    generator = torch.Generator().manual_seed(seed)
    values = torch.rand(batch, 1, height, width, generator=generator)
    among = torch.rand(batch, 1, height, width, generator=generator) < 0.6
    taken = select_most_certain(values, among, share)
    for b in range(batch):
        inside = [i for i in range(height * width) if among[b].flatten()[i]]
        inside.sort(key=lambda i: -float(values[b].flatten()[i]))
        expected = set(inside[: int(len(inside) * share)])
        assert {i for i in range(height * width) if taken[b].flatten()[i]} == expected


def test_most_certain_truncates_the_count_and_breaks_ties_by_position() -> None:
    values, among = torch.full((1, 1, 1, 5), 0.5), torch.ones(1, 1, 1, 5, dtype=torch.bool)
    assert select_most_certain(values, among, 0.5).flatten().tolist() == [True, True, False, False, False]


@pytest.mark.parametrize(("count", "share"), [(100, 0.29), (100, 0.57), (1000, 0.115), (20, 0.95), (40, 0.95)])
def test_the_count_matches_exact_arithmetic_in_double_precision(count: int, share: float) -> None:
    values = torch.rand(1, 1, 1, count, generator=torch.Generator().manual_seed(0))
    assert int(select_most_certain(values, torch.ones_like(values, dtype=torch.bool), share).sum()) == int(
        count * share
    )


def test_confidences_of_zero_can_be_settled_too() -> None:
    values = torch.zeros(1, 1, 2, 2)
    among = torch.tensor([[[[True, False], [False, True]]]])
    assert torch.equal(select_most_certain(values, among, 1.0), among)


@given(sizes, st.integers(0, 2**31))
@settings(max_examples=40)
def test_pixels_with_equal_neighbors_are_kept(size: tuple[int, int, int], seed: int) -> None:
    batch, height, width = size
    mask = torch.rand(batch, 1, height, width, generator=torch.Generator().manual_seed(seed)) < 0.85
    kept = erode_mask(mask)
    for b, y, x in itertools.product(range(batch), range(height), range(width)):
        around = [
            bool(mask[b, 0, min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)])  # border replicated
            for dy, dx in itertools.product((-1, 0, 1), repeat=2)
        ]
        assert bool(kept[b, 0, y, x]) == all(around)


@pytest.mark.parametrize("value", [True, False])
def test_a_uniform_mask_has_no_edge(value: bool) -> None:
    mask = torch.full((1, 1, 3, 4), value)
    assert torch.equal(erode_mask(mask), mask)
