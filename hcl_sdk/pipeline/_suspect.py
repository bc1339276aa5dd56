"""The most suspicious part of a photo that is not in its mask."""

from __future__ import annotations

import bisect

import attrs
import torch
from torch import Tensor

from hcl_sdk.functional.arrays import BAND, find_peak, scale_box, shrink_mask
from hcl_sdk.pipeline._masks import make_enlarged_mask, make_mask
from hcl_sdk.result import Result, Suspect
from hcl_sdk.settings import Settings


def find_suspect(result: Result, settings: Settings) -> Suspect | None:
    """Find the most suspicious part of a photo outside its mask; see :meth:`hcl_sdk.Pipeline.find_suspect`."""
    if result.detection is None:
        return None
    uncut = attrs.evolve(settings, only=(), skip=(), min_area=0.0)
    # What was left out on purpose, by its kind or its size, is not suspicious.
    left_out = _make_own_mask(result, uncut) & ~_make_own_mask(result, settings)
    found = (result.corruption_mask | left_out)[0, 0].numpy()
    if found.size <= 4 * BAND:
        confidence = result.confidence[0, 0].numpy()
        box = find_peak(confidence, found)
    else:  # at the working scale: the photo's own would take tens of bytes per pixel
        confidence = result.working_confidence
        box = find_peak(confidence, shrink_mask(found, confidence.shape))
    if box is None:
        return None
    x, y, width, height = box
    peak = torch.tensor(confidence[y : y + height, x : x + width].max()).reshape(1, 1, 1, 1)

    def is_found(step: int) -> bool:
        return bool(make_mask(peak, attrs.evolve(uncut, sensitivity=step / 100)))

    step = bisect.bisect_left(range(100), True, key=is_found)
    if step == 100:  # a sensitivity of 1 finds everything
        return None
    box = scale_box(box, confidence.shape, found.shape)
    return Suspect(box=box, confidence=float(peak), sensitivity=step / 100)


def _make_own_mask(result: Result, settings: Settings) -> Tensor:
    """Make the mask of a result's detection, ``[1, 1, H, W]``, whatever mask the result has."""
    assert result.detection is not None
    assert result.detected_confidence is not None
    return make_enlarged_mask(
        result.detected_confidence, result.photo.size, settings, result.detection, result.searched
    )
