"""Regions that a detector found and that were left out of the mask, and the most suspicious part besides."""

from __future__ import annotations

import bisect

import attrs
import torch
from torch import Tensor

from hcl_sdk.functional.arrays import BAND, find_peak, label_regions, scale_box, shrink_mask, slice_box
from hcl_sdk.pipeline._masks import make_enlarged_mask, make_mask
from hcl_sdk.result import Result, Suspect
from hcl_sdk.settings import Settings


def count_left_out(result: Result, settings: Settings) -> int:
    """Count the regions that the settings leave out; see :meth:`hcl_sdk.Pipeline.count_left_out`."""
    left_out = _find_left_out(result, settings)
    return 0 if left_out is None else len(label_regions(left_out[0, 0].numpy())[1])


def find_suspect(result: Result, settings: Settings) -> Suspect | None:
    """Find the most suspicious part of a photo outside its mask; see :meth:`hcl_sdk.Pipeline.find_suspect`."""
    if result.detection is None:
        return None
    # What was left out on purpose, by its kind or its size, is not suspicious.
    left_out = _find_left_out(result, settings)
    found = (result.corruption_mask if left_out is None else result.corruption_mask | left_out)[0, 0].numpy()
    if found.size <= 4 * BAND:
        confidence = result.confidence[0, 0].numpy()
        box = find_peak(confidence, found)
    else:  # at the working scale: the photo's own would take tens of bytes per pixel
        confidence = result.working_confidence
        box = find_peak(confidence, shrink_mask(found, confidence.shape))
    if box is None:
        return None
    inside = slice_box(box, confidence.shape)
    peak = torch.tensor(confidence[inside].max()).reshape(1, 1, 1, 1)
    uncut = _leave_nothing_out(settings)

    def is_found(step: int) -> bool:
        return bool(make_mask(peak, attrs.evolve(uncut, sensitivity=step / 100)))

    step = bisect.bisect_left(range(100), True, key=is_found)
    if step == 100:  # a sensitivity of 1 finds everything
        return None
    at_step = attrs.evolve(settings, sensitivity=step / 100)
    mask = make_mask(torch.from_numpy(confidence)[None, None], at_step, result.detection)[0, 0]
    if not mask[inside].any():  # it would be left out, too
        return None
    return Suspect(
        box=scale_box(box, confidence.shape, found.shape),
        confidence=float(peak),
        sensitivity=step / 100,
        share=int(mask.count_nonzero()) / mask.numel(),
    )


def _leave_nothing_out(settings: Settings) -> Settings:
    return attrs.evolve(settings, only=(), skip=(), min_area=0.0)


def _find_left_out(result: Result, settings: Settings) -> Tensor | None:
    """Find the regions that are left out by their kind or their size, ``[1, 1, H, W]``; None if none are."""
    if result.detection is None or not (settings.only or settings.skip or settings.min_area):
        return None
    return _make_own_mask(result, _leave_nothing_out(settings)) & ~_make_own_mask(result, settings)


def _make_own_mask(result: Result, settings: Settings) -> Tensor:
    """Make the mask of a result's detection, ``[1, 1, H, W]``, whatever mask the result has."""
    assert result.detection is not None
    assert result.detected_confidence is not None
    return make_enlarged_mask(
        result.detected_confidence, result.photo.size, settings, result.detection, result.searched
    )
