"""Removing veils: semi-transparent damage, through which the photo can still be seen.

A veil mixes in a color: ``seen = m (g * photo + b) + (1 - m) photo``, with a transmission ``g`` below 1, an offset
``b`` that is constant or changes linearly over the region, and a share ``m`` that falls to 0 in a soft edge. With a
neutral ``g`` that is alpha compositing with ``alpha = m (1 - g)`` and the color ``b / (1 - g)`` (Porter and Duff,
"Compositing Digital Images", SIGGRAPH 1984, section 4); with a ``g`` for each channel and ``b = 0`` it is what a
highlighter does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from hcl_sdk.functional.arrays import stretch_membrane
from hcl_sdk.functional.masks import check_mask

_Array = NDArray[np.float64]

JOINED = 6
"""Regions up to this many pixels apart belong to one veil, such as the letters of a word."""

LEAST_PIXELS = 64
"""The minimum number of pixels of a veil; fewer do not determine it."""

LEAST_EXPLAINED = 0.3
"""The share of a region's variance that a veil must explain; foreign content follows the photo less."""

TRANSMISSION = (0.2, 0.97)
"""The range of a veil's transmission: below, inverting it multiplies noise by more than 5; above, there is no veil."""

_LEAST_SHARE = 0.02

_NOISE = (1.5 / 255) ** 2  # variance, of a JPEG of good quality

EDGE = 4
"""Pixels on either side of the border of the mask within which the share of the veil changes."""

BAND = 5
"""Pixels inwards from the border of the mask in which a large veil is estimated: fills are less reliable farther in."""

LEAST_DETAIL = 0.3
"""The minimum detail seen through a veil, relative to its surroundings: neither blur nor a mosaic is a veil."""

MOST_IMPOSSIBLE = 0.02
"""The maximum share of pixels that removing a veil may make darker than black or brighter than white."""

_ACROSS = 2.5  # pixels from the border of a mask to where a stroke, and the photo beside it, are seen whole
_PAIRED = (0.35, 0.92)  # the range of the transmission of strokes: less may be a blurred opaque line
_PAIRS = 0.003  # variance from which on a pair of pixels counts less
_MOST_USUAL = 0.02  # variance from which on a pair says no more about how plain a photo is
_PLAIN = 2e-4  # variance between neighbors, of which fills have less
_LEAST_GAIN = 0.8  # of the mean logarithm of the error, by a veil
_CERTAIN = 0.1  # how far the share of a veil may be from 0 or 1 next to a hard edge
_OVERSHOOT = 0.1  # beyond black and white, where inverting may take noise


def remove_veils(image: Tensor, corruption_mask: Tensor, fill: Tensor) -> tuple[Tensor, Tensor]:
    """Remove veils where that is well-conditioned.

    The fill stands in for the photo under the veil, and the visible pixels are fitted as a linear function of it by
    least squares: a restorer trained on absolute or squared differences predicts a mean of what could be there.

    Args:
        image: ``[B, 3, H, W]`` in [0, 1].
        corruption_mask: ``[B, 1, H, W]`` bool, True = corrupted.
        fill: ``[B, 3, H, W]`` in [0, 1], a restorer's output for the hole.

    Returns:
        The image without its veils, and the mask of what remains to be filled. Up to a few pixels beyond the mask are
        changed where a veil has a soft edge.

    Raises:
        TypeError: if the mask is not bool.
        ValueError: if the shapes do not match.
    """
    check_mask(corruption_mask)
    if not image.shape == fill.shape == (len(corruption_mask), 3, *corruption_mask.shape[-2:]):
        raise ValueError(
            f"image and fill must be [B, 3, H, W] and the mask [B, 1, H, W]; got {list(image.shape)}, "
            f"{list(fill.shape)} and {list(corruption_mask.shape)}"
        )
    unveiled, rest = image.clone(), corruption_mask.clone()
    for i, mask in enumerate(corruption_mask[:, 0].cpu().numpy()):
        seen, guess = (x[i].permute(1, 2, 0).cpu().double().numpy() for x in (image, fill))
        if not mask.any():
            continue
        for box, region in _find_veils(seen, guess, mask):
            found, done = _remove_one(seen[box], guess[box], region), region
            if found is None:
                found = _uncover_strokes(seen[box], guess[box], region)
                if found is None:
                    continue
                done = found[1]
            pixels, changed = found
            where = torch.from_numpy(changed).to(image.device)
            part = torch.from_numpy(pixels).permute(2, 0, 1).to(image)
            unveiled[i, :, *box] = torch.where(where, part, unveiled[i, :, *box])
            rest[i, 0, *box] &= ~torch.from_numpy(done).to(image.device)
    return unveiled, rest


