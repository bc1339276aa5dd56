"""What hcl_sdk does with images and masks around a model, on numpy arrays.

Images are float32 ``[B, 3, H, W]`` in [0, 1] and masks bool ``[B, 1, H, W]``, True = corrupted, as in hcl_sdk.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import ndimage


def working_size(size: Sequence[int], shorter: int | None) -> tuple[int, int]:
    """``size`` shrunk until its shorter side is at most ``shorter`` pixels."""
    height, width = size
    if shorter is None or min(height, width) <= shorter:
        return height, width
    scale = shorter / min(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def hysteresis_mask(confidence: np.ndarray, threshold: float, peak_threshold: float) -> np.ndarray:
    """The connected regions ``[H, W]`` above a threshold that rise above a second one somewhere."""
    above = confidence > threshold
    labels, count = ndimage.label(above, structure=np.ones((3, 3)))  # pyright: ignore[reportGeneralTypeIssues]
    has_peak = np.zeros(count + 1, dtype=np.bool_)
    has_peak[labels[above & (confidence > peak_threshold)]] = True
    return has_peak[labels]


def shrink(image: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Resize ``[B, C, H, W]`` in [0, 1] to a smaller size with an antialiasing Lanczos filter, as PyTorch does it."""
    for axis, to in zip((2, 3), size, strict=True):
        extent = image.shape[axis]
        if to == extent:
            continue
        scale = extent / to
        filter_scale = max(scale, 1.0)
        support = 3 * filter_scale
        center = (np.arange(to) + 0.5) * scale
        first = np.maximum((center - support + 0.5).astype(np.int64), 0)
        last = np.minimum((center + support + 0.5).astype(np.int64), extent)
        tap = first[:, None] + np.arange((last - first).max())
        distance = (tap - center[:, None] + 0.5) / filter_scale
        weight = np.sinc(distance) * np.sinc(distance / 3) * (np.abs(distance) < 3) * (tap < last[:, None])
        weight = (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)
        image = _weighted(image, axis, np.minimum(tap, extent - 1), weight)
    return image.clip(0, 1)


def enlarge(image: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Resize ``[B, C, H, W]`` bilinearly, with half-pixel centers."""
    for axis, to in zip((2, 3), size, strict=True):
        extent = image.shape[axis]
        if to == extent:
            continue
        at = np.maximum((np.arange(to, dtype=np.float32) + 0.5) * np.float32(extent / to) - 0.5, 0)
        low = np.minimum(at.astype(np.int64), extent - 1)
        share = (at - low).astype(np.float32)
        taps = np.stack([low, np.minimum(low + 1, extent - 1)], axis=1)
        image = _weighted(image, axis, taps, np.stack([1 - share, share], axis=1))
    return image


def _weighted(image: np.ndarray, axis: int, taps: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The sums of the pixels ``taps`` ``[to, T]`` along an axis, times ``weight`` ``[to, T]``."""
    shape = [1] * image.ndim
    shape[axis] = len(taps)
    total = 0
    for tap, factor in zip(taps.T, weight.T, strict=True):
        total = total + image.take(tap, axis=axis) * factor.reshape(shape)
    return np.asarray(total, dtype=np.float32)


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


def feathered_alpha(mask: np.ndarray, dilate: float, feather: float) -> np.ndarray:
    """How much of the restored picture every pixel ``[H, W]`` gets.

    Exactly 1 within ``dilate`` pixels of the mask (Euclidean), exactly 0 from ``dilate + feather`` on, half a cosine
    wave in between.
    """
    alpha = np.zeros(mask.shape, np.float32)
    reach = math.ceil(dilate + feather)
    box = around(mask, reach)
    if box is None:
        return alpha
    distance = _distance(mask[box], reach)
    weight = (distance <= dilate).astype(np.float64)
    rim = (distance > dilate) & (distance < dilate + feather)
    weight[rim] = 0.5 + 0.5 * np.cos(np.pi * (distance[rim] - dilate) / feather)
    alpha[box] = weight
    return alpha


def around(mask: np.ndarray, margin: int | None = None) -> tuple[slice, slice] | None:
    """The box around the True pixels of ``[H, W]``, wider by ``margin`` on every side; None if there are none.

    Without a margin it is wider by its own size, at least 64 pixels: what a restorer gets to see.
    """
    if not mask.any():
        return None
    slices = []
    for axis in (1, 0):
        inside = np.flatnonzero(mask.any(axis=axis))
        first, last = int(inside[0]), int(inside[-1]) + 1
        wider = max(64, last - first) if margin is None else margin
        slices.append(slice(max(0, first - wider), min(mask.shape[1 - axis], last + wider)))
    return slices[0], slices[1]


def _distance(mask: np.ndarray, reach: int) -> np.ndarray:
    """Euclidean distance from the nearest True pixel; infinite beyond ``reach`` along a row or column."""
    far = np.where(mask, 0.0, np.inf)
    for axis in (0, 1):
        nearest = far.copy()
        for by in range(1, min(reach, far.shape[axis] - 1) + 1):
            ahead, behind = [slice(None)] * 2, [slice(None)] * 2
            ahead[axis], behind[axis] = slice(by, None), slice(None, -by)
            for here, there in ((ahead, behind), (behind, ahead)):
                np.minimum(nearest[tuple(here)], far[tuple(there)] + by**2, out=nearest[tuple(here)])
        far = nearest
    return np.sqrt(far)
