"""Probabilities of *corrupted* that follow a veil: strokes of one color and one opacity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from hcl_sdk.functional.arrays._boxes import widen
from hcl_sdk.functional.arrays._confidence import CERTAIN
from hcl_sdk.functional.arrays._regions import dilate_mask, label_regions

_JOINED = 10  # pixels up to which what was found belongs to one veil
_AROUND = 48  # pixels around what is found in which the veil may go on
_LEAST = 40  # pixels that determine a veil
_WIDEST = 16  # half the width of a stroke, at most: the photo under a wider one is not known from beside it
_MOST = 0.5  # times its area, by which what was found grows; beyond, the photo has lines like these too
_GROUPS = 64  # of found regions, the largest ones, so that a photo full of specks takes no longer
_ROUNDS = 4
_OPACITIES = np.arange(0.06, 0.96, 0.03)
_VEIL = (0.08, 0.9)  # opacities: less is not seen, more is not looked through
_COVERED = 0.25  # share of a pixel under the veil from which on it is corrupted
_NOISE = 0.012  # of a photo, in [0, 1]
_MOST_NOISE = 0.15
_EXPLAINED = 1.0  # mean gain of the logarithm of the likelihood by the veil in what was found, at least
_LIKELIEST = 10.0  # bound of that logarithm
_TEMPER = 0.25  # of its weight: neighboring pixels are not independent
_BESIDE = 0.2  # factor of what remains of the probability beside a veil, whose edges are hard: not a soft edge
_UNLIKELIEST = -4.0  # logit of a pixel near a veil, at least, whatever the detector says


def follow_veils(
    confidence: NDArray[np.floating], image: NDArray[np.floating], threshold: float
) -> NDArray[np.floating]:
    """Judge the pixels in and around thin regions that were found by whether one veil explains them.

    Of a translucent watermark, a detector finds some letters, and more than their strokes. All of it has one color
    ``c`` and one opacity ``a``: seen is ``(1 - a) photo + a c``. Both are estimated from what was found, with the local
    mean of what lies beside it as the photo, and each pixel's odds are multiplied by how much likelier it is with the
    veil than without it (expectation maximization: Dempster, Laird and Rubin, 1977; the photo's deviation from its mean
    is normally distributed, with its local variance). Where no veil explains what was found, nothing changes.

    Args:
        confidence: ``[h, w]``, probability of *corrupted*.
        image: ``[3, h, w]``, RGB in [0, 1].
        threshold: regions are found where ``confidence > threshold``.

    Returns:
        ``[h, w]``: like ``confidence`` but for veils, where it is higher in strokes and lower beside them.
    """
    found = confidence > threshold
    if not found.any() or found.all():
        return confidence
    followed = confidence.copy()
    groups, count = cast("tuple[NDArray[np.int32], int]", ndimage.label(dilate_mask(found, _JOINED // 2)))
    areas = np.bincount(groups[found], minlength=count + 1)
    places = ndimage.find_objects(groups)
    for number in np.argsort(-areas, kind="stable")[:_GROUPS]:
        if areas[number] < _LEAST:
            break
        around = places[number - 1]
        own = found[around] & (groups[around] == number)
        half_width = _measure_half_width(own)
        if half_width > _WIDEST:
            continue
        margin = _AROUND + round(3 * half_width)
        box = (widen(around[0], margin, found.shape[0]), widen(around[1], margin, found.shape[1]))
        own = found[box] & (groups[box] == number)
        others = found[box] & ~own
        judged = _explain(confidence[box], image[:, *box], own, half_width)
        if judged is not None:
            followed[box] = _accept(judged, followed[box], own, others, threshold)
    return followed


def _accept(
    judged: NDArray[np.floating],
    followed: NDArray[np.floating],
    own: NDArray[np.bool_],
    others: NDArray[np.bool_],
    threshold: float,
) -> NDArray[np.floating]:
    """Accept what a veil says about the regions ``own`` and the pixels around them, unless it is a false alarm."""
    near = dilate_mask(own | (judged > threshold), _AROUND) & ~others
    judged = np.where(judged > threshold, judged, _BESIDE * judged)
    judged = np.where(own, judged, np.maximum(judged, followed))
    regions, areas = label_regions(near & (judged > threshold))
    specks = np.concatenate([[False], areas < _LEAST])
    specks[regions[own]] = False
    near &= ~specks[regions]  # no letters, but lights of the color of the veil
    new = near & ~own & (judged > threshold)
    return followed if new.sum() > _MOST * own.sum() else np.where(near, judged, followed)


@dataclass(frozen=True, kw_only=True)
class _Veil:
    """A veil: its opacity in [0, 1], and its color ``[3, 1]`` in [0, 1]."""

    opacity: float
    color: NDArray[np.floating]


def _explain(
    confidence: NDArray[np.floating], image: NDArray[np.floating], found: NDArray[np.bool_], half_width: float
) -> NDArray[np.floating] | None:
    """Estimate the veil in what was found; return the probability of every pixel, or None if there is no veil."""
    clipped = np.clip(confidence, CERTAIN, 1 - CERTAIN)
    logit = np.maximum(np.log(clipped / (1 - clipped)), _UNLIKELIEST)
    probability, where = confidence, found
    veil, ratio = _Veil(opacity=0.0, color=np.zeros((3, 1))), np.zeros_like(confidence)
    for _ in range(_ROUNDS):
        near = dilate_mask(where, _AROUND)
        photo = _blur(image, np.clip(1 - 1.2 * probability, 0.02, 1), half_width)
        veiled = where & (probability > 0.3)
        if veiled.sum() < _LEAST:
            return None
        veil = _fit(image[:, veiled] - photo[:, veiled], photo[:, veiled], probability[veiled])
        ratio = _compare(image, photo, veil, probability, half_width)
        probability = np.where(near, 1 / (1 + np.exp(-logit - _TEMPER * ratio)), confidence).astype(confidence.dtype)
        where = near & (probability > 0.5)
    # What was found consists of the veil and pixels beside it.
    explained = float(np.mean(np.logaddexp(0, ratio[found]) - np.log(2)))
    if explained < _EXPLAINED or not _VEIL[0] < veil.opacity < _VEIL[1]:
        return None
    return probability


def _fit(difference: NDArray[np.floating], photo: NDArray[np.floating], weights: NDArray[np.floating]) -> _Veil:
    """Fit a veil to the difference ``[3, N]`` that it makes to a photo ``[3, N]``, by weighted least squares."""
    weights = weights / weights.sum()
    mean = (difference * weights).sum(axis=1), (photo * weights).sum(axis=1)
    veils = [
        _Veil(opacity=float(a), color=np.clip(mean[0] / a + mean[1], 0, 1)[:, None].astype(photo.dtype))
        for a in _OPACITIES
    ]
    return min(veils, key=lambda v: (np.square(difference - v.opacity * (v.color - photo)) * weights).sum())


def _compare(
    image: NDArray[np.floating],
    photo: NDArray[np.floating],
    veil: _Veil,
    probability: NDArray[np.floating],
    half_width: float,
) -> NDArray[np.floating]:
    """Compute the logarithm of how much likelier each pixel is with a veil than without it, ``[h, w]``."""
    step = veil.opacity * (veil.color[..., None] - photo)
    contrast = np.square(step).sum(axis=0)
    along = ((image - photo) * step).sum(axis=0)
    nearest = np.minimum(np.abs(along), np.abs(along - contrast))  # of both explanations
    spread = np.minimum(np.square(nearest) / np.maximum(contrast, 1e-6), _MOST_NOISE**2)
    variance = _blur(spread[None], np.maximum(1 - probability, 0.01), 1.5 * half_width)[0] + _NOISE**2
    ratio = np.clip((along - _COVERED * contrast) / variance, -_LIKELIEST, _LIKELIEST)
    return ndimage.gaussian_filter(ratio, 0.8)


def _blur(image: NDArray[np.floating], weights: NDArray[np.floating], sigma: float) -> NDArray[np.floating]:
    """Compute the local weighted mean of ``[c, h, w]``, a Gaussian, at a size at which ``sigma`` is a pixel or two."""
    step = max(1, int(sigma / 1.25))
    shrunk = [
        ndimage.gaussian_filter(_shrink(part, step), (0, sigma / step, sigma / step), mode="nearest", truncate=3)
        for part in (image * weights, weights[None])
    ]
    return _enlarge(shrunk[0] / shrunk[1], step, image.shape[1:])


def _shrink(image: NDArray[np.floating], step: int) -> NDArray[np.floating]:
    """Average ``[c, h, w]`` over squares of ``step`` pixels; the last ones are extended by their last pixels."""
    height, width = image.shape[1:]
    padded = np.pad(image, ((0, 0), (0, -height % step), (0, -width % step)), mode="edge")
    return padded.reshape(len(image), -(-height // step), step, -(-width // step), step).mean((2, 4))


def _enlarge(image: NDArray[np.floating], step: int, size: Sequence[int]) -> NDArray[np.floating]:
    """Undo :func:`_shrink`, with linear interpolation."""
    for axis in (1, 2):
        at = np.clip((np.arange(size[axis - 1]) + 0.5) / step - 0.5, 0, image.shape[axis] - 1).astype(image.dtype)
        before = at.astype(np.intp)
        after = np.minimum(before + 1, image.shape[axis] - 1)
        share = (at - before).reshape((-1, 1) if axis == 1 else (-1,))
        image = image.take(before, axis) * (1 - share) + image.take(after, axis) * share
    return image


def _measure_half_width(mask: NDArray[np.bool_]) -> float:
    """Measure half the width of the strokes of a mask: the distance from its border of all but the deepest tenth."""
    depth = cast("NDArray[np.floating]", ndimage.distance_transform_edt(np.pad(mask, 1)))[1:-1, 1:-1]
    return float(np.quantile(depth[mask], 0.9))
