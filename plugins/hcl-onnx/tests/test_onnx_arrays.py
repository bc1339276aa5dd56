"""What the runner computes in numpy, compared with what hcl_sdk computes in PyTorch."""

from __future__ import annotations

import numpy as np
import torch
from hcl_onnx import arrays
from hypothesis import given, settings
from hypothesis import strategies as st

from hcl_sdk.functional.masks import pool_mask
from hcl_sdk.functional.resize import resize, shrink

sides = st.integers(1, 40)
quick = settings(max_examples=40, deadline=None)


# Not of one column: there PyTorch 2.13 gives every row the value of the first.
@given(seed=st.integers(0, 99), height=sides, width=st.integers(2, 40), to_height=sides, to_width=st.integers(2, 40))
@quick
def test_shrinking_is_pytorchs_with_antialiasing(
    seed: int, height: int, width: int, to_height: int, to_width: int
) -> None:
    image = np.random.default_rng(seed).random((2, 3, height, width), dtype=np.float32)
    size = min(height, to_height), min(width, to_width)
    expected = shrink(torch.from_numpy(image), size).numpy()
    np.testing.assert_allclose(arrays.shrink(image, size), expected, atol=1e-5)


@given(seed=st.integers(0, 99), height=sides, width=sides, to_height=sides, to_width=sides)
@quick
def test_enlarging_is_pytorchs_bilinear(seed: int, height: int, width: int, to_height: int, to_width: int) -> None:
    image = np.random.default_rng(seed).random((1, 2, height, width), dtype=np.float32)
    size = max(height, to_height), max(width, to_width)
    expected = resize(torch.from_numpy(image), size, "bilinear").numpy()
    np.testing.assert_allclose(arrays.enlarge(image, size), expected, atol=1e-5)


@given(seed=st.integers(0, 99), height=sides, width=sides, stride=st.integers(1, 7), share=st.floats(0, 1))
@quick
def test_masks_are_pooled_as_pytorch_does(seed: int, height: int, width: int, stride: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((2, 1, height, width)) < share**3
    assert (arrays.pool_mask(mask, stride) == pool_mask(torch.from_numpy(mask), stride).numpy()).all()
