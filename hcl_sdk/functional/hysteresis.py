"""From confidence to mask with two thresholds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from hcl_sdk._renamed import redirect
from hcl_sdk.functional.arrays import Window, cut_bands, select_regions
from hcl_sdk.functional.resize import enlarge_part


def apply_hysteresis_threshold(
    confidence: Tensor, threshold: float, peak_threshold: float, *, min_area: float = 0.0
) -> Tensor:
    """Return the connected regions above a threshold that exceed a second one somewhere.

    Regions determine whether there is damage, and pixels where its border runs (hysteresis thresholding; Canny, "A
    Computational Approach to Edge Detection", TPAMI 1986, section VII). Pixels that touch at a side or a corner are
    connected.

    Args:
        confidence: ``[B, 1, H, W]``, probability of *corrupted*.
        threshold: pixels with ``confidence > threshold`` make up the regions.
        peak_threshold: a region counts if it has a pixel with ``confidence > peak_threshold``; if this is not the
            higher of the two, it has no effect.
        min_area: a region must also cover at least this share of the pixels, in [0, 1].

    Returns:
        ``[B, 1, H, W]`` bool on the device of ``confidence``.

    Raises:
        TypeError, ValueError: if ``confidence`` is not such a tensor.

    Example:
        >>> apply_hysteresis_threshold(torch.tensor([[[[0.6, 0.6, 0.1, 0.6, 0.9]]]]), 0.5, 0.8)
        tensor([[[[False, False, False,  True,  True]]]])
    """
    if not isinstance(confidence, Tensor):
        raise TypeError(f"confidence must be a tensor [B, 1, H, W]; got {type(confidence).__name__}")
    if confidence.ndim != 4 or confidence.shape[1] != 1:
        raise ValueError(f"confidence must be [B, 1, H, W]; got shape {tuple(confidence.shape)}")
    above = confidence > threshold
    if peak_threshold <= threshold and min_area <= 0:
        return above
    peaks = (confidence > peak_threshold)[:, 0].cpu().numpy()
    selected = np.empty(confidence.shape, np.bool_)
    for i, mask in enumerate(above[:, 0].cpu().numpy()):
        selected[i, 0] = select_regions(mask, peaks[i] | (peak_threshold <= threshold), min_area)
    return torch.from_numpy(selected).to(confidence.device)


def threshold_enlarged(
    confidence: Tensor,
    size: Sequence[int],
    threshold: float,
    peak_threshold: float,
    *,
    min_area: float = 0.0,
    inside: Window | None = None,
) -> Tensor:
    """Apply hysteresis thresholding to a confidence enlarged like :func:`enlarge_part`, without holding it as a whole.

    Args:
        confidence: ``[1, 1, h, w]`` on the CPU.
        size: height and width of the mask.
        threshold, peak_threshold, min_area: as in :func:`apply_hysteresis_threshold`.
        inside: rows and columns outside which nothing counts; None for the whole mask.

    Returns:
        ``[1, 1, *size]`` bool, True = corrupted.
    """
    above = _find_above(confidence, size, threshold)
    if inside is not None:
        kept = np.zeros_like(above)
        kept[inside] = above[inside]
        above = kept
    if peak_threshold > threshold or min_area > 0:
        peaks = _find_above(confidence, size, peak_threshold) if peak_threshold > threshold else above
        above = select_regions(above, peaks, min_area)
    return torch.from_numpy(above)[None, None]


def _find_above(confidence: Tensor, size: Sequence[int], threshold: float) -> np.ndarray:
    """Find where the enlarged confidence exceeds a threshold, ``size`` bool."""
    height, width = size
    above = np.zeros((height, width), np.bool_)
    # Between values that do not exceed it, with a margin for rounding, nothing exceeds it.
    highest = confidence[0, 0].amax(dim=1).double()
    for rows in cut_bands(height, width):
        low, high = (int(y * confidence.shape[-2] / height) for y in (rows.start, rows.stop))
        if highest[max(0, low - 1) : high + 2].amax() > threshold - 1e-6:
            above[rows] = (enlarge_part(confidence, size, (rows, slice(0, width)))[0, 0] > threshold).numpy()
    return above


redirect(__name__, {"hysteresis_mask": "apply_hysteresis_threshold"})
