"""From confidence to mask with two thresholds."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hcl_sdk.functional.arrays import select_regions


def hysteresis_mask(confidence: Tensor, threshold: float, peak_threshold: float, *, min_area: float = 0.0) -> Tensor:
    """The connected regions above a threshold that rise above a second one somewhere.

    Whether there is damage is decided per region, where its border runs is decided per pixel (hysteresis
    thresholding; Canny, "A Computational Approach to Edge Detection", TPAMI 1986, section VII). Pixels that touch at a
    side or a corner belong together.

    Args:
        confidence: ``[B, 1, H, W]``, probability of *corrupted*.
        threshold: pixels with ``confidence > threshold`` make up the regions.
        peak_threshold: a region counts if it has a pixel with ``confidence > peak_threshold``; where this is not the
            higher of the two, it has no effect.
        min_area: nor does a region count that has less than this share of the pixels.

    Returns:
        ``[B, 1, H, W]`` bool on the device of ``confidence``.

    Raises:
        TypeError, ValueError: if ``confidence`` is not such a tensor.

    Example:
        >>> hysteresis_mask(torch.tensor([[[[0.6, 0.6, 0.1, 0.6, 0.9]]]]), 0.5, 0.8)
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
