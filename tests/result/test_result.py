"""Mask, regions and an edited mask of a result."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from results import draw_noise, draw_two_boxes

from hcl_sdk import Pipeline


def test_the_mask_is_an_image_with_white_for_corrupted(restorer: Pipeline) -> None:
    result = restorer.restore(draw_noise(), corruption_mask=draw_two_boxes())
    assert result.mask.mode == "L"
    assert np.array_equal(np.asarray(result.mask), draw_two_boxes() * np.uint8(255))


def test_regions_are_listed_and_written_as_coco(restorer: Pipeline) -> None:
    result = restorer.restore(draw_noise(), corruption_mask=draw_two_boxes())
    assert [r.box for r in result.regions] == [(5, 4, 20, 10), (50, 30, 3, 4)]
    assert [r.area for r in result.regions] == [200, 12]
    assert [r.confidence for r in result.regions] == [1.0, 1.0]
    coco = json.loads(json.dumps(result.to_coco()))
    assert [(image["file_name"], image["height"], image["width"]) for image in coco["images"]] == [
        ("photo.png", 40, 60)
    ]
    assert [a["bbox"] for a in coco["annotations"]] == [[5, 4, 20, 10], [50, 30, 3, 4]]


def test_an_edited_mask_keeps_the_confidence_of_the_detection(tiny_pipeline: Pipeline) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    found = tiny_pipeline.detect(photo)
    mask = np.zeros((20, 30), bool)
    mask[3:8, 4:9] = True
    edited = tiny_pipeline.restore(photo, corruption_mask=mask)
    kept = edited.with_confidence(found.confidence)
    assert torch.equal(kept.confidence, found.confidence)
    assert torch.equal(kept.corruption_mask, edited.corruption_mask)
    assert np.array_equal(kept.restored, edited.restored)
    with pytest.raises(ValueError, match=r"expected a confidence \[1, 1, 20, 30\]; got \[1, 1, 30, 20\]"):
        edited.with_confidence(found.confidence.transpose(2, 3))
