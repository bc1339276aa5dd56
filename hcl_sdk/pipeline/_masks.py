"""From a confidence to a mask, as the settings ask."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from hcl_sdk.functional.arrays import Window, fill_enclosed, measure_softness
from hcl_sdk.functional.hysteresis import apply_hysteresis_threshold, threshold_enlarged
from hcl_sdk.functional.sensitivity import adjust_threshold
from hcl_sdk.interfaces import Detection
from hcl_sdk.photos.regions import select_kinds
from hcl_sdk.result import Result, list_kinds
from hcl_sdk.settings import Settings


def make_mask(confidence: Tensor, settings: Settings, detection: Detection | None = None) -> Tensor:
    """Convert a confidence to a mask, both ``[B, 1, H, W]``.

    Kinds of damage are taken from ``detection``, if it is given; ``B`` must then be 1.
    """
    confidence, area = _fill_enclosed(confidence, settings), settings.min_area
    mask = apply_hysteresis_threshold(confidence, *_get_thresholds(settings), min_area=area)
    return _select_kinds(mask, settings, detection)


def make_enlarged_mask(
    confidence: Tensor, size: Sequence[int], settings: Settings, detection: Detection, inside: Window | None
) -> Tensor:
    """Convert the confidence in a photo of ``size``, ``[1, 1, h, w]``, to its mask ``[1, 1, H, W]``.

    The confidence is enlarged bilinearly, so that the edges of the mask do not show the working scale.
    """
    confidence, area = _fill_enclosed(confidence, settings), settings.min_area
    mask = threshold_enlarged(confidence, size, *_get_thresholds(settings), inside=inside, min_area=area)
    return _select_kinds(mask, settings, detection)


def measure_growth(result: Result, settings: Settings) -> float:
    """Measure by how many pixels the mask of a result grows before it is filled."""
    dilate = settings.dilate
    if settings.soft_edges and result.detected_confidence is not None:
        confidence = _fill_enclosed(result.detected_confidence, settings)
        confidence, mask = (x[0, 0].numpy() for x in (confidence, result.corruption_mask))
        dilate = max(dilate, measure_softness(confidence, mask, _get_thresholds(settings)[0]))
    return dilate


def _get_thresholds(settings: Settings) -> tuple[float, float]:
    """Return the two thresholds, adapted to the sensitivity."""
    low, high = (adjust_threshold(settings.sensitivity, at) for at in (settings.threshold, settings.peak_threshold))
    return low, high


def _fill_enclosed(confidence: Tensor, settings: Settings) -> Tensor:
    """Count what regions enclose as corrupted, if that is asked for; ``[B, 1, h, w]``."""
    if not settings.fill_enclosed:
        return confidence
    threshold = _get_thresholds(settings)[0]
    filled = [fill_enclosed(each, threshold) for each in confidence[:, 0].cpu().numpy()]
    return torch.from_numpy(np.stack(filled))[:, None].to(confidence.device)


def _select_kinds(mask: Tensor, settings: Settings, detection: Detection | None) -> Tensor:
    """Keep the regions of a mask whose kinds of damage are asked for."""
    kinds = list_kinds(detection)
    if kinds is None or not (settings.only or settings.skip):
        return mask
    return select_kinds(mask, kinds, only=settings.only, skip=settings.skip)
