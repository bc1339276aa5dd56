from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from torch import Tensor

from hcl_sdk.functional import texture
from hcl_sdk.functional.patch_fields import FieldSearch, find_nearest, find_patches, vote
from hcl_sdk.functional.pull_push import pull_push
from hcl_sdk.functional.texture import blend_texture, synthesize


def a_mask(height: int, width: int, *boxes: tuple[slice, slice]) -> Tensor:
    mask = torch.zeros(1, 1, height, width, dtype=torch.bool)
    for box in boxes:
        mask[..., *box] = True
    return mask


def random_case(seed: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    mask = a_mask(height, width)
    top, left = (int(torch.randint(extent, (), generator=generator)) for extent in (height, width))
    mask[..., top : top + height // 3 + 1, left : left + width // 3 + 1] = True
    return torch.rand(1, 3, height, width, generator=generator), mask


def patch_at(image: np.ndarray, row: int, column: int, size: int) -> np.ndarray:
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
            chosen = targets if patch_at(hole, row, column, size).any() else sources
            chosen[row * width + column] = patch_at(pixels, row, column, size)
    nearest = {n: min(float(((t - s) ** 2).sum()) for s in sources.values()) for n, t in targets.items() if sources}
    return nearest, sources


def described(image: Tensor, numbers: Tensor, size: int) -> Tensor:
    width = image.shape[-1]
    pixels = image[0].numpy()
    return torch.stack(
        [torch.from_numpy(patch_at(pixels, n // width, n % width, size).ravel().copy()) for n in numbers.tolist()]
    )


def all_described(image: Tensor, size: int) -> Tensor:
    """Of all patches, as the search wants them."""
    height, width = image.shape[-2:]
    descriptions = torch.full((height * width, image.shape[1] * size**2), torch.nan)
    reach = size // 2
    inside = torch.arange(height * width).view(height, width)[reach : height - reach, reach : width - reach].flatten()
    descriptions[inside] = described(image, inside, size)
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
    targets_, sources_ = described(image, patches.targets, size), described(image, numbers, size)
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
    mask = a_mask(24, 24, (slice(9, 15), slice(8, 16)))
    patches = find_patches(mask, 3)
    numbers = patches.is_source.nonzero().flatten()
    search = FieldSearch(patches, described(image, patches.targets, 3), all_described(image, 3))
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
    image, mask = torch.rand(1, 3, 20, 60, generator=torch.Generator().manual_seed(0)), a_mask(20, 60)
    mask[..., 8:12, 28:32] = True
    patches = find_patches(mask, 3)
    search = FieldSearch(patches, described(image, patches.targets, 3), all_described(image, 3), radius=8)
    start = patches.targets - 6 * 60
    assert patches.is_source[start].all()
    field, _ = search.improve(start, 10, torch.Generator().manual_seed(0))
    assert (field != start).any()
    assert (field // 60 - patches.targets // 60).abs().max() <= 8
    assert (field % 60 - patches.targets % 60).abs().max() <= 8


def test_votes_are_means_and_their_mode_is_sharp() -> None:
    mask = a_mask(9, 30, (slice(4, 5), slice(4, 5)))
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


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    patch_size=st.sampled_from([1, 3, 7]),
    radius=st.sampled_from([None, 1, 9]),
)
def test_only_known_pixels_are_used_and_kept(
    seed: int, height: int, width: int, patch_size: int, radius: int | None
) -> None:
    image, mask = random_case(seed, height, width)
    guide = torch.rand(image.shape, generator=torch.Generator().manual_seed(seed + 1))
    known = 0.2 + 0.3 * image

    def filled(under: float) -> Tensor:
        damaged = torch.where(mask, torch.full_like(known, under), known)
        return synthesize(damaged, mask, guide, patch_size=patch_size, radius=radius, seed=seed)

    result = filled(0.0)
    assert torch.equal(result, filled(1.0))
    assert torch.equal(result[~mask.expand_as(result)], known[~mask.expand_as(result)])
    if mask.all():
        assert torch.equal(result, guide)
    else:  # means of what is known, never the guide's own colors
        assert float(result.min()) >= 0.2 - 1e-5
        assert float(result.max()) <= 0.5 + 1e-5


def test_a_pattern_goes_on_through_the_hole() -> None:
    y, x = torch.meshgrid(torch.arange(96), torch.arange(96), indexing="ij")
    pattern = torch.stack([(x // 4) % 2, (x // 4 + y // 6) % 2, (y // 6) % 2]).float()[None] * 0.6 + 0.2
    mask = a_mask(96, 96, (slice(36, 60), slice(30, 58)))
    guide = pull_push(pattern, mask)
    error = (synthesize(pattern, mask, guide) - pattern).square().mean()
    assert error < 0.1 * (guide - pattern).square().mean()


def test_a_wall_stays_smooth_and_keeps_its_grain() -> None:
    generator = torch.Generator().manual_seed(4)
    smooth = torch.linspace(0.3, 0.7, 128).expand(1, 3, 128, 128)
    photo = smooth + 0.02 * torch.randn(1, 3, 128, 128, generator=generator)
    mask = a_mask(128, 128, (slice(40, 90), slice(40, 90)))
    grain = (synthesize(photo, mask, smooth) - smooth)[..., 40:90, 40:90]
    assert 0.7 < float(grain.std()) / 0.02 < 1.3
    assert float(torch.nn.functional.avg_pool2d(grain, 10).abs().max()) < 0.04


def test_texture_is_taken_from_within_the_radius() -> None:
    photo = torch.rand(1, 3, 64, 256, generator=torch.Generator().manual_seed(5)) * 0.2
    photo[:, 0, :, 100:] += 0.6
    mask = a_mask(64, 256, (slice(28, 36), slice(30, 38)))
    red = torch.full_like(photo, 0.1)
    red[:, 0] = 0.7
    anywhere, near = (synthesize(photo, mask, red, guidance=50.0, radius=radius) for radius in (None, 24))
    hole = mask.expand_as(photo)[:, 0]
    assert anywhere[:, 0][hole].max() > 0.5
    assert near[:, 0][hole].max() < 0.25


def test_large_levels_take_over_the_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texture, "SEARCHED", 4000)
    y, x = torch.meshgrid(torch.arange(101), torch.arange(131), indexing="ij")
    pattern = torch.stack([(x // 8) % 2, (y // 8) % 2, (x // 8 + y // 8) % 2]).float()[None] * 0.6 + 0.2
    mask = a_mask(101, 131, (slice(40, 60), slice(100, 131)))
    guide = pull_push(pattern, mask)
    filled = synthesize(pattern, mask, guide)
    assert (filled - pattern).square().mean() < (guide - pattern).square().mean()
    assert torch.equal(filled[~mask.expand_as(filled)], pattern[~mask.expand_as(filled)])


def test_the_seed_decides_and_the_global_state_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texture, "EXACT", 0)  # a small photo is not drawn from
    image, mask = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(7)), a_mask(64, 64)
    mask[..., 30:40, 30:40] = True
    guide = pull_push(image, mask)
    torch.manual_seed(1)
    first = synthesize(image, mask, guide, seed=3)
    torch.manual_seed(2)
    state = torch.random.get_rng_state()
    assert torch.equal(first, synthesize(image, mask, guide, seed=3))
    assert torch.equal(state, torch.random.get_rng_state())
    assert not torch.equal(first, synthesize(image, mask, guide, seed=4))


def test_texture_counts_less_in_low_frequencies_and_nothing_where_it_says_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    fill = torch.rand(1, 3, 40, 50, generator=generator) * 0.2 + 0.4
    textured = fill.clone()
    textured[..., 10:30, 15:40] += torch.randn(1, 3, 20, 25, generator=generator) * 0.03
    blended = blend_texture(fill, textured, 0.8)
    difference = (textured - fill).double().numpy()
    low = gaussian_filter(difference, (0, 0, 1, 1), mode="nearest", truncate=3)
    expected = torch.from_numpy(fill.numpy() + 0.8 * (difference - 0.3 * low)).float()
    inside = textured != fill
    torch.testing.assert_close(blended[inside], expected[inside])
    assert torch.equal(blended[~inside], fill[~inside])
    assert torch.equal(blend_texture(fill, textured, 0), fill)


def test_what_does_not_fit_is_refused() -> None:
    image, mask = random_case(0, 12, 10)
    with pytest.raises(TypeError, match="bool tensor"):
        synthesize(image, mask.float(), image)
    with pytest.raises(ValueError, match=r"\[B, 3, H, W\].*\[1, 3, 12, 9\]"):
        synthesize(image, mask, image[..., :9])
    with pytest.raises(ValueError, match="odd and at least 1; got 4"):
        synthesize(image, mask, image, patch_size=4)
    with pytest.raises(ValueError, match="one image"):
        find_patches(mask.expand(2, -1, -1, -1), 3)
