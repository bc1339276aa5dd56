"""Texture synthesized from the photo."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_masks import draw_random_mask, random_case
from scipy.ndimage import distance_transform_edt, gaussian_filter
from torch import Tensor

from hcl_sdk.evaluation.restoration import measure_grain
from hcl_sdk.functional import texture
from hcl_sdk.functional.patch_fields import FieldSearch, find_patches
from hcl_sdk.functional.pull_push import pull_push
from hcl_sdk.functional.texture import blend_texture, synthesize


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

    def fill_texture(under: float) -> Tensor:
        damaged = torch.where(mask, torch.full_like(known, under), known)
        return synthesize(damaged, mask, guide, patch_size=patch_size, radius=radius, seed=seed)

    result = fill_texture(0.0)
    assert torch.equal(result, fill_texture(1.0))
    assert torch.equal(result[~mask.expand_as(result)], known[~mask.expand_as(result)])
    if mask.all():
        assert torch.equal(result, guide)
    else:  # means of what is known, never the guide's own colors
        assert float(result.min()) >= 0.2 - 1e-5
        assert float(result.max()) <= 0.5 + 1e-5


def test_a_pattern_continues_through_the_hole() -> None:
    y, x = torch.meshgrid(torch.arange(96), torch.arange(96), indexing="ij")
    pattern = torch.stack([(x // 4) % 2, (x // 4 + y // 6) % 2, (y // 6) % 2]).float()[None] * 0.6 + 0.2
    mask = draw_random_mask(96, 96, (slice(36, 60), slice(30, 58)))
    guide = pull_push(pattern, mask)
    error = (synthesize(pattern, mask, guide) - pattern).square().mean()
    assert error < 0.1 * (guide - pattern).square().mean()


def test_a_wall_stays_smooth_and_keeps_its_grain() -> None:
    generator = torch.Generator().manual_seed(4)
    smooth = torch.linspace(0.3, 0.7, 128).expand(1, 3, 128, 128)
    photo = smooth + 0.02 * torch.randn(1, 3, 128, 128, generator=generator)
    mask = draw_random_mask(128, 128, (slice(40, 90), slice(40, 90)))
    made = synthesize(photo, mask, smooth)
    for filled in (made, blend_texture(smooth, made, 1)):
        grain = (filled - smooth)[..., 40:90, 40:90]
        assert 0.7 < float(grain.std()) / 0.02 < 1.3
        assert float(torch.nn.functional.avg_pool2d(grain, 10).abs().max()) < 0.04


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_a_sky_beside_a_meadow_keeps_its_own_grain(noise: float) -> None:
    generator = torch.Generator().manual_seed(6)
    smooth = torch.full((1, 3, 96, 96), 0.7)
    smooth[:, 2, :48] = torch.linspace(0.95, 0.8, 48)[:, None]
    photo = smooth.clone()
    photo[..., :48, :] += noise * torch.randn(1, 3, 48, 96, generator=generator)
    photo[..., 48:, :] += 0.1 * torch.randn(1, 3, 48, 96, generator=generator)
    photo = photo.clamp(0, 1)
    mask = draw_random_mask(96, 96, (slice(10, 34), slice(30, 66)))
    filled = blend_texture(smooth, synthesize(photo, mask, torch.where(mask, smooth, photo)), 1)
    grain, around = measure_grain(torch.where(mask, filled, photo), mask)
    assert grain == pytest.approx(around, rel=0.3, abs=0.001)
    assert float((filled - smooth)[..., 10:34, 30:66].abs().mean()) < noise + 0.01


def test_next_to_what_is_known_a_guide_without_grain_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texture, "DEEP", math.inf)  # deep holes follow it less
    mask = draw_random_mask(128, 128, (slice(40, 96), slice(40, 96)))
    depth = torch.from_numpy(distance_transform_edt(mask[0, 0].numpy()))
    outer = (depth > 1) & (depth <= 9)
    missed = []
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        bright = torch.rand(1, 1, 16, 16, generator=generator) > 0.5
        smooth = (0.35 + 0.3 * bright).repeat_interleave(8, 2).repeat_interleave(8, 3).expand(1, 3, -1, -1)
        photo = (smooth + 0.12 * torch.randn(1, 3, 128, 128, generator=generator)).clamp(0, 1)
        filled = synthesize(photo, mask, torch.where(mask, smooth, photo))
        colors = gaussian_filter((filled - smooth)[0].numpy(), (0, 2, 2))
        missed.append(np.abs(colors).mean(0)[outer.numpy()].mean())
    assert np.mean(missed) < 0.044  # .050 where it is trusted as little as deep inside


def test_a_deep_hole_is_copied_as_a_whole_whatever_the_guide_says() -> None:
    y, x = torch.meshgrid(torch.arange(128), torch.arange(160), indexing="ij")
    pattern = torch.stack([(x // 4) % 4, (x // 4 + y // 6) % 4, (y // 6) % 4]).float()[None] * 0.2 + 0.2
    mask = draw_random_mask(128, 160, (slice(40, 84), slice(50, 100)))
    wrong = torch.where(mask, pattern.new_tensor([0.7, 0.4, 0.4])[:, None, None], pattern)
    missed = (synthesize(pattern, mask, wrong) - pattern).abs().amax(1)[mask[:, 0]]
    assert (missed < 0.01).float().mean() > 0.9


def draw_red_far_away(width: int) -> tuple[Tensor, Tensor]:
    """A dark photo with noise that is red from column 100 on, and a red fill."""
    photo = torch.rand(1, 3, 64, width, generator=torch.Generator().manual_seed(5)) * 0.2
    photo[:, 0, :, 100:] += 0.6
    red = torch.full_like(photo, 0.1)
    red[:, 0] = 0.7
    return photo, red


def test_deep_holes_keep_to_the_radius() -> None:
    photo, red = draw_red_far_away(160)
    mask = draw_random_mask(64, 160, (slice(20, 44), slice(24, 48)))
    filled = synthesize(photo, mask, red, guidance=50.0, radius=40)
    assert filled[:, 0][mask[:, 0]].max() < 0.25


def test_without_a_shift_deep_holes_are_filled_as_others(monkeypatch: pytest.MonkeyPatch) -> None:
    photo, mask = torch.rand(1, 3, 96, 96), draw_random_mask(96, 96, (slice(20, 60), slice(30, 70)))
    fill = torch.full_like(photo, 0.5)
    monkeypatch.setattr(texture, "find_shifts", lambda *_: torch.empty(0, 2, dtype=torch.int64))
    without = synthesize(photo, mask, fill)
    monkeypatch.setattr(texture, "DEEP", math.inf)
    assert torch.equal(synthesize(photo, mask, fill), without)


def test_only_deep_holes_are_mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    mapped: list[Tensor] = []
    map_shifts = texture.map_shifts

    def record(known: Tensor, corruption_mask: Tensor, hole: Tensor, *rest: Any) -> Tensor:
        mapped.append(hole)
        return map_shifts(known, corruption_mask, hole, *rest)

    monkeypatch.setattr(texture, "map_shifts", record)
    photo = torch.rand(1, 3, 96, 128, generator=torch.Generator().manual_seed(6))
    deep, thin = (slice(20, 60), slice(30, 70)), (slice(80, 84), slice(10, 110))
    both = draw_random_mask(96, 128, deep, thin)
    fill = torch.full_like(photo, 0.5)
    filled = synthesize(photo, both, fill)
    assert torch.equal(filled[~both.expand_as(photo)], photo[~both.expand_as(photo)])
    assert len(mapped) == 1
    assert torch.equal(mapped[0], draw_random_mask(96, 128, deep))
    synthesize(photo, draw_random_mask(96, 128, thin), fill)
    assert len(mapped) == 1


def test_thin_strokes_are_searched_more_often_than_large_holes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texture, "SEARCHES", 2400)
    monkeypatch.setattr(texture, "EXACT", 0)  # or coarse levels compare all pairs
    searched: list[int] = []
    improve = FieldSearch.improve

    def record(self: FieldSearch, field: Tensor, *rest: Any, **named: Any) -> tuple[Tensor, Tensor]:
        searched.append(len(field))
        return improve(self, field, *rest, **named)

    monkeypatch.setattr(FieldSearch, "improve", record)
    image = torch.rand(1, 3, 80, 80, generator=torch.Generator().manual_seed(2))
    for hole, rounds in (((slice(10, 70), slice(38, 42)), 8), ((slice(10, 60), slice(10, 60)), 1)):
        searched.clear()
        synthesize(image, draw_random_mask(80, 80, hole), image)
        assert searched.count(max(searched)) == rounds
        assert sum(searched) <= 2 * (2 * 2400 + max(searched))  # two levels


def test_texture_is_taken_from_within_the_radius() -> None:
    photo, red = draw_red_far_away(256)
    mask = draw_random_mask(64, 256, (slice(28, 36), slice(30, 38)))
    anywhere, near = (synthesize(photo, mask, red, guidance=50.0, radius=radius) for radius in (None, 24))
    hole = mask.expand_as(photo)[:, 0]
    assert anywhere[:, 0][hole].max() > 0.5
    assert near[:, 0][hole].max() < 0.25


def test_large_levels_take_over_the_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texture, "SEARCHED", 4000)
    y, x = torch.meshgrid(torch.arange(101), torch.arange(131), indexing="ij")
    pattern = torch.stack([(x // 8) % 2, (y // 8) % 2, (x // 8 + y // 8) % 2]).float()[None] * 0.6 + 0.2
    mask = draw_random_mask(101, 131, (slice(40, 60), slice(100, 131)))
    guide = pull_push(pattern, mask)
    filled = synthesize(pattern, mask, guide)
    assert (filled - pattern).square().mean() < (guide - pattern).square().mean()
    assert torch.equal(filled[~mask.expand_as(filled)], pattern[~mask.expand_as(filled)])


def test_the_seed_decides_and_the_global_state_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texture, "EXACT", 0)  # a small photo is not drawn from
    image, mask = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(7)), draw_random_mask(64, 64)
    mask[..., 30:40, 30:40] = True
    guide = pull_push(image, mask)
    torch.manual_seed(1)
    first = synthesize(image, mask, guide, seed=3)
    torch.manual_seed(2)
    state = torch.random.get_rng_state()
    assert torch.equal(first, synthesize(image, mask, guide, seed=3))
    assert torch.equal(state, torch.random.get_rng_state())
    assert not torch.equal(first, synthesize(image, mask, guide, seed=4))


def test_texture_counts_less_where_low_frequencies_differ_little_and_nothing_where_it_says_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    fill = torch.rand(1, 3, 40, 50, generator=generator) * 0.2 + 0.4
    textured = fill.clone()
    textured[..., 10:30, 15:40] += torch.randn(1, 3, 20, 25, generator=generator) * 0.03
    blended = blend_texture(fill, textured, 0.8)
    difference = (textured - fill).double().numpy()
    low = gaussian_filter(difference, (0, 0, 1, 1), mode="nearest", truncate=3)
    low *= 0.5 * np.exp(-np.square(low).sum(1, keepdims=True) / 0.25**2)
    expected = torch.from_numpy(fill.numpy() + 0.8 * (difference - low)).float()
    inside = textured != fill
    torch.testing.assert_close(blended[inside], expected[inside])
    assert torch.equal(blended[~inside], fill[~inside])
    assert torch.equal(blend_texture(fill, textured, 0), fill)


def test_texture_unlike_the_fill_is_no_haze() -> None:
    fill = torch.full((1, 3, 40, 40), 0.5)
    textured = torch.where(torch.arange(40) < 20, 0.1, 0.9).expand(1, 3, 40, 40)
    blended = blend_texture(fill, textured, 1)
    # At the edge between black and white, the texture's low frequencies are those of the fill.
    assert float((blended - textured).abs().max()) < 0.1
    assert torch.allclose(blended[..., 4:16], textured[..., 4:16], atol=1e-3)


def test_colors_beside_a_hole_do_not_run_into_it() -> None:
    generator = torch.Generator().manual_seed(7)
    photo = 0.5 + 0.02 * torch.randn(1, 3, 96, 96, generator=generator)
    smooth = torch.full_like(photo, 0.5)
    mask = draw_random_mask(96, 96, (slice(28, 68), slice(28, 68)))
    photo[:, 0, 36:60, 25:28] = 1.0  # narrower than a patch, so that nothing continues it
    photo[:, 1:, 36:60, 25:28] = 0.0
    filled = synthesize(photo, mask, torch.where(mask, smooth, photo))
    assert float((filled - smooth)[..., 28:68, 36:68].mean((2, 3)).abs().max()) < 0.01


def test_mismatched_inputs_are_refused() -> None:
    image, mask = random_case(0, 12, 10)
    with pytest.raises(TypeError, match="bool tensor"):
        synthesize(image, mask.float(), image)
    with pytest.raises(ValueError, match=r"\[B, 3, H, W\].*\[1, 3, 12, 9\]"):
        synthesize(image, mask, image[..., :9])
    with pytest.raises(ValueError, match="odd and at least 1; got 4"):
        synthesize(image, mask, image, patch_size=4)
    with pytest.raises(ValueError, match="one image"):
        find_patches(mask.expand(2, -1, -1, -1), 3)


@pytest.mark.parametrize("width", [1, 3, 16])
def test_a_long_hole_is_filled_to_its_middle(width: int) -> None:
    image = torch.rand((1, 3, 1400, width), generator=torch.Generator().manual_seed(0))
    mask = torch.zeros((1, 1, 1400, width), dtype=torch.bool)
    mask[:, :, 200:1200] = True
    filled = synthesize(image, mask, torch.full_like(image, 0.5))
    assert filled.isfinite().all()
    assert filled[:, :, 600:800].std() > 0.1  # of the photo's noise, not of the guide
