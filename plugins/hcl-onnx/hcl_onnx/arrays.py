"""Images and masks at other sizes, as PyTorch makes them, on numpy arrays.

Images are float32 ``[B, C, H, W]`` and masks bool ``[B, 1, H, W]``, True = corrupted, as in hcl_sdk.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image


def shrink(image: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Resize ``[B, C, H, W]`` in [0, 1] to a smaller size with an antialiasing Lanczos filter."""
    return _resize(image, size, Image.Resampling.LANCZOS).clip(0, 1)


def enlarge(image: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Resize ``[B, C, H, W]`` to a larger size, bilinearly, with half-pixel centers."""
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


def average_logits(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Two maps of probabilities as one: the mean of their logits, which are kept within those of 0.0001 and 0.9999."""
    total = sum(np.log(p / (1 - p)) for p in (np.clip(first, 1e-4, 1 - 1e-4), np.clip(second, 1e-4, 1 - 1e-4)))
    return (1 / (1 + np.exp(-total / 2))).astype(np.float32)


def shrink_mask(mask: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """A mask ``[B, 1, H, W]`` at a smaller size, True where any pixel under it is."""
    for axis, to in zip((2, 3), size, strict=True):
        extent = mask.shape[axis]
        if to == extent:
            continue
        first = np.arange(to) * extent // to
        last = -(-(np.arange(to) + 1) * extent // to)
        taps = np.minimum(first[:, None] + np.arange((last - first).max()), last[:, None] - 1)
        pooled = np.zeros_like(mask.take(taps[:, 0], axis=axis))
        for tap in taps.T:
            pooled |= mask.take(tap, axis=axis)
        mask = pooled
    return mask


def pool_mask(mask: np.ndarray, stride: int) -> np.ndarray:
    """A mask ``[B, 1, H, W]`` at ``ceil(H / stride)`` by ``ceil(W / stride)``: any True pixel counts."""
    batch, _, height, width = mask.shape
    padded = np.pad(mask, ((0, 0), (0, 0), (0, -height % stride), (0, -width % stride)))
    blocks = padded.reshape(batch, 1, -(-height // stride), stride, -(-width // stride), stride)
    return np.asarray(blocks.any(axis=(3, 5)))