_Part = tuple[tuple[slice, slice], NDArray[np.bool_]]


def _find_veils(seen: _Array, guess: _Array, mask: NDArray[np.bool_]) -> list[_Part]:
    """Divide a mask into possible veils: boxes with the mask in them. Parts of a watermark are fitted together."""
    regions = _group_regions(mask)
    kept, others, together = list(regions), [], mask.copy()
    while len(kept) > 1:
        fit = _fit(seen[together], guess[together], np.ones((int(together.sum()), 1)))
        errors = np.square(seen - fit.transmission * guess - fit.planes[0]).mean(axis=-1)
        of_each = [float(errors[box][region].mean()) for box, region in kept]
        worst = int(np.argmax(of_each))
        if of_each[worst] <= 4 * np.median(of_each[:worst] + of_each[worst + 1 :]):
            break
        box, region = kept.pop(worst)
        together[box] &= ~region
        others.append((box, region))
    if len(kept) <= 1:
        return regions
    everywhere = (slice(0, mask.shape[0]), slice(0, mask.shape[1]))
    if _remove_one(seen, guess, together) is None:
        return regions
    return [(everywhere, together), *others]


def _group_regions(mask: NDArray[np.bool_]) -> list[_Part]:
    """Group parts of the mask that are close: the box around them, with a margin, and the mask in it."""
    labels, _ = cast(
        "tuple[NDArray[np.int32], int]", ndimage.label(_measure_distance(~mask) <= JOINED / 2, np.ones((3, 3)))
    )
    found = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        box = (
            slice(max(rows.start - EDGE, 0), rows.stop + EDGE),
            slice(max(columns.start - EDGE, 0), columns.stop + EDGE),
        )
        found.append((box, mask[box] & (labels[box] == number)))
    return found


def _measure_distance(mask: NDArray[np.bool_]) -> _Array:
    """Measure the distance of each True pixel from the nearest False one."""
    return cast("_Array", ndimage.distance_transform_edt(mask))


def _remove_one(seen: _Array, guess: _Array, region: NDArray[np.bool_]) -> tuple[_Array, NDArray[np.bool_]] | None:
    """Remove the veil of one region; return the photo and where it is changed; None if there is no veil to remove."""
    depth = _measure_distance(region)
    inner = depth >= min(3.0, np.quantile(depth[region], 0.7))
    if inner.sum() < LEAST_PIXELS or region.all():
        return None
    rows, columns = np.mgrid[-1 : 1 : region.shape[0] * 1j, -1 : 1 : region.shape[1] * 1j]
    terms = np.stack([np.ones_like(rows), rows, columns], axis=-1)
    fits = []
    for where in (inner, inner & (depth <= BAND)):
        if where.sum() >= LEAST_PIXELS:
            flat, tilted = (_fit(seen[where], guess[where], terms[where][:, :count]) for count in (1, 3))
            fits.append(tilted if tilted.unexplained < 0.8 * flat.unexplained else flat)
    fit = max(fits, key=lambda fit: fit.certainty)
    transmission, explained = fit.transmission, fit.explained
    if explained < LEAST_EXPLAINED or transmission.min() < TRANSMISSION[0] or transmission.max() > TRANSMISSION[1]:
        return None
    veil = _Veil(transmission=transmission, offset=terms[..., : len(fit.planes)] @ fit.planes)
    signed = np.where(region, depth, 1 - _measure_distance(~region))  # 1 just inside, 0 just outside
    # The unexplained variance consists of the error of the fill and of noise, which inverting multiplies.
    missed = np.full(region.shape, float(np.square(seen - guess - veil.step(guess))[inner].mean()))
    share, noise = _find_shares(seen, guess, veil, signed, missed)
    core = (signed > EDGE) | (signed <= -EDGE)
    for near in range(1 - EDGE, EDGE + 1):
        ring = (signed > near - 1) & (signed <= near)
        if ring.any() and abs(share[ring].mean() - (near > 0)) < _CERTAIN:
            core |= ring
    if not core.all() and core.any():
        # Only the soft edge between fully veiled and clear pixels is uncertain, and little of it is missed.
        sides = np.where(core[..., None], veil.remove(seen, region.astype(np.float64)), seen)
        guess = np.where(core[..., None], guess, stretch_membrane(sides.astype(np.float32), ~core))
        missed = np.where(core, missed, _miss(sides, core))
        share, noise = _find_shares(seen, guess, veil, signed, missed)
    share, noise = np.where(core, region, share), np.where(core, _NOISE, noise)
    share[share < _LEAST_SHARE] = 0
    clear = veil.remove(seen, share)
    impossible = (np.abs(clear[region] - 0.5) > 0.5 + _OVERSHOOT).any(axis=-1)
    if impossible.mean() > MOST_IMPOSSIBLE or not _has_detail(clear, seen, inner, signed <= -EDGE):
        return None
    weight = np.where(share > 0, missed / (missed + noise), 1)[..., None]
    return (weight * clear + (1 - weight) * guess).clip(0, 1), share > 0


