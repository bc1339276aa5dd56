from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hcl_sdk.functional.windows import (
    choose_shift,
    find_attendable,
    find_window_neighbors,
    index_relative_positions,
    merge,
    pad_to_windows,
    partition,
)

sizes = st.integers(1, 13)
windows = st.integers(1, 6)


@given(height=sizes, width=sizes, window=windows, shifted=st.booleans())
@settings(max_examples=40, deadline=None)
def test_merging_undoes_partitioning(height: int, width: int, window: int, shifted: bool) -> None:
    shift = choose_shift(height, width, window) if shifted else (0, 0)
    features = pad_to_windows(torch.randn(2, height, width, 3), window)
    padded = features.shape[1], features.shape[2]
    assert all(p % window == 0 and p - e < window for p, e in zip(padded, (height, width), strict=True))
    cut = partition(features, window, shift)
    assert cut.shape == (2, padded[0] * padded[1] // window**2, window**2, 3)
    assert torch.equal(merge(cut, padded, window, shift), features)


@given(height=sizes, width=sizes, window=windows, shifted=st.booleans())
@settings(max_examples=40, deadline=None)
def test_neighbors_are_the_tokens_of_one_cell_of_the_shifted_grid(
    height: int, width: int, window: int, shifted: bool
) -> None:
    shift = choose_shift(height, width, window) if shifted else (0, 0)
    down, across = -height % window, -width % window
    ys, xs = torch.meshgrid(torch.arange(height + down), torch.arange(width + across), indexing="ij")
    real = (ys < height) & (xs < width)
    # On the map, shifted windows are the cells of a grid that begins above and left of it.
    cell = (ys - shift[0]).div(window, rounding_mode="floor") * 1000 + (xs - shift[1]).div(
        window, rounding_mode="floor"
    )
    cell, real = (partition(t[None, ..., None], window, shift)[0, ..., 0] for t in (cell, real))
    expected = (cell[:, :, None] == cell[:, None, :]) & real[:, None, :]
    expected |= torch.eye(window**2, dtype=torch.bool)
    found = find_window_neighbors((height, width), window, shift)
    assert torch.equal(torch.ones_like(expected) if found is None else found, expected)
    assert (found is None) == (not any(shift) and not down and not across)


@pytest.mark.parametrize("window", [1, 2, 5])
def test_relative_positions_follow_their_formula(window: int) -> None:
    index = index_relative_positions(window)
    assert index.shape == (window**2, window**2)
    for query in range(window**2):
        for key in range(window**2):
            dy, dx = query // window - key // window, query % window - key % window
            assert index[query, key] == (dy + window - 1) * (2 * window - 1) + dx + window - 1


@given(seed=st.integers(0, 999), with_neighbors=st.booleans(), share=st.sampled_from((0.0, 0.5, 0.9, 1.0)))
@settings(max_examples=40, deadline=None)
def test_attendable_keys_are_those_that_survive_the_published_additive_masks(
    seed: int, with_neighbors: bool, share: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    corrupted = torch.rand(2, 3, 4, generator=generator) < share
    near = torch.rand(3, 4, 4, generator=generator) > 0.5
    near |= torch.eye(4, dtype=torch.bool)
    neighbors = near if with_neighbors else None
    additive = -100.0 * corrupted[:, :, None, None, :].float()
    if neighbors is not None:
        additive = additive - 100.0 * (~neighbors[:, None]).float()
    weights = additive.expand(2, 3, 1, 4, 4).softmax(-1)
    mask = find_attendable(neighbors, corrupted)
    assert mask is not None
    assert torch.equal(mask.expand(2, 3, 1, 4, 4), weights > 1e-30)


def test_without_masks_all_may_be_attended_to() -> None:
    assert find_attendable(None, None) is None
    near = torch.eye(4, dtype=torch.bool)[None]
    found = find_attendable(near, None)
    assert found is not None
    assert torch.equal(found, near[:, None])
