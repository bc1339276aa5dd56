"""PyPatchMatch as a restorer, compared with PyPatchMatch called directly."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from hcl_patchmatch.patchmatch import PatchMatch
from hypothesis import given, settings
from hypothesis import strategies as st
from patchmatch.patch_match import inpaint, set_random_seed

from hcl_sdk import Detection, Pipeline
from hcl_sdk.plugins import registry


def draw_photos(seed: int, batch: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Photos of noise ``[B, H, W, 3]`` of 8 bits, and masks ``[B, H, W]`` of a rectangle each."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((batch, height, width), bool)
    for mask in masks:
        top, left = rng.integers(height // 2), rng.integers(width // 2)
        mask[top : top + height // 3 + 1, left : left + width // 3 + 1] = True
    return rng.integers(0, 256, (batch, height, width, 3), np.uint8), masks


def restore(restorer: PatchMatch, photos: np.ndarray, masks: np.ndarray) -> np.ndarray:
    image = torch.from_numpy(photos).permute(0, 3, 1, 2).float() / 255
    restored = restorer(image, Detection.from_mask(torch.from_numpy(masks)[:, None]))
    return (restored * 255).round().byte().permute(0, 2, 3, 1).numpy()


@given(
    seed=st.integers(0, 1000),
    batch=st.integers(1, 2),
    height=st.integers(3, 30),
    width=st.integers(3, 30),
    patch_size=st.sampled_from([3, 7, 11]),
)
@settings(max_examples=20, deadline=None)
def test_agrees_with_the_library_called_directly_for_every_image_of_a_batch(
    seed: int, batch: int, height: int, width: int, patch_size: int
) -> None:
    photos, masks = draw_photos(seed, batch, height, width)
    restored = restore(PatchMatch(patch_size=patch_size, seed=seed), photos, masks)
    set_random_seed(seed)
    for one, photo, mask in zip(restored, photos, masks, strict=True):
        assert np.array_equal(one, inpaint(photo, mask, patch_size=patch_size // 2))


def test_a_stripe_is_continued_with_its_texture() -> None:
    photo = np.zeros((1, 48, 48, 3), np.uint8)
    photo[:, :, ::4], photo[:, :, 1::4] = 255, 255
    mask = np.zeros((1, 48, 48), bool)
    mask[:, 18:30, 18:30] = True
    damaged = np.where(mask[..., None], 127, photo).astype(np.uint8)
    missed = np.abs(restore(PatchMatch(), damaged, mask).astype(int) - photo)[mask].mean()
    assert missed < 60  # a flat fill misses 127


def test_the_restorers_seed_holds_whatever_ran_before_or_beside_it() -> None:
    photos, masks = draw_photos(3, 1, 40, 50)
    one, other = PatchMatch(seed=1), PatchMatch(seed=2)
    alone = [restore(restorer, photos, masks) for restorer in (one, other)]
    assert not np.array_equal(alone[0], alone[1])
    with ThreadPoolExecutor(4) as threads:
        beside = list(threads.map(lambda k: restore((one, other)[k % 2], photos, masks), range(16)))
    assert all(np.array_equal(result, alone[k % 2]) for k, result in enumerate(beside))


def test_an_empty_mask_changes_nothing_and_a_full_one_neither() -> None:
    photos, masks = draw_photos(2, 2, 9, 11)
    for nothing in (np.zeros_like(masks), np.ones_like(masks)):
        assert np.array_equal(restore(PatchMatch(), photos, nothing), photos)


@pytest.mark.parametrize("size", [(1, 2), (1, 9), (9, 1), (2, 2)])
def test_photos_smaller_than_a_patch_are_filled_from_known_pixels(size: tuple[int, int]) -> None:
    photos, masks = np.full((1, *size, 3), 100, np.uint8), np.zeros((1, *size), bool)
    masks.reshape(-1)[0] = True
    photos[masks] = 255
    assert (restore(PatchMatch(), photos, masks) == 100).all()


@pytest.mark.parametrize("values", [{"patch_size": 1}, {"patch_size": 4}, {"seed": -1}, {"seed": 1 << 32}])
def test_numbers_that_are_none_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        PatchMatch(**values)


def test_a_pipeline_from_yaml_fills_and_is_described_by_its_configuration() -> None:
    pipeline = Pipeline.from_config("restorer: {use: hcl-patchmatch/patchmatch, patch_size: 5}\ndilate: 1\n")
    assert isinstance(pipeline.restorer, PatchMatch)
    config = pipeline.to_config()
    assert config["restorer"] == {"use": "hcl-patchmatch/patchmatch", "patch_size": 5, "seed": 0}
    assert config["plugins"] == {"hcl-patchmatch": "0.1.0"}
    photo, mask = np.full((40, 50, 3), 90, np.uint8), np.zeros((40, 50), bool)
    photo[20, 10:30], mask[20, 10:30] = 255, True
    assert (pipeline.restore(photo, corruption_mask=mask).restored == 90).all()


def test_the_plugin_is_found_and_gives_its_name() -> None:
    (report,) = [r for r in registry.plugins if r.distribution == "hcl-patchmatch"]
    assert (report.status, report.error, report.names) == ("ok", "", ("hcl-patchmatch/patchmatch",))
