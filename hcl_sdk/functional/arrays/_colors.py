"""Probabilities of *corrupted* that follow the colors of a photo."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from hcl_sdk.functional.arrays._boxes import bound_mask, surround
from hcl_sdk.functional.arrays._confidence import CERTAIN
from hcl_sdk.functional.arrays._regions import dilate_mask, label_regions

_AROUND = 40  # pixels around what was found in which colors are compared
_BORDER = 2  # pixels beside what was found that may belong to either side
_LEVELS = 16  # of each color channel in a histogram
_SMOOTHING = 0.7  # of a histogram, in levels
_RAREST = 1e-4  # share that a color is taken to have, at least
_EVIDENCE = np.e  # times as frequent as beside them that a color must be in the regions that were found
_MOST = 2  # times its area, by which a region grows


def follow_colors(
    confidence: NDArray[np.floating], image: NDArray[np.floating], threshold: float
) -> NDArray[np.floating]:
    """Let regions that were found continue over connected pixels of their own colors.

    A detector may find most of a pen stroke or a caption and hesitate about the rest, which is of the same ink. Its
    odds are multiplied by how much more frequent a pixel's color is in what was found than in the photo within 40
    pixels (Bayes' rule with histograms of 16 x 16 x 16 colors, as in Boykov and Jolly, "Interactive Graph Cuts", ICCV
    2001, section 3), where that exceeds the threshold and connects with a region. The result is at most the highest
    confidence in the region. One that would more than triple stays as it is: then the photo has these colors too.

    Args:
        confidence: ``[h, w]``, probability of *corrupted*.
        image: ``[3, h, w]``, RGB in [0, 1].
        threshold: regions are found where ``confidence > threshold``.

    Returns:
        ``[h, w]``: like ``confidence``, but higher, above ``threshold``, where regions continue.
    """
    found = confidence > threshold
    if not found.any() or found.all() or threshold <= 0:
        return confidence
    box = surround(bound_mask(found), found.shape, most=_AROUND)
    followed = confidence.copy()
    followed[box] = _follow_colors(confidence[box], image[:, box[0], box[1]], found[box], threshold)
    return followed


def _follow_colors(
    confidence: NDArray[np.floating], image: NDArray[np.floating], found: NDArray[np.bool_], threshold: float
) -> NDArray[np.floating]:
    beside = dilate_mask(found, _AROUND) & ~dilate_mask(found, _BORDER)
    if not beside.any():
        return confidence
    levels = np.minimum((image * _LEVELS).astype(np.intp), _LEVELS - 1)
    colors = (levels[0] * _LEVELS + levels[1]) * _LEVELS + levels[2]
    inside = _count_colors(colors[found], confidence[found])
    ratios = (inside / _count_colors(colors[beside], 1 - confidence[beside]))[colors]
    odds = np.clip(confidence, CERTAIN, 1 - CERTAIN)
    odds = odds / (1 - odds) * ratios
    likely = (odds / (1 + odds)).astype(confidence.dtype)
    regions, areas = label_regions(found | ((likely > threshold) & (ratios > _EVIDENCE)))
    before = np.bincount(regions[found], minlength=areas.size + 1)[1:]
    grows = np.concatenate([[False], areas - before <= _MOST * before])
    peaks = np.zeros(areas.size + 1, confidence.dtype)
    np.maximum.at(peaks, regions[found], confidence[found])
    return np.where(grows[regions] & ~found, np.minimum(likely, peaks[regions]), confidence)


def _count_colors(colors: NDArray[np.intp], weights: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the smoothed share of each color."""
    counts = np.bincount(colors, weights, _LEVELS**3).reshape((_LEVELS,) * 3)
    shares = ndimage.gaussian_filter(counts / max(counts.sum(), 1e-12), _SMOOTHING, mode="nearest").ravel()
    return shares + _RAREST