def _uncover_strokes(seen: _Array, guess: _Array, region: NDArray[np.bool_]) -> tuple[_Array, NDArray[np.bool_]] | None:
    """Remove a white or black veil from the strokes in a region that contains some of the photo beside them, too.

    A detector's mask is a pixel or two wider than the strokes, and what it contains besides is no veil's. So the veil
    is estimated from pairs of pixels across its border, and removed only well inside, where a pixel is closer to the
    veil over the fill than to the fill.

    Returns:
        The photo and where it is uncovered; None if no such veil explains the pairs about as well as the photo beside
        the region explains itself.
    """
    if min(region.shape) < 2:
        return None
    inside, beside, beyond = _sample_across(seen, region)
    if len(inside) < LEAST_PIXELS:
        return None
    error, opacity, color = min(
        (_score_pairs(inside - beside - a * (c - beside)), float(a), c)
        for a in np.arange(0.04, 0.97, 0.02)
        for c in (0.0, 1.0)
    )
    # Where the photo is plain, a fill is as good, and has no noise.
    plain = np.minimum(np.square(beside - beyond).mean(axis=1), _MOST_USUAL).mean() < _PLAIN
    if (
        plain
        or _score_pairs(inside - beside) - error < _LEAST_GAIN
        or error > 1.15 * _score_pairs(beside - beyond) + 0.1
    ):
        return None
    if not _PAIRED[0] <= 1 - opacity <= _PAIRED[1]:
        return None
    veil = _Veil(transmission=np.full(3, 1 - opacity), offset=np.full_like(seen, opacity * color))
    clear, step = veil.remove(seen, np.ones(region.shape)), veil.step(guess)
    share = ((seen - guess) * step).sum(axis=-1) / np.maximum(np.square(step).sum(axis=-1), 1e-4)
    share = cast("_Array", ndimage.gaussian_filter(share, 1.0))
    covered = cast("NDArray[np.bool_]", ndimage.binary_erosion(region, np.ones((3, 3)))) & (share > 0.5)
    covered &= (np.abs(clear - 0.5) <= 0.55).all(axis=-1)
    depth = _measure_distance(region)
    if not _has_detail(clear, seen, depth >= np.quantile(depth[region], 0.7), ~region):
        return None
    return clear.clip(0, 1), covered


def _score_pairs(differences: _Array) -> float:
    """Score differences of pairs of colors ``[N, 3]``: the mean of a logarithm, to which outliers add little."""
    return float(np.log1p(np.square(differences).mean(axis=1) / _PAIRS).mean())


def _sample_across(seen: _Array, region: NDArray[np.bool_]) -> tuple[_Array, _Array, _Array]:
    """Sample colors ``[N, 3]`` across the border of a region: inside, beside it, and beyond that."""
    signed = _measure_distance(region) - _measure_distance(~region)
    signed -= 0.5 * np.sign(signed)  # from the border, not from the nearest pixel beyond
    rows, columns = np.gradient(cast("_Array", ndimage.gaussian_filter(signed, 1.0)))
    slope = np.stack([rows, columns])
    slope /= np.maximum(np.hypot(*slope), 1e-3)
    border = np.nonzero((signed > 0) & (signed < 1))
    at, inwards = np.stack(border).astype(np.float64), slope[:, border[0], border[1]]
    places = [at + inwards * (step - 0.5) for step in (_ACROSS, -_ACROSS, -3 * _ACROSS)]
    depths = [ndimage.map_coordinates(signed, place, order=1, mode="nearest") for place in places]
    ends = np.array(region.shape)[:, None] - 1
    fits = (depths[0] > 0.6 * _ACROSS) & (depths[1] < -0.6 * _ACROSS) & (depths[2] < -_ACROSS)
    fits &= ((places[2] >= 0) & (places[2] <= ends)).all(axis=0)
    first, second, third = (
        np.stack([ndimage.map_coordinates(seen[..., c], place[:, fits], order=1, mode="nearest") for c in range(3)], 1)
        for place in places
    )
    return first, second, third


