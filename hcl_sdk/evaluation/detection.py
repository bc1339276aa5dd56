"""Measuring the detection of one image."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.evaluation.rows import CALIBRATION_BINS, LEVELS, Counts, DetectionRow, ScaleRow
from hcl_sdk.functional.resize import resize
from hcl_sdk.interfaces import DAMAGE
from hcl_sdk.photos.regions import map_kinds
from hcl_sdk.result import Result, list_kinds


def measure_detection(
    result: Result,
    corruption_mask: Tensor,
    found: Sequence[Tensor],
    ignored: Tensor | None = None,
    damage_map: Tensor | None = None,
) -> DetectionRow:
    """Count the pixels from which all measures of detection are computed.

    Args:
        result: the result for one image.
        corruption_mask: ``[1, 1, H, W]`` bool, the true mask, True = corrupted.
        found: ``[1, 1, H, W]`` bool each, the masks found at each of the ``SENSITIVITIES``.
        ignored: ``[1, 1, H, W]`` bool, pixels excluded from the score; None for none.
        damage_map: ``[1, 1, H, W]`` uint8, the kind of each corrupted pixel; None if unknown.
    """

    def keep(values: Tensor) -> Tensor:
        return values.flatten() if ignored is None else values[~ignored]

    truth, confidence = keep(corruption_mask), keep(result.confidence)
    counts = _count(keep(result.corruption_mask), truth)
    scales = [] if result.detection is None else [s.confidence for s in result.detection.scales]
    return DetectionRow(
        counts=counts,
        f1=counts.f1,
        levels=_count_levels(confidence, truth),
        calibration=_calibrate(confidence, truth),
        sensitivities=tuple(_count(keep(mask), truth) for mask in found),
        scales=tuple(_measure_scale(scale, corruption_mask, keep) for scale in scales),
        kinds=None if damage_map is None else _count_kinds(result, keep(damage_map * corruption_mask), keep),
    )


def _count_kinds(result: Result, true: Tensor, keep: Callable[[Tensor], Tensor]) -> list[list[int]] | None:
    """Count which kinds the found pixels have, and which were predicted, as in `DetectionRow`."""
    kinds = list_kinds(result.detection)
    if kinds is None:
        return None
    called = keep(torch.from_numpy(map_kinds(result.corruption_mask, kinds))[None, None])
    both = (true > 0) & (called > 0)
    pairs = (true[both].long() - 1) * len(DAMAGE) + called[both].long() - 1
    return torch.bincount(pairs, minlength=len(DAMAGE) ** 2).view(len(DAMAGE), len(DAMAGE)).tolist()


def _count_levels(confidence: Tensor, truth: Tensor) -> tuple[list[int], list[int]]:
    level = (confidence.clamp(0, 1) * LEVELS).floor().clamp(max=LEVELS - 1).long()
    corrupted, valid = (torch.bincount(level[where], minlength=LEVELS).tolist() for where in (truth, ~truth))
    return corrupted, valid


def _calibrate(confidence: Tensor, truth: Tensor) -> tuple[list[float], list[float], list[float]]:
    value = confidence.clamp(0, 1).double()
    place = (value * CALIBRATION_BINS).ceil().long().sub(1).clamp(min=0)  # ranges include their upper bound
    pixels, sums, corrupted = (
        torch.bincount(place, weights=weights, minlength=CALIBRATION_BINS).tolist()
        for weights in (torch.ones_like(value), value, truth.double())
    )
    return pixels, sums, corrupted


def _measure_scale(confidence: Tensor, corruption_mask: Tensor, keep: Callable[[Tensor], Tensor]) -> ScaleRow:
    valid = keep(1 - resize(confidence, corruption_mask.shape[-2:]))
    truth = ~keep(corruption_mask)
    entropy = F.binary_cross_entropy(valid.clamp(0, 1), truth.float())
    return ScaleRow(bce=float(entropy), counts=_count(valid >= 0.5, truth))


def _count(found: Tensor, truth: Tensor) -> Counts:
    # Not torchmetrics' binary_stat_scores: the 24 calls that an image needs take nearly as long as its detection.
    both, one, other = (int(mask.count_nonzero()) for mask in (found & truth, found, truth))
    return Counts(
        true_positives=both,
        false_positives=one - both,
        true_negatives=truth.numel() - one - other + both,
        false_negatives=other - both,
    )
