"""Masks dilated and feathered."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from hcl_sdk.functional import arrays, compositing


@given(st.integers(0, 99), st.sampled_from([0, 1, 2.5]), st.sampled_from([0, 1, 3.5]))
def test_alpha_of_one_mask_matches_a_batch(seed: int, dilate: float, feather: float) -> None:
    masks = np.random.default_rng(seed).random((3, 1, 12, 17)) < 0.03
    expected = compositing.feather_mask(torch.from_numpy(masks), dilate, feather).numpy()
    for mask, alpha in zip(masks[:, 0], expected[:, 0], strict=True):
        assert np.array_equal(arrays.feather_mask(mask, dilate, feather), alpha)


@pytest.mark.parametrize(("dilate", "feather"), [(0, 0), (2, 3), (0, 5.5), (1.5, 0), (60, 40), (5000, 3)])
def test_the_border_is_the_same_tile_by_tile(dilate: float, feather: float) -> None:
    rng = np.random.default_rng(0)
    mask = np.zeros((700, 900), bool)
    mask[rng.integers(0, 700, 9), rng.integers(0, 500, 9)] = True
    mask[300:650, 200:800] = True
    distance = np.asarray(ndimage.distance_transform_edt(~mask))
    expected = (distance <= dilate).astype(float)
    rim = (distance > dilate) & (distance < dilate + feather)
    expected[rim] = 0.5 + 0.5 * np.cos(np.pi * (distance[rim] - dilate) / feather)
    assert np.array_equal(arrays.feather_mask(mask, dilate, feather), expected.astype(np.float32))
    assert np.array_equal(arrays.grow_mask(mask, dilate, feather), expected > 0)
    tiles = list(arrays.feather_tiles(mask, dilate, feather))
    for _, weight in tiles:
        assert min(weight[0].max(), weight[-1].max(), weight[:, 0].max(), weight[:, -1].max()) > 0
    assert sum(weight.size for _, weight in tiles) < mask.size or dilate > 60
