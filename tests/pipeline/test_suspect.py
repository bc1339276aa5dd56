"""What a detector nearly found."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from known_parts import make_known_pipeline
from torch import Tensor

from hcl_sdk import Result


def change_confidence(result: Result, confidence: Tensor, mask: Tensor) -> Result:
    return dataclasses.replace(result, detected_confidence=confidence, corruption_mask=mask)


def test_a_suspect_of_a_large_photo_is_found_at_the_working_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = make_known_pipeline().replace(threshold=0.5, peak_threshold=0.98)
    confidence = torch.full((1, 1, 30, 40), 0.01)
    confidence[..., 5:9, 20:30] = 0.7
    found = pipeline.detect(np.zeros((2400, 3200, 3), np.uint8), sensitivity=0)
    missed = change_confidence(found, confidence, torch.zeros(1, 1, 2400, 3200, dtype=torch.bool))
    monkeypatch.setattr(Result, "confidence", property(lambda _: pytest.fail("four bytes a pixel")))
    suspect = pipeline.find_suspect(missed)
    assert suspect is not None
    assert suspect.box == (1600, 400, 800, 320)
    assert suspect.confidence == pytest.approx(0.7)
    assert suspect.share == pytest.approx(40 / 1200)


def test_a_miss_says_how_sure_where_and_at_which_sensitivity() -> None:
    pipeline = make_known_pipeline().replace(threshold=0.5, peak_threshold=0.98)
    confidence = torch.full((1, 1, 30, 40), 0.01)
    confidence[..., 5:9, 20:30] = 0.5
    confidence[..., 6, 25] = 0.85
    confidence[..., 20, 3] = 0.7
    found = pipeline.detect(np.zeros((30, 40, 3), np.uint8), sensitivity=0)
    missed = change_confidence(found, confidence, torch.zeros_like(confidence, dtype=torch.bool))
    suspect = pipeline.find_suspect(missed)
    assert suspect is not None
    assert suspect.box == (20, 5, 10, 4)
    assert suspect.confidence == pytest.approx(0.85)
    mask = pipeline.to_mask(confidence, sensitivity=suspect.sensitivity)
    assert mask[..., 6, 25].all()
    assert not mask[..., 20, 3].any()
    assert suspect.share == pytest.approx(mask.double().mean().item())
    assert pipeline.replace(min_area=0.5).find_suspect(missed) is None  # it would be left out
    assert not pipeline.to_mask(confidence, sensitivity=suspect.sensitivity - 0.01).any()
    assert "nothing found, 85% sure at most" in repr(missed)
    confidence = confidence.clamp(max=0.02)  # found at .99, where the thresholds are .01 and .0196
    barely = change_confidence(missed, confidence, missed.corruption_mask)
    suspect = pipeline.find_suspect(barely)
    assert suspect is not None
    assert suspect.sensitivity == 0.99
    hardly = change_confidence(missed, confidence * 0.9, missed.corruption_mask)
    assert pipeline.to_mask(hardly.confidence, sensitivity=1).all()  # as in any photo
    assert pipeline.find_suspect(hardly) is None
    nothing = change_confidence(missed, torch.zeros_like(confidence), missed.corruption_mask)
    assert pipeline.find_suspect(nothing) is None


def test_only_regions_cut_by_the_second_threshold_are_suspects() -> None:
    pipeline = make_known_pipeline().replace(threshold=0.9, peak_threshold=0.98)
    confidence = torch.full((1, 1, 30, 40), 0.4)
    confidence[..., 2:12, 2:12] = 0.8  # the border of what is found
    confidence[..., 4:10, 4:10] = 0.99
    photo = np.zeros((30, 40, 3), np.uint8)
    found = change_confidence(pipeline.detect(photo), confidence, pipeline.to_mask(confidence))
    assert int(found.corruption_mask.sum()) == 36
    assert pipeline.find_suspect(found) is None
    confidence[..., 20:23, 30:36] = 0.95  # apart, above the first threshold only
    suspect = pipeline.find_suspect(found)
    assert suspect is not None
    assert suspect.box == (30, 20, 6, 3)
    assert pipeline.to_mask(confidence, sensitivity=suspect.sensitivity)[..., 20:23, 30:36].all()
    assert not pipeline.to_mask(confidence, sensitivity=suspect.sensitivity - 0.01)[..., 20:23, 30:36].any()


def test_a_given_mask_has_no_suspect() -> None:
    mask = np.zeros((30, 40), bool)
    mask[4:8, 4:8] = True
    pipeline = make_known_pipeline()
    assert pipeline.find_suspect(pipeline.restore(np.zeros((30, 40, 3), np.uint8), corruption_mask=mask)) is None
