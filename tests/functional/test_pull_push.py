from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hcl_sdk.functional.pull_push import pull_push


def plain(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The same for one channel ``[H, W]``, recursively and by loops over the pixels."""

    def fill(values: np.ndarray, weights: np.ndarray, level: int) -> np.ndarray:
        """``values`` are already weighted."""
        if level == 10:
            return np.where(weights > 0, values, 0.5)
        height, width = values.shape
        coarse = np.zeros(((height + 1) // 2, (width + 1) // 2))
        share = np.zeros_like(coarse)
        for y, x in np.ndindex(coarse.shape):
            square = np.s_[2 * y : 2 * y + 2, 2 * x : 2 * x + 2]
            total = weights[square].sum()
            share[y, x] = min(total, 1)
            coarse[y, x] = values[square].sum() / max(total, 1e-9) * share[y, x]
        coarse = fill(coarse, share, level + 1)
        finer = np.empty_like(values)
        for y, x in np.ndindex(values.shape):  # half-pixel centers
            at_y = min(max((y + 0.5) * coarse.shape[0] / height - 0.5, 0), coarse.shape[0] - 1)
            at_x = min(max((x + 0.5) * coarse.shape[1] / width - 0.5, 0), coarse.shape[1] - 1)
            top, left = int(at_y), int(at_x)
            bottom, right = min(top + 1, coarse.shape[0] - 1), min(left + 1, coarse.shape[1] - 1)
            down, across = at_y - top, at_x - left
            upper = (1 - across) * coarse[top, left] + across * coarse[top, right]
            lower = (1 - across) * coarse[bottom, left] + across * coarse[bottom, right]
            finer[y, x] = (1 - down) * upper + down * lower
        return values + (1 - weights) * finer

    known = (~mask).astype(float)
    return np.where(mask, fill(image * known, known, 0), image)


@given(size=st.tuples(st.integers(1, 21), st.integers(1, 21)), share=st.floats(0, 1), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=25)
def test_it_matches_plain_loops(size: tuple[int, int], share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    image, mask = rng.random((2, 3, *size)), rng.random((2, 1, *size)) < share
    filled = pull_push(torch.from_numpy(image), torch.from_numpy(mask)).numpy()
    for b, c in np.ndindex(2, 3):
        np.testing.assert_allclose(filled[b, c], plain(image[b, c], mask[b, 0]), atol=1e-9)


def test_the_middle_of_a_hole_is_an_average_and_its_border_continues_what_is_there() -> None:
    image = torch.zeros(1, 1, 64, 64)
    image[..., 32:] = 1
    mask = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    mask[..., 8:56, 16:48] = True
    filled = pull_push(image, mask)[0, 0]
    assert filled[32, 16] < 0.1
    assert filled[32, 47] > 0.9
    assert 0.3 < filled[32, 31:33].mean() < 0.7
    assert (filled[32].diff() > -1e-6).all()


def test_nothing_known_is_gray_and_nothing_missing_is_the_image() -> None:
    image = torch.rand(1, 3, 9, 14)
    filled = pull_push(image, torch.ones(1, 1, 9, 14, dtype=torch.bool))
    torch.testing.assert_close(filled, torch.full_like(image, 0.5))
    assert torch.equal(pull_push(image, torch.zeros(1, 1, 9, 14, dtype=torch.bool)), image)
