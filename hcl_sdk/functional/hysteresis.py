"""From confidence to mask with two thresholds."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor


def hysteresis_mask(confidence: Tensor, threshold: float, peak_threshold: float) -> Tensor:
    """The connected regions above a threshold that rise above a second one somewhere.

    Whether there is something is asked of a region as a whole, where its border runs of each pixel (hysteresis
    thresholding; Canny, "A Computational Approach to Edge Detection", TPAMI 1986, section VII). Pixels that touch at a
    side or a corner belong together.

    Args:
        confidence: ``[B, 1, H, W]``, probability of *corrupted*.
        threshold: pixels with ``confidence > threshold`` make up the regions.
        peak_threshold: a region counts if it has a pixel with ``confidence > peak_threshold``; where this is not the
            higher of the two, it has no effect.

    Returns:
        ``[B, 1, H, W]`` bool on the device of ``confidence``.

    Example:
        >>> hysteresis_mask(torch.tensor([[[[0.6, 0.6, 0.1, 0.6, 0.9]]]]), 0.5, 0.8)
        tensor([[[[False, False, False,  True,  True]]]])
    """
    above = confidence > threshold
    if peak_threshold <= threshold:
        return above
    regions, peaks = above[:, 0].cpu().numpy(), (confidence > peak_threshold)[:, 0].cpu().numpy()
    kept = [_with_peak(*pair) for pair in zip(regions, peaks, strict=True)]
    return torch.from_numpy(np.stack(kept)[:, None]).to(confidence.device)


def _with_peak(above: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    labels = np.zeros(above.shape, np.int32)
    count = int(ndimage.label(above, structure=np.ones((3, 3)), output=labels))  # pyright: ignore[reportArgumentType]
    has_peak = np.zeros(count + 1, dtype=np.bool_)
    has_peak[labels[peaks]] = True  # peaks lie above: the label of the rest, 0, is not among them
    return has_peak[labels]
