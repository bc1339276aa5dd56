"""Photos that were really damaged."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import numpy as np
import pytest
import torch
from PIL import Image

from hcl_sdk import GatedUNet, Pipeline, ResNetEncoder
from hcl_sdk.data import AnnotatedDataset
from hcl_sdk.evaluation import Evaluation, evaluate
from hcl_sdk.evaluation.restoration import compare_features, sum_high_pass, sum_seam_gradients
from hcl_sdk.losses import PerceptualLoss


@pytest.fixture
def real(tmp_path: Path, tiny_pipeline: Pipeline) -> Evaluation:
    """A set of larger photos of several sizes, of which half is left out of the score of one."""
    rng = np.random.default_rng(3)
    for i, (height, width) in enumerate(((40, 56), (48, 33), (40, 56))):
        clean = rng.integers(256, size=(height, width, 3), dtype=np.uint8)
        mask = np.zeros((height, width), dtype=np.uint8)
        mask[5:25, 8:20] = 255
        damaged = np.where(mask[..., None] > 0, np.uint8(200), clean)
        ignore = np.zeros_like(mask)
        ignore[:, : width // 4] = 255
        images = {"input": damaged, "mask": mask, "clean": clean} | ({"ignore": ignore} if i == 1 else {})
        for folder, pixels in images.items():
            (tmp_path / "real" / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / "real" / folder / f"{i}.png")
    return Evaluation(dataset=AnnotatedDataset(path=str(tmp_path / "real")), corruption=None, size=None, resamples=20)


def test_real_damage_is_measured_on_whole_photos(tiny_pipeline: Pipeline, real: Evaluation, tmp_path: Path) -> None:
    report = evaluate(tiny_pipeline, real, tmp_path / "out")
    f1, flagged = [], []
    for i in range(3):
        folder = tmp_path / "real"
        truth = np.array(Image.open(folder / "mask" / f"{i}.png")) > 0
        counted = np.ones_like(truth)
        if i == 1:
            counted = np.array(Image.open(folder / "ignore" / "1.png")) == 0
        found = tiny_pipeline.detect(folder / "input" / f"{i}.png").corruption_mask[0, 0].numpy()[counted]
        truth = truth[counted]
        f1.append(2 * (found & truth).sum() / (found.sum() + truth.sum()))
        flagged.append(tiny_pipeline.detect(folder / "clean" / f"{i}.png").corruption_mask.float().mean().item())
    assert report.headline["mean_f1"] == pytest.approx(np.mean(f1))
    assert report.headline["false_positive_area"] == pytest.approx(np.mean(flagged))
    assert report.headline["untouched"] == pytest.approx(np.mean([share == 0 for share in flagged]))
    assert report.rows[1].detection.counts.pixels == 48 * 33 - 48 * (33 // 4)
    assert report.rows[1].area == pytest.approx(20 * 12 / (48 * 25))
    assert report.groups["area"]["clean"].images == 3


def test_fully_ignored_photos_are_not_scored(tiny_pipeline: Pipeline, real: Evaluation, tmp_path: Path) -> None:
    Image.new("L", (33, 48), 255).save(tmp_path / "real" / "ignore" / "1.png")
    again = AnnotatedDataset(path=str(tmp_path / "real"))  # which has not looked at the folder yet
    report = evaluate(tiny_pipeline, attrs.evolve(real, dataset=again))
    assert report.rows[1].detection is None
    assert report.rows[1].area is None
    assert report.headline["mean_f1"] is not None


def test_fills_are_compared_by_features_sharpness_and_seam(
    tiny_pipeline: Pipeline, real: Evaluation, tmp_path: Path
) -> None:
    network = PerceptualLoss(encoder=ResNetEncoder(channels=(4, 6), depths=(1, 1)), weights="own")
    baseline = GatedUNet(dim=4, multipliers=(1, 2))
    measured = attrs.evolve(real, perceptual=network, true_masks=True, baselines=(baseline,))
    report = evaluate(tiny_pipeline, measured, tmp_path / "out")
    distances, energies, true_energies, across, along = [], 0.0, 0.0, 0.0, 0.0
    for i in range(3):
        paths = {name: tmp_path / "real" / name / f"{i}.png" for name in ("input", "clean", "mask", "ignore")}
        clean = torch.from_numpy(np.array(Image.open(paths["clean"]))).permute(2, 0, 1)[None] / 255
        mask = torch.from_numpy(np.array(Image.open(paths["mask"])) > 0)[None, None]
        result = tiny_pipeline.restore(paths["input"], corruption_mask=mask)
        if i == 1:
            mask = mask & torch.from_numpy(np.array(Image.open(paths["ignore"])) == 0)
            result = tiny_pipeline.restore(paths["input"], corruption_mask=mask)
        filled = result.composited.rgb
        distances.append(compare_features(network, filled, clean, mask))
        energies += sum_high_pass(filled, mask)
        true_energies += sum_high_pass(clean, mask)
        own_across, own_along = sum_seam_gradients(filled, result.alpha > 0.5)
        across, along = across + own_across, along + own_along
    assert report.headline["true_mask_feature_distance"] == pytest.approx(np.mean(distances), rel=1e-4)
    assert report.headline["true_mask_sharpness"] == pytest.approx(energies / true_energies, rel=1e-4)
    assert report.headline["true_mask_seam"] == pytest.approx(across / along, rel=1e-4)
    own = report.baselines["gated-unet"]
    for name in ("feature_distance", "sharpness", "seam", "true_mask_seam"):
        assert own[name].value > 0
    assert "| feature_distance | sharpness | seam |" in report.to_markdown()
    rows = [json.loads(line) for line in (tmp_path / "out" / "items.jsonl").read_text().splitlines()]
    assert "feature_distance" in rows[0]["restoration_true_mask"]
    assert "lpips" not in rows[0]["restoration"]
