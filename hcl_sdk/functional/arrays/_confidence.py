"""Information in a map of the probability of *corrupted* besides the mask: where it is highest, how softly it falls
off, what regions enclose, whether there is any damage at all."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from hcl_sdk.functional.arrays._boxes import Box, bound_mask
from hcl_sdk.functional.arrays._regions import label_regions, select_regions
from hcl_sdk.functional.arrays._sizes import shrink_mask

CERTAIN = 1e-4
"""Probabilities are kept at least this far from 0 and 1 when they are converted to logits."""

CONTEXT_SHARE = 1 / 3
"""Share of the smaller size in the logits of a photo that is analyzed at two sizes: it finds what needs context, but
thin damage only roughly."""

ENCLOSED = 0.15
"""Enclosed areas up to this share of a region's area may belong to it; the counters of letters have more."""

_CLEAN = -3.0  # the least logit of a verdict
_SUREST = 1000  # the inverse of the share of pixels that tell how sure a detector is of a photo
_LIKELY = 0.1  # as sure as a detector is, at least, where there may be damage
_FALLOFF = 4  # pixels of a detector's working size within which its confidence falls off


def calibrate_verdict(logit: float, confidence: NDArray[np.floating], calibration: tuple[float, float, float]) -> float:
    """Calibrate the verdict on a photo by what was found in it: a logistic regression.

    Args:
        logit: of *this photo is damaged*.
        confidence: ``[..., H, W]``, probability of *corrupted*, which does not take the verdict into account.
        calibration: the weight of ``logit``, the weight of the logit of the mean confidence in the surest thousandth of
            the pixels, and the bias.

    Returns:
        The calibrated logit, at least -3: however clean a photo seems, a higher sensitivity can find something in it.
    """
    own, found, bias = calibration
    logit = own * logit + bias
    if found:
        values = confidence.reshape(-1)
        count = -(-len(values) // _SUREST)
        surest = float(np.partition(values, len(values) - count)[-count:].mean(dtype=np.float64))
        surest = min(max(surest, CERTAIN), 1 - CERTAIN)
        logit += found * math.log(surest / (1 - surest))
    return max(logit, _CLEAN)


def find_peak(confidence: NDArray[np.floating], found: NDArray[np.bool_]) -> Box | None:
    """Find where the confidence is highest outside the regions that were found.

    Args:
        confidence: ``[H, W]``, probability of *corrupted*.
        found: ``[H, W]``, the pixels that were found. If there are any, only pixels with a confidence above 0.5 count,
            except regions that touch what was found, which are its border.

    Returns:
        The box (x, y, width, height) around the pixel with the highest confidence and the pixels connected with it
        that have more than half of it; None if there is none.
    """
    beyond = confidence > 0
    if found.any():
        shown = confidence > 0.5
        beyond = shown & ~select_regions(shown | found, found)
    values = np.where(beyond, confidence, 0)
    surest = np.unravel_index(np.argmax(values), values.shape)
    if values[surest] == 0:
        return None
    seed = np.zeros(values.shape, np.bool_)
    seed[surest] = True
    part = select_regions(values > values[surest] / 2, seed)
    rows, columns = bound_mask(part)
    return columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start


def measure_softness(confidence: NDArray[np.floating], corruption_mask: NDArray[np.bool_], threshold: float) -> float:
    """Measure the width over which a confidence falls off beyond the border of what was found.

    A detector is sure up to a hard edge; along a soft one, or one between the pixels of its working size, it hesitates:
    pixels that are neither sure nor unlikely form a band, whose width is its area divided by the length of the border.

    Args:
        confidence: ``[h, w]``, at the size that the detector worked at.
        corruption_mask: ``[H, W]`` bool, what was found in the photo.
        threshold: the threshold of the confidence with which it was found.

    Returns:
        Pixels of the photo; 0 if nothing was found. At most the 4 pixels of the working size that are looked at.
    """
    found = (confidence > threshold) & shrink_mask(corruption_mask, confidence.shape)
    eroded = cast("NDArray[np.bool_]", ndimage.binary_erosion(found, border_value=1))
    border = found & ~eroded
    if not border.any():
        return 0.0
    near = cast("NDArray[np.bool_]", ndimage.binary_dilation(found, np.ones((3, 3)), iterations=_FALLOFF))
    scale = math.sqrt(corruption_mask.size / confidence.size)
    width = float(((confidence > _LIKELY) & near & ~found).sum() / border.sum())
    return min(width, _FALLOFF) * scale  # around specks, the area is more than width times length


def fill_enclosed(confidence: NDArray[np.floating], threshold: float) -> NDArray[np.floating]:
    """Include areas that a region encloses, if they are small and not surely part of the photo.

    A detector that knows the border of a logo may miss its plain inside. An enclosed area belongs to the region if it
    has at most ``ENCLOSED`` times its area, and on average a confidence of at least half the threshold. Neither is true
    of the photo inside a circle that somebody has drawn, or inside a large letter.

    Args:
        confidence: ``[h, w]``, at the size that the detector worked at.
        threshold: the threshold of the confidence with which regions are found.

    Returns:
        ``[h, w]``: like ``confidence``, but 1 in the areas that were included.
    """
    found = confidence > threshold
    if not found.any():
        return confidence
    box = bound_mask(found)
    filled = confidence.copy()
    filled[box] = _fill_enclosed(confidence[box], threshold)
    return filled


def _fill_enclosed(confidence: NDArray[np.floating], threshold: float) -> NDArray[np.floating]:
    regions, areas = label_regions(confidence > threshold)
    # Gaps that touch only at a corner are separate: regions are connected there.
    gaps = np.zeros(regions.shape, np.int32)
    count = int(ndimage.label(regions == 0, output=gaps))  # pyright: ignore[reportArgumentType]
    outermost = np.unique(np.concatenate([gaps[0], gaps[-1], gaps[:, 0], gaps[:, -1], [0]]))
    inside = np.setdiff1d(np.arange(count + 1), outermost)
    flat = gaps.ravel()
    firsts = np.zeros(count + 1, np.intp)
    firsts[flat[::-1]] = np.arange(flat.size)[::-1]  # of a gap's pixels, row by row; above it is the region around it
    outer = regions.ravel()[firsts[inside] - regions.shape[1]]
    extents, sums = np.bincount(flat, minlength=count + 1), np.bincount(flat, confidence.ravel(), minlength=count + 1)
    small = extents[inside] <= ENCLOSED * areas[outer - 1]
    enclosed = np.zeros(count + 1, np.bool_)
    enclosed[inside] = small & (sums[inside] >= threshold / 2 * extents[inside])
    return np.where(enclosed[gaps], 1, confidence)
