"""Plain areas inside what was found, such as a disk inside a logo."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from hcl_sdk.functional.arrays._boxes import shift, widen
from hcl_sdk.functional.arrays._regions import dilate_mask, find_gaps

_SMALLEST = 16  # pixels of an area, of which its border may be mixed with other colors
_PLAIN = 0.03  # standard deviation of a channel in a plain area, at most
_ALIKE = 0.15  # difference of two colors in a channel, at most, with which they may be the same surface
_AROUND = 10  # pixels around a region that show what it lies on
_BORDER = 2  # pixels beside it that may belong to either side
_SHARE = 0.05  # of these pixels that may be alike, at most


def fill_plain(confidence: NDArray[np.floating], image: NDArray[np.floating], threshold: float) -> NDArray[np.floating]:
    """Include plain areas that a region encloses and that do not continue around it.

    A detector may find the border of a logo and overlook a plain disk in it. An enclosed area belongs to the region if
    it is no larger, has one color, and nearly nothing within 10 pixels around the region has this color. The photo
    inside a circle that somebody has drawn is hardly plain, and inside a letter it is as around it.

    Args:
        confidence: ``[h, w]``, probability of *corrupted*.
        image: ``[3, h, w]``, RGB in [0, 1].
        threshold: regions are found where ``confidence > threshold``.

    Returns:
        ``[h, w]``: like ``confidence``, but 1 in the areas that were included.
    """
    found = confidence > threshold
    if not found.any():
        return confidence
    filled = confidence
    for gap, at, region, box in find_gaps(found):
        if not _SMALLEST <= int(gap.sum()) <= int(region.sum()):
            continue
        color = _find_color(image[:, *at], gap)
        if color is None:
            continue
        wide = widen(box[0], _AROUND, found.shape[0]), widen(box[1], _AROUND, found.shape[1])
        solid = np.zeros((wide[0].stop - wide[0].start, wide[1].stop - wide[1].start), np.bool_)
        solid[shift(box, wide)] = region
        solid[shift(at, wide)] |= gap
        if not _continues(color, image[:, *wide], found[wide], solid):
            filled = filled.copy() if filled is confidence else filled
            filled[at][gap] = 1
    return filled


def _find_color(image: NDArray[np.floating], area: NDArray[np.bool_]) -> NDArray[np.floating] | None:
    """Find the color ``[3]`` of an area of an image; None unless it is plain off its border."""
    inner = np.asarray(ndimage.binary_erosion(area), np.bool_)
    colors = image[:, inner if inner.any() else area]
    return np.median(colors, axis=1) if colors.std(axis=1).max() <= _PLAIN else None


def _continues(
    color: NDArray[np.floating], image: NDArray[np.floating], found: NDArray[np.bool_], solid: NDArray[np.bool_]
) -> bool:
    """Tell whether an image ``[3, h, w]`` has a color around a region, which ``solid`` shows with its gap."""
    around = dilate_mask(solid, _AROUND) & ~dilate_mask(solid, _BORDER) & ~found
    if not around.any():
        return True
    apart = np.abs(image[:, around] - color[:, None]).max(axis=0)
    return bool((apart <= _ALIKE).mean() > _SHARE)
