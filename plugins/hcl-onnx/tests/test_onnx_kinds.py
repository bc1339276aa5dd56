"""What becomes of the kinds of damage in an export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hcl_onnx.export import ExportError, export
from hcl_onnx.load import load
from hcl_onnx.run import Runner

from hcl_sdk import BidirectionalFusion, DamageHead, Detector, Pipeline, ProjectionHead, Prototypes, ResNetEncoder


@pytest.fixture
def pipeline() -> Pipeline:
    """One that finds about half of a photo, and says what it is."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        prototypes = Prototypes()
        detector = Detector(
            encoder=ResNetEncoder(channels=(4, 4), depths=(1, 0)),
            interaction=BidirectionalFusion(dim=4),
            head=ProjectionHead(dim=4),
            clusterer=prototypes,
            damage_head=DamageHead(dim=4),
        ).eval()
        with torch.no_grad():
            prototypes.bias.sub_(torch.logit(detector(torch.rand(1, 3, 64, 64)).confidence.median()))
    return Pipeline(detector, min_area=0.02, device="cpu")


def test_the_damage_head_stays_behind(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.skip = "text"
    with pytest.raises(ExportError, match="do not know the kind of damage that only and skip select by"):
        export(pipeline, tmp_path)
    pipeline.skip = ()
    export(pipeline, tmp_path)
    loaded = load(tmp_path).detector
    assert loaded is not None
    assert loaded.damage_head is None


def test_small_regions_are_left_out(pipeline: Pipeline, tmp_path: Path) -> None:
    export(pipeline, tmp_path)
    runner = Runner(tmp_path)
    assert runner.min_area == 0.02
    photo = np.random.default_rng(0).integers(256, size=(64, 64, 3), dtype=np.uint8)
    runner.threshold = pipeline.threshold = float(pipeline.detect(photo).confidence.quantile(0.9))
    regions = {}
    for area in (0.0, 0.02):
        runner.min_area = pipeline.min_area = area
        expected = pipeline.detect(photo)
        regions[area] = len(expected.regions)
        np.testing.assert_array_equal(runner.detect(photo).corruption_mask, expected.corruption_mask[0, 0].numpy())
    assert regions[0.02] < regions[0.0]
