"""Fields of patches, against loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_masks import draw_random_mask, random_case
from torch import Tensor

from hcl_sdk.functional.patch_fields import FieldSearch, find_nearest, find_patches, vote


def cut_patch(image: np.ndarray, row: int, column: int, size: int) -> np.ndarray:
    reach = size // 2
    return image[:, row - reach : row + reach + 1, column - reach : column + reach + 1]


def by_loops(image: Tensor, mask: Tensor, size: int) -> tuple[dict[int, float], dict[int, np.ndarray]]:
    """The distance of each target from its nearest source, and every source: pixel by pixel."""
    pixels, hole = image[0].double().numpy(), mask[0].numpy()
    height, width = hole.shape[1:]
    reach = size // 2
    targets, sources = {}, {}
    for row in range(reach, height - reach):
        for column in range(reach, width - reach):
            chosen = targets if cut_patch(hole, row, column, size).any() else sources
            chosen[row * width + column] = cut_patch(pixels, row, column, size)
    nearest = {n: min(float(((t - s) ** 2).sum()) for s in sources.values()) for n, t in targets.items() if sources}
    return nearest, sources


def describe_patches(image: Tensor, numbers: Tensor, size: int) -> Tensor:
    width = image.shape[-1]
    pixels = image[0].numpy()
    return torch.stack(
        [torch.from_numpy(cut_patch(pixels, n // width, n % width, size).ravel().copy()) for n in numbers.tolist()]
    )


def describe_all_patches(image: Tensor, size: int) -> Tensor:
    """Of all patches, as the search wants them."""
    height, width = image.shape[-2:]
    descriptions = torch.full((height * width, image.shape[1] * size**2), torch.nan)
    reach = size // 2
    inside = torch.arange(height * width).view(height, width)[reach : height - reach, reach : width - reach].flatten()
    descriptions[inside] = describe_patches(image, inside, size)
    return descriptions


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), height=st.integers(5, 14), width=st.integers(5, 14), size=st.sampled_from([1, 3, 5]))
def test_targets_and_the_nearest_sources_are_those_found_by_loops(
    seed: int, height: int, width: int, size: int
) -> None:
    image, mask = random_case(seed, height, width)
    patches = find_patches(mask, size)
    nearest, sources = by_loops(image, mask, size)
    numbers = patches.is_source.nonzero().flatten()
    assert numbers.tolist() == sorted(sources)
    if not sources:
        return
    assert patches.targets.tolist() == sorted(nearest)
    targets_, sources_ = describe_patches(image, patches.targets, size), describe_patches(image, numbers, size)
    found = find_nearest(targets_, sources_)
    expected = [nearest[n] for n in patches.targets.tolist()]
    np.testing.assert_allclose((targets_ - sources_[found]).square().sum(1), expected, rtol=1e-4, atol=1e-5)


def test_not_allowed_sources_are_not_found_and_trust_weighs_the_shared_part() -> None:
    targets = torch.tensor([[0.0, 0.0], [0.0, 0.0]])
    sources = torch.tensor([[0.1, 1.0], [0.5, 0.0], [0.6, 0.0]])
    assert find_nearest(targets, sources, torch.tensor([1.0, 0.01]), shared=1).tolist() == [1, 0]
    allowed = torch.tensor([[True, False, True], [False, False, True]])
    assert find_nearest(targets, sources, allowed=allowed).tolist() == [2, 2]


@pytest.mark.parametrize("seed", [0])
def test_the_search_comes_near_to_comparing_all_with_all(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 8, 8, generator=generator)
    image = torch.nn.functional.interpolate(coarse, (24, 24), mode="bicubic")  # neighbors in a photo are alike
    mask = draw_random_mask(24, 24, (slice(9, 15), slice(8, 16)))
    patches = find_patches(mask, 3)
    numbers = patches.is_source.nonzero().flatten()
    search = FieldSearch(patches, describe_patches(image, patches.targets, 3), describe_all_patches(image, 3))
    start = numbers[torch.randint(len(numbers), (len(patches.targets),), generator=generator)]
    once, after_one = search.improve(start, 1, generator)
    field, distances = search.improve(start, 100, generator)
    nearest, _ = by_loops(image, mask, 3)
    exact = torch.tensor([nearest[n] for n in patches.targets.tolist()])
    assert (after_one <= search.measure(start)).all()
    assert (distances >= exact * (1 - 1e-4)).all()
    assert distances.mean() < 1.1 * exact.mean() < search.measure(start).mean()
    assert patches.is_source[field].all()
    assert patches.is_source[once].all()
    torch.testing.assert_close(search.measure(field), distances)


def test_a_radius_binds_the_search() -> None:
    image, mask = torch.rand(1, 3, 20, 60, generator=torch.Generator().manual_seed(0)), draw_random_mask(20, 60)
    mask[..., 8:12, 28:32] = True
    patches = find_patches(mask, 3)
    search = FieldSearch(patches, describe_patches(image, patches.targets, 3), describe_all_patches(image, 3), radius=8)
    start = patches.targets - 6 * 60
    assert patches.is_source[start].all()
    field, _ = search.improve(start, 10, torch.Generator().manual_seed(0))
    assert (field != start).any()
    assert (field // 60 - patches.targets // 60).abs().max() <= 8
    assert (field % 60 - patches.targets % 60).abs().max() <= 8


def test_votes_are_means_and_their_mode_is_sharp() -> None:
    mask = draw_random_mask(9, 30, (slice(4, 5), slice(4, 5)))
    patches = find_patches(mask, 3)
    generator = torch.Generator().manual_seed(2)
    numbers = patches.is_source.nonzero().flatten()
    field = numbers[torch.randint(len(numbers), (len(patches.targets),), generator=generator)]
    weights = torch.rand(len(field), generator=generator) + 0.1
    values = torch.rand(9 * 30, 2, generator=generator)
    total, weight = torch.zeros(2), 0.0
    for n, target in enumerate(patches.targets.tolist()):
        total += weights[n] * values[int(field[n]) + (4 * 30 + 4) - target]
        weight += float(weights[n])
    torch.testing.assert_close(vote(patches, field, weights, values), total[None] / weight)
    two_valued = (values > 0.5).float()
    mean, mode = (vote(patches, field, weights, two_valued, modes=modes) for modes in (0, 2))
    assert 0.1 < float(mean[0, 0]) < 0.9
    assert float((mode - mode.round()).abs().max()) < 1e-3
    shifted = vote(patches, field, weights, values, gains=torch.full((len(field), 2), 0.25))
    torch.testing.assert_close(shifted, total[None] / weight + 0.25)
