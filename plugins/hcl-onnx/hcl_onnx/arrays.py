"""Resizing images and masks as NumPy arrays, with the same results as PyTorch.

Images are float32 ``[B, C, H, W]`` and masks bool ``[B, 1, H, W]``, True = corrupted, as in hcl_sdk.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from hcl_sdk.functional.arrays import CERTAIN, CONTEXT_SHARE


def shrink(image: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Resize ``[B, C, H, W]`` in [0, 1] with an antialiasing Lanczos filter, usually to a smaller size."""
    return _resize(image, size, Image.Resampling.LANCZOS).clip(0, 1)


def enlarge(image: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Resize ``[B, C, H, W]`` bilinearly, with half-pixel centers, usually to a larger size; else antialiased."""
    return _resize(image, size, Image.Resampling.BILINEAR)


def _resize(image: np.ndarray, size: Sequence[int], method: Image.Resampling) -> np.ndarray:
    height, width = size
    if image.shape[2:] == (height, width):
        return image
    resized = np.empty((*image.shape[:2], height, width), np.float32)
    for at in np.ndindex(image.shape[:2]):
        plane = Image.fromarray(np.ascontiguousarray(image[at])).resize((width, height), method)
        resized[at] = np.asarray(plane)
    return resized


def average_logits(confidence: np.ndarray, in_context: np.ndarray) -> np.ndarray:
    """Average the logits of two maps of probabilities; probabilities near 0 and 1 are clipped, as in hcl_sdk."""
    clipped = (p.clip(CERTAIN, 1 - CERTAIN) for p in (confidence, in_context))
    own, context = (np.log(p / (1 - p)) for p in clipped)
    return (1 / (1 + np.exp(-(1 - CONTEXT_SHARE) * own - CONTEXT_SHARE * context))).astype(np.float32)


def pool_mask(mask: np.ndarray, stride: int) -> np.ndarray:
    """Max-pool a mask ``[B, 1, H, W]`` to ``ceil(H / stride)`` by ``ceil(W / stride)``."""
    batch, _, height, width = mask.shape
    padded = np.pad(mask, ((0, 0), (0, 0), (0, -height % stride), (0, -width % stride)))
    blocks = padded.reshape(batch, 1, -(-height // stride), stride, -(-width // stride), stride)
    return np.asarray(blocks.any(axis=(3, 5)))