@dataclass(frozen=True, kw_only=True)
class _Veil:
    """A veil where its share is 1: ``transmission`` ``[3]``, ``offset`` ``[H, W, 3]``."""

    transmission: _Array
    offset: _Array

    def step(self, photo: _Array) -> _Array:
        """Compute the change that the veil makes to a photo."""
        return (self.transmission - 1) * photo + self.offset

    def remove(self, seen: _Array, share: _Array) -> _Array:
        """Remove the veil from a photo, given the veiled share ``[H, W]`` of each pixel."""
        return (seen - share[..., None] * self.offset) / (1 - share[..., None] * (1 - self.transmission))


def _find_shares(seen: _Array, guess: _Array, veil: _Veil, signed: _Array, missed: _Array) -> tuple[_Array, _Array]:
    """Find the veiled share of each pixel ``[H, W]``, and the variance of the noise in the photo.

    Within a hard edge it is all, outside nothing; in a soft edge the share differs from pixel to pixel.
    """
    step = veil.step(guess)
    contrast = np.square(step).sum(axis=-1)
    own = ((seen - guess) * step).sum(axis=-1) / np.maximum(contrast, 1e-12)
    share = (signed > 0).astype(np.float64)
    noise = np.full(share.shape, _NOISE)
    for near in range(1 - EDGE, EDGE + 1):
        ring = (signed > near - 1) & (signed <= near)
        weights = contrast[ring]
        if not ring.any() or weights.sum() == 0:
            continue
        mean = float((own[ring] * weights).sum() / weights.sum())
        doubt = missed[ring] / np.maximum(weights, 1e-12)
        spread = max(float((np.square(own[ring] - mean) * weights).sum() / weights.sum()) - float(doubt.mean()), 0.0)
        share[ring] = np.clip(mean + (own[ring] - mean) * spread / (spread + doubt), 0, 1)
        noise[ring] += spread * doubt / (spread + doubt) * weights / 3
    return share, noise


def _miss(sides: _Array, core: NDArray[np.bool_]) -> float:
    """Compute the mean squared difference of pixels from the mean of their two neighbors, where all are known."""
    errors = []
    for image, known in ((sides, core), (sides.swapaxes(0, 1), core.T)):
        whole = known[2:] & known[1:-1] & known[:-2]
        errors.append(np.square(image[1:-1] - (image[2:] + image[:-2]) / 2)[whole])
    return float(np.concatenate(errors).mean()) if sum(map(len, errors)) else _NOISE


def _has_detail(clear: _Array, seen: _Array, inside: NDArray[np.bool_], around: NDArray[np.bool_]) -> bool:
    """Whether the unveiled photo is not much smoother than its surroundings."""
    details = []
    for image, where in ((clear, inside), (seen, around)):
        rows = np.abs(np.diff(image, axis=0))[where[1:] & where[:-1]]
        columns = np.abs(np.diff(image, axis=1))[where[:, 1:] & where[:, :-1]]
        details.append(np.concatenate([rows, columns]))
    own, theirs = details
    return not len(own) or not len(theirs) or float(np.median(own)) >= LEAST_DETAIL * float(np.median(theirs))


@dataclass(frozen=True, kw_only=True)
class _Fit:
    """A veil, by least squares.

    Attributes:
        transmission: ``[3]``.
        planes: ``[terms, 3]``, the coefficients of the offset.
        unexplained: residual sum of squares.
        explained: explained share of the variance that the terms alone do not explain.
        certainty: the square of the transmission divided by the variance of its error.
    """

    transmission: _Array
    planes: _Array
    unexplained: float
    explained: float
    certainty: float


def _fit(seen: _Array, guess: _Array, terms: _Array) -> _Fit:
    """Fit a veil to pixels ``[N, 3]`` with the terms ``[N, T]`` of an offset."""
    inverse = np.linalg.pinv(terms)
    seen_left, guess_left = (x - terms @ (inverse @ x) for x in (seen, guess))
    products, squares = (seen_left * guess_left).sum(axis=0), np.square(guess_left).sum(axis=0)
    together = np.full(3, products.sum() / max(squares.sum(), 1e-12))
    each = products / np.maximum(squares, 1e-12)
    errors = [float(np.square(seen_left - g * guess_left).sum()) for g in (together, each)]
    own = errors[1] < 0.9 * errors[0]
    transmission = each if own else together
    explained = 1 - errors[own] / max(float(np.square(seen_left).sum()), 1e-12)
    return _Fit(
        transmission=transmission,
        planes=inverse @ (seen - transmission * guess),
        unexplained=errors[own],
        explained=explained,
        certainty=len(seen) * explained / max(1 - explained, 1e-12),
    )
