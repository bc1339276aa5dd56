"""What is measured of one image."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.functional.classification import binary_stat_scores
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from hcl_sdk.functional.resize import resize
from hcl_sdk.result import Result

LEVELS = 200
"""Levels of confidence that average precision distinguishes."""


def detection_row(result: Result, corruption_mask: Tensor) -> dict[str, Any]:
    """Counts of pixels, from which all measures of detection are computed.

    Args:
        result: of one image.
        corruption_mask: ``[1, 1, H, W]`` bool, the truth.

    Returns:
        ``counts``: true positives, false positives, true negatives, false negatives, *corrupted* being positive;
        ``f1`` of them, None where nothing is corrupted; ``levels``: how many corrupted and valid pixels there are at
        each level of confidence; ``scales``: ``bce`` and ``counts`` of each scale, *valid* being positive.
    """
    counts = _counts(result.corruption_mask, corruption_mask)
    level = (result.confidence.clamp(0, 1) * LEVELS).floor().clamp(max=LEVELS - 1).long()
    levels = [torch.bincount(level[where], minlength=LEVELS).tolist() for where in (corruption_mask, ~corruption_mask)]
    scales = [] if result.detection is None else [s.confidence for s in result.detection.scales]
    return {
        "counts": counts,
        "f1": f1(counts) if corruption_mask.any() else None,
        "levels": levels,
        "scales": [_scale_row(confidence, corruption_mask) for confidence in scales],
    }


def _scale_row(confidence: Tensor, corruption_mask: Tensor) -> dict[str, Any]:
    valid = 1 - resize(confidence, corruption_mask.shape[-2:])
    entropy = F.binary_cross_entropy(valid.clamp(0, 1), (~corruption_mask).float())
    return {"bce": float(entropy), "counts": _counts(valid >= 0.5, ~corruption_mask)}


def _counts(found: Tensor, truth: Tensor) -> list[int]:
    return binary_stat_scores(found.int().flatten(), truth.int().flatten())[:4].tolist()


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
        ``psnr`` and ``ssim``, ``raw_psnr`` and ``raw_ssim`` (None where nothing was filled), ``damaged_psnr`` of the
        image before restoration; None for an infinite PSNR, of images that are equal. ``squared_error``: sum over the
        values of the true mask, 0 to 255, and ``values``: how many these are.
    """
    composited = damaged if result.composited is None else result.composited.rgb
    raw = result.raw
    row = {
        "psnr": _psnr(composited, clean),
        "ssim": _ssim(composited, clean),
        "raw_psnr": None if raw is None else _psnr(raw, clean),
        "raw_ssim": None if raw is None else _ssim(raw, clean),
        "damaged_psnr": _psnr(damaged, clean),
        "squared_error": 0.0,
        "values": 0,
    }
    if corruption_mask is not None and corruption_mask.any():
        inside = corruption_mask.expand_as(clean)
        row["squared_error"] = float(((composited - clean)[inside] * 255).double().square().sum())
        row["values"] = int(inside.sum())
    return row


def _psnr(image: Tensor, clean: Tensor) -> float | None:
    value = float(peak_signal_noise_ratio(image, clean, data_range=1.0))
    return value if value < float("inf") else None


def _ssim(image: Tensor, clean: Tensor) -> float | None:
    if min(image.shape[-2:]) < 11:  # the window
        return None
    value = structural_similarity_index_measure(image, clean, data_range=1.0)
    assert isinstance(value, Tensor)
    return float(value)
