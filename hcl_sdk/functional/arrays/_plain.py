"""Plain areas inside what was found, such as a disk inside a logo."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from hcl_sdk.functional.arrays._boxes import Window, widen
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
    for area, region, box in find_gaps(found):
        size = int(area.sum())
        if not _SMALLEST <= size <= int(region.sum()):
            continue
        color = _find_color(image[:, box[0], box[1]][:, area], area)
        if color is not None and not _continues(image, color, found, region | area, box):
            filled = filled.copy() if filled is confidence else filled
            filled[box][area] = 1
    return filled


def _find_color(colors: NDArray[np.floating], area: NDArray[np.bool_]) -> NDArray[np.floating] | None:
    """Find the color of an area of ``[h, w]``, whose own are ``[3, n]``; None unless it is plain off its border."""
    inner = np.asarray(ndimage.binary_erosion(area), np.bool_)[area]
    colors = colors[:, inner] if inner.any() else colors
    return np.median(colors, axis=1) if colors.std(axis=1).max() <= _PLAIN else None


def _continues(
    image: NDArray[np.floating],
    color: NDArray[np.floating],
    found: NDArray[np.bool_],
    solid: NDArray[np.bool_],
    box: Window,
) -> bool:
    """Tell whether a color is found around a region, which ``solid`` shows with its areas, ``[h, w]`` in a box."""
    wide = widen(box[0], _AROUND, found.shape[0]), widen(box[1], _AROUND, found.shape[1])
    inside = np.zeros(found.shape, np.bool_)[wide]
    inside[box[0].start - wide[0].start :, box[1].start - wide[1].start :][: solid.shape[0], : solid.shape[1]] = solid
    around = dilate_mask(inside, _AROUND) & ~dilate_mask(inside, _BORDER) & ~found[wide]
    if not around.any():
        return True
    apart = np.abs(image[:, wide[0], wide[1]][:, around] - color[:, None]).max(axis=0)
    return bool((apart <= _ALIKE).mean() > _SHARE)
