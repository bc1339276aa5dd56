"""What is measured of one image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.functional.image import structural_similarity_index_measure

from hcl_sdk.functional.resize import resize
from hcl_sdk.result import Result

LEVELS = 200
"""Levels of confidence that average precision distinguishes."""

SENSITIVITIES = tuple(n / 20 for n in range(1, 20))
"""Sensitivities whose precision and recall are told."""

CALIBRATION_BINS = 15
"""Equal ranges of confidence whose mean is compared with how many pixels are corrupted."""


def detection_row(result: Result, corruption_mask: Tensor, found: Sequence[Tensor]) -> dict[str, Any]:
    """Counts of pixels, from which all measures of detection are computed.

    Args:
        result: of one image.
        corruption_mask: ``[1, 1, H, W]`` bool, the truth.
        found: masks likewise, what is found at each of the ``SENSITIVITIES``.

    Returns:
        ``counts``: true positives, false positives, true negatives, false negatives, *corrupted* being positive;
        ``f1`` of them, None where nothing is corrupted; ``sensitivities``: ``counts`` at each; ``levels``: how many
        corrupted and valid pixels there are at each level of confidence; ``calibration``: of each range of confidence
        its pixels, the sum of their confidence, and how many are corrupted; ``scales``: ``bce`` and ``counts`` of each
        scale, *valid* being positive.
    """
    counts = _counts(result.corruption_mask, corruption_mask)
    level = (result.confidence.clamp(0, 1) * LEVELS).floor().clamp(max=LEVELS - 1).long()
    levels = [torch.bincount(level[where], minlength=LEVELS).tolist() for where in (corruption_mask, ~corruption_mask)]
    scales = [] if result.detection is None else [s.confidence for s in result.detection.scales]
    return {
        "counts": counts,
        "f1": f1(counts) if corruption_mask.any() else None,
        "levels": levels,
        "calibration": _calibration(result.confidence, corruption_mask),
        "sensitivities": [_counts(mask, corruption_mask) for mask in found],
        "scales": [_scale_row(confidence, corruption_mask) for confidence in scales],
    }


def _calibration(confidence: Tensor, corruption_mask: Tensor) -> list[list[float]]:
    value = confidence.clamp(0, 1).double().flatten()
    place = (value * CALIBRATION_BINS).ceil().long().sub(1).clamp(min=0)  # ranges hold their upper border
    weights = (torch.ones_like(value), value, corruption_mask.flatten().double())
    return [torch.bincount(place, weights=w, minlength=CALIBRATION_BINS).tolist() for w in weights]


def _scale_row(confidence: Tensor, corruption_mask: Tensor) -> dict[str, Any]:
    valid = 1 - resize(confidence, corruption_mask.shape[-2:])
    entropy = F.binary_cross_entropy(valid.clamp(0, 1), (~corruption_mask).float())
    return {"bce": float(entropy), "counts": _counts(valid >= 0.5, ~corruption_mask)}


def _counts(found: Tensor, truth: Tensor) -> list[int]:
    # Not torchmetrics' binary_stat_scores: the 24 that an image needs take nearly as long as detecting.
    both, one, other = (int(mask.count_nonzero()) for mask in (found & truth, found, truth))
    return [both, one - both, truth.numel() - one - other + both, other - both]


def f1(counts: list[int]) -> float:
    """F1 of true positives, false positives, true negatives, false negatives; at least one pixel is positive."""
    hits, wrong, _, missed = counts
    return 2 * hits / (2 * hits + wrong + missed)


def restoration_row(result: Result, damaged: Tensor, clean: Tensor, corruption_mask: Tensor | None) -> dict[str, Any]:
    """PSNR (dB) and SSIM of the composited image and of the restorer's own output, and squared errors in the mask.

    Args:
        result: of one image.
        damaged, clean: ``[1, 3, H, W]`` in [0, 1].
        corruption_mask: ``[1, 1, H, W]`` bool, the truth; None if it is not known.

    Returns:
        ``psnr`` and ``ssim``, ``raw_psnr`` and ``raw_ssim``, ``damaged_psnr`` of the image before restoration; all None
        of an image that is not damaged. ``squared_error`` and ``raw_squared_error``: sums over the values of the true
        mask, 0 to 255, and ``values``: how many these are; ``image_squared_error`` and ``image_values``: over the whole
        image.
    """
    composited = damaged if result.composited is None else result.composited.rgb
    raw = damaged if result.raw is None else result.raw  # where nothing was found, nothing was to be filled
    # Averages of PSNR and SSIM are over damaged images, before and after: the PSNR of equal images is infinite, and
    # leaving just these out would reward harm.
    is_damaged = not torch.equal(damaged, clean)
    row: dict[str, Any] = {
        "psnr": _psnr(composited, clean) if is_damaged else None,
        "ssim": _ssim(composited, clean) if is_damaged else None,
        "raw_psnr": _psnr(raw, clean) if is_damaged else None,
        "raw_ssim": _ssim(raw, clean) if is_damaged else None,
        "damaged_psnr": _psnr(damaged, clean) if is_damaged else None,
        "image_squared_error": float(((composited - clean) * 255).double().square().sum()),
        "image_values": clean.numel(),
        "squared_error": 0.0,
        "raw_squared_error": 0.0,
        "values": 0,
    }
    if corruption_mask is not None and corruption_mask.any():
        inside = corruption_mask.expand_as(clean)
        for name, image in (("squared_error", composited), ("raw_squared_error", raw)):
            row[name] = float(((image - clean)[inside] * 255).double().square().sum())
        row["values"] = int(inside.sum())
    return row


def _psnr(image: Tensor, clean: Tensor) -> float:
    """PSNR of 8-bit images; of equal ones, where it is infinite, that of a single value that differs by one."""
    least = 1 / (255**2 * clean.numel())
    return -10 * math.log10(max(float((image - clean).double().square().mean()), least))


def _ssim(image: Tensor, clean: Tensor) -> float | None:
    if min(image.shape[-2:]) < 11:  # the window
        return None
    value = structural_similarity_index_measure(image, clean, data_range=1.0)
    assert isinstance(value, Tensor)
    return float(value)
