"""Random masks and probabilities, and their regions as scikit-image numbers them."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import label
from torch import Tensor

masks = st.builds(
    lambda seed, height, width, share: np.random.default_rng(seed).random((height, width)) < share,
    st.integers(0, 1000),
    st.integers(1, 70),
    st.integers(1, 70),
    st.sampled_from([0, 0.02, 0.3, 0.4, 0.7, 1]),
)


def number_regions(mask: np.ndarray) -> np.ndarray:
    return np.asarray(label(mask, connectivity=2))


def draw_random_mask(height: int, width: int, *boxes: tuple[slice, slice]) -> Tensor:
    mask = torch.zeros(1, 1, height, width, dtype=torch.bool)
    for box in boxes:
        mask[..., *box] = True
    return mask


def draw_confidence(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Draw probabilities ``[height, width]`` float32 from 0 to 1 that change more or less smoothly."""
    smooth = ndimage.gaussian_filter(rng.random((height, width)), rng.uniform(0, 3)).astype(np.float32)
    return (smooth - smooth.min()) / max(float(np.ptp(smooth)), 1e-6)


def random_case(seed: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    mask = draw_random_mask(height, width)
    top, left = (int(torch.randint(extent, (), generator=generator)) for extent in (height, width))
    mask[..., top : top + height // 3 + 1, left : left + width // 3 + 1] = True
    return torch.rand(1, 3, height, width, generator=generator), mask
