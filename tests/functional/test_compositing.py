from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hcl_sdk.functional.compositing import feather_mask

masks = st.builds(
    lambda h, w, share, seed: torch.rand(2, 1, h, w, generator=torch.Generator().manual_seed(seed)) < share,
    st.integers(1, 17),
    st.integers(1, 17),
    st.sampled_from([0.0, 0.02, 0.3, 1.0]),
    st.integers(0, 1000),
)
widths = st.sampled_from([0, 1e-300, 0.5, 1, 1.5, 2, 3, 7, 40])


def brute_force_distance(mask: Tensor) -> Tensor:
    """Distance of every pixel from the nearest corrupted one, [B, 1, H, W]; infinite without any."""
    height, width = mask.shape[2:]
    grid = torch.cartesian_prod(torch.arange(height), torch.arange(width)).double()
    distances = []
    for one in mask[:, 0]:
        corrupted = one.nonzero().double()
        if len(corrupted) == 0:
            distances.append(torch.full((1, height, width), math.inf, dtype=torch.float64))
        else:
            between = (grid[:, None] - corrupted[None]).pow(2).sum(-1)
            distances.append(between.amin(1).sqrt().reshape(1, height, width))
    return torch.stack(distances)


@given(masks, widths, widths)
@settings(max_examples=60, deadline=None)
def test_alpha_is_one_near_the_mask_zero_far_away_and_falls_in_between(
    mask: Any, dilate: float, feather: float
) -> None:
    alpha = feather_mask(mask, dilate, feather)
    distance = brute_force_distance(mask)

    assert alpha.dtype == torch.float32
    assert alpha.shape == mask.shape
    assert (alpha[distance <= dilate] == 1).all()
    beyond = (distance >= dilate + feather) & (distance > dilate)
    assert (alpha[beyond] == 0).all()
    rim = (distance > dilate) & ~beyond
    assert ((alpha[rim] >= 0) & (alpha[rim] <= 1)).all()
    expected = 0.5 * (1 + torch.cos(math.pi * (distance[rim] - dilate) / max(feather, 1e-9)))
    torch.testing.assert_close(alpha[rim], expected.float(), atol=1e-6, rtol=0)


@given(masks)
@settings(max_examples=20, deadline=None)
def test_without_dilation_and_feather_alpha_is_the_mask(mask: Any) -> None:
    assert torch.equal(feather_mask(mask, 0, 0), mask.float())


def test_the_rim_is_symmetric_around_half() -> None:
    mask = torch.zeros(1, 1, 1, 12, dtype=torch.bool)
    mask[..., 0] = True
    alpha = feather_mask(mask, 2, 6).flatten()
    assert alpha[5] == pytest.approx(0.5)
    assert (alpha[2:8] + alpha[2:9].flip(0)[:6]).tolist() == pytest.approx([1.0] * 6)


def test_each_image_of_a_batch_stands_alone() -> None:
    mask = torch.rand(3, 1, 9, 11) < 0.1
    mask[1] = False
    together = feather_mask(mask, 1, 2)
    alone = torch.cat([feather_mask(one[None], 1, 2) for one in mask])
    assert torch.equal(together, alone)


@pytest.mark.parametrize(
    ("mask", "width", "error", "said"),
    [
        (torch.zeros(1, 1, 4, 4), 1, TypeError, "float32"),
        (torch.zeros(4, 4, dtype=torch.bool), 1, ValueError, r"\(4, 4\)"),
        (torch.zeros(1, 3, 4, 4, dtype=torch.bool), 1, ValueError, r"\(1, 3, 4, 4\)"),
        (torch.zeros(1, 1, 4, 4, dtype=torch.bool), -1, ValueError, "-1"),
        (torch.zeros(1, 1, 4, 4, dtype=torch.bool), math.nan, ValueError, "nan"),
        (torch.zeros(1, 1, 4, 4, dtype=torch.bool), math.inf, ValueError, "inf"),
        (torch.zeros(1, 1, 4, 4, dtype=torch.bool), "3", TypeError, "'3'"),
        (torch.zeros(1, 1, 4, 4, dtype=torch.bool), True, TypeError, "bool"),
    ],
)
def test_bad_input_is_refused(mask: Tensor, width: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        feather_mask(mask, 0, width)
    with pytest.raises(error, match=said):
        feather_mask(mask, width, 0)
