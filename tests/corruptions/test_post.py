"""What happens to a photo after it was damaged, and photos that are toned before."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hcl_sdk.corruptions import CenterBox, Constant, Corruption, Postprocessing, Rule
from hcl_sdk.corruptions.post import tone_photo

NOTHING: dict[str, Any] = {"resize": 0.0, "sharpen": 0.0, "blur": 0.0, "noise": 0.0, "gamma": 0.0, "jpeg": 0.0}


def draw_photo(size: tuple[int, int], seed: int = 0) -> np.ndarray:
    coarse = Image.fromarray(np.random.default_rng(seed).integers(40, 216, size=(4, 5, 3), dtype=np.uint8))
    return np.array(coarse.resize((size[1], size[0]), Image.Resampling.BICUBIC))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32))
def test_any_size_stays_and_a_seed_says_all(height: int, width: int, seed: int) -> None:
    image = draw_photo((height, width))
    before = image.copy()
    first, again = (Postprocessing(share=1.0)(image, np.random.default_rng(seed)) for _ in range(2))
    assert first.shape == image.shape
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert np.array_equal(image, before)


@pytest.mark.parametrize("post", [Postprocessing(share=0.0), Postprocessing(share=1.0, **NOTHING)])
def test_nothing_is_nothing(post: Postprocessing) -> None:
    image = draw_photo((30, 40))
    for seed in range(5):
        out = post(image, np.random.default_rng(seed))
        assert np.array_equal(out, image)
        assert out is not image


def test_a_share_of_the_photos_is_left_alone() -> None:
    image = draw_photo((24, 24))
    post = Postprocessing(share=0.6, **{**NOTHING, "noise": 1.0})
    changed = [not np.array_equal(post(image, np.random.default_rng(seed)), image) for seed in range(200)]
    assert 0.5 < np.mean(changed) < 0.7


@pytest.mark.parametrize("step", ["resize", "sharpen", "blur", "noise", "gamma", "jpeg"])
def test_every_step_changes_a_photo_a_little(step: str) -> None:
    image = draw_photo((64, 64))
    post = Postprocessing(share=1.0, **{**NOTHING, step: 1.0})
    rng = np.random.default_rng(3)
    distances = [np.abs(post(image, rng).astype(int) - image).mean() for _ in range(10)]
    assert max(distances) > 0
    assert max(distances) < 45


def test_jpeg_matches_pillow_at_the_same_quality() -> None:
    image = draw_photo((48, 64))
    post = Postprocessing(share=1.0, **{**NOTHING, "jpeg": 1.0}, twice=0.0, quality=(70, 70))
    expected = []
    for subsampling in (0, 2):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=70, subsampling=subsampling)
        expected.append(np.array(Image.open(file)))
    for seed in range(8):
        out = post(image, np.random.default_rng(seed))
        assert any(np.array_equal(out, e) for e in expected)


def test_the_mask_the_clean_photo_and_the_damage_stay_where_they_are() -> None:
    image = draw_photo((64, 96))
    rule = Rule(shapes=(CenterBox(side=0.5),), contents=(Constant(color=(255, 0, 255)),))
    plain = Corruption(rules=(rule,), blur=(0, 0))
    posted = Corruption(rules=(rule,), blur=(0, 0), post=Postprocessing(share=1.0, jpeg=1.0))
    for seed in range(12):
        without, damaged = (c(image, np.random.default_rng(seed), lambda: image) for c in (plain, posted))
        assert np.array_equal(damaged.corruption_mask, without.corruption_mask)
        assert np.array_equal(damaged.damage_map, without.damage_map)
        assert np.array_equal(damaged.clean, image)
        assert damaged.image.shape == image.shape
        inside = damaged.image[damaged.corruption_mask].astype(int)
        assert np.abs(inside.mean(axis=0) - (255, 0, 255)).max() < 45
        assert np.abs(inside.mean(axis=0) - damaged.image[~damaged.corruption_mask].mean(axis=0)).max() > 40


def test_clean_photos_pass_through_it_too() -> None:
    image = draw_photo((40, 40))
    corruption = Corruption(clean=1.0, post=Postprocessing(share=1.0, **{**NOTHING, "noise": 1.0}))
    damaged = corruption(image, np.random.default_rng(0), lambda: image)
    assert not damaged.corruption_mask.any()
    assert not damaged.damage_map.any()
    assert (damaged.image != damaged.clean).any()


def test_toned_photos_are_gray_of_one_hue_or_faded() -> None:
    image = draw_photo((40, 50))
    rng = np.random.default_rng(0)
    toned = [tone_photo(image, rng).astype(int) for _ in range(60)]
    gray = [t for t in toned if (np.ptp(t, axis=2) == 0).all()]
    assert 0.25 < len(gray) / 60 < 0.65
    luminance = np.asarray(Image.fromarray(image).convert("L"), float).ravel()
    for t in gray:
        assert np.corrcoef(t[..., 0].ravel(), luminance)[0, 1] > 0.99
    for t in toned:
        assert np.ptp(t, axis=2).mean() <= np.ptp(image.astype(int), axis=2).mean() + 60
    warm = [t for t in toned if (t[..., 0] > t[..., 2]).all()]
    assert warm


def test_a_share_of_the_photos_is_toned_before_it_is_damaged() -> None:
    image = draw_photo((32, 32))
    rule = Rule(shapes=(CenterBox(),), contents=(Constant(color=(0, 255, 0)),))
    corruption = Corruption(rules=(rule,), blur=(0, 0), toned=0.4)
    toned = 0
    for seed in range(150):
        damaged = corruption(image, np.random.default_rng(seed), lambda: image)
        toned += not np.array_equal(damaged.clean, image)
        assert (damaged.image[damaged.corruption_mask] == (0, 255, 0)).all()  # what is pasted keeps its colors
        outside = ~damaged.corruption_mask
        assert np.array_equal(damaged.image[outside], damaged.clean[outside])
    assert 0.3 < toned / 150 < 0.5
