"""Membranes and the seams that they close."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import zoom
from scipy.sparse import lil_matrix
from scipy.sparse.linalg import spsolve

from hcl_sdk.functional.arrays import stretch_membrane
from hcl_sdk.functional.compositing import close_seam


def solve_exactly(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """One equation for each pixel of the hole: ``[H, W]``."""
    numbers = {tuple(place): n for n, place in enumerate(np.argwhere(mask))}
    matrix, right = lil_matrix((len(numbers), len(numbers))), np.zeros(len(numbers))
    for (row, column), n in numbers.items():
        for down, across in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            y, x = row + down, column + across
            if not (0 <= y < mask.shape[0] and 0 <= x < mask.shape[1]):
                continue
            matrix[n, n] += 1
            if mask[y, x]:
                matrix[n, numbers[y, x]] -= 1
            else:
                right[n] += values[y, x]
    solved = values.copy()
    solved[mask] = spsolve(matrix.tocsr(), right)
    return solved


def smooth(seed: int, height: int, width: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).standard_normal((6, 6))
    return np.asarray(zoom(coarse, (height / 6, width / 6), order=1), np.float32)[:height, :width]


sizes = st.integers(6, 44)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), height=sizes, width=sizes)
def test_a_membrane_comes_near_to_the_exact_solution(seed: int, height: int, width: int) -> None:
    mask, values = smooth(seed, height, width) > 0, smooth(seed + 1, height, width)
    if mask.all():
        return
    found = stretch_membrane(values[..., None], mask)[..., 0]
    error = np.abs(found - solve_exactly(values.astype(np.float64), mask))
    assert error.max() < 0.15 * np.abs(values).max()
    assert error.mean() < 0.02 * np.abs(values).max()
    assert np.array_equal(found[~mask], values[~mask])


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), height=st.integers(1, 60), width=st.integers(1, 60))
def test_a_membrane_has_no_peaks_and_ignores_pixels_under_the_mask(seed: int, height: int, width: int) -> None:
    generator = np.random.default_rng(seed)
    mask = generator.random((height, width)) < 0.6
    mask.flat[generator.integers(mask.size)] = False
    values = generator.random((height, width, 2), np.float32)
    found = stretch_membrane(values, mask)
    if mask.any():
        assert found.min() >= values[~mask].min() - 1e-6
        assert found.max() <= values[~mask].max() + 1e-6
    assert np.array_equal(found, stretch_membrane(np.where(mask[..., None], 9, values), mask))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), height=sizes, width=sizes)
def test_a_constant_offset_of_a_fill_is_removed(seed: int, height: int, width: int) -> None:
    """As far as a jump says so: the mean of neighbors in a smooth image is nearly the pixel between them."""
    photo = torch.from_numpy(np.stack([smooth(seed + c, height, width) for c in range(3)]))[None] * 0.02
    mask = torch.from_numpy(smooth(seed + 9, height, width) > 0)[None, None]
    offset = torch.tensor([0.4, -0.3, 0.1]).view(1, 3, 1, 1)
    closed = close_seam(photo, mask, photo + offset)
    inside, outside = mask.expand_as(photo), ~mask.expand_as(photo)
    assert torch.equal(closed[outside], photo[outside])
    if mask.all():
        torch.testing.assert_close(closed, photo + offset)
    elif mask.any():
        assert float((closed - photo)[inside].abs().max()) < 0.1


def test_each_image_of_a_batch_has_its_own_seam() -> None:
    image = torch.rand(2, 3, 20, 24, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(2, 1, 20, 24, dtype=torch.bool)
    mask[0, :, 5:12, 0:9] = mask[1, :, 14:20, 10:24] = True
    fill = torch.full_like(image, 0.5)
    both = close_seam(image, mask, fill)
    for i in range(2):
        assert torch.equal(both[i : i + 1], close_seam(image[i : i + 1], mask[i : i + 1], fill[i : i + 1]))
    under = torch.where(mask, torch.zeros_like(image), image)
    assert torch.equal(both, close_seam(under, mask, fill))
    nothing = torch.zeros_like(mask)
    assert torch.equal(close_seam(image, nothing, fill), image)


def test_mismatched_inputs_are_refused() -> None:
    image, mask = torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    with pytest.raises(TypeError, match="bool tensor"):
        close_seam(image, mask.float(), image)
    with pytest.raises(ValueError, match=r"\[1, 3, 8, 7\]"):
        close_seam(image, mask, image[..., :7])
    with pytest.raises(ValueError, match=r"\[1, 1, 8, 8\]"):
        close_seam(image[..., :7], mask, image[..., :7])
