"""What is measured of a detection: counts, areas, sensitivities, calibration and kinds of damage."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from evaluations import make_evaluation, process_singly
from numpy.typing import NDArray
from scipy import ndimage
from torchmetrics.functional.classification import binary_average_precision, binary_calibration_error

from hcl_sdk import DamageHead, Detector, Pipeline, Region, Result, SoftKMeans
from hcl_sdk.corruptions import AnotherPhoto, Blobs, Corruption, Noise, Rectangles, Rule
from hcl_sdk.evaluation import Evaluation, evaluate
from hcl_sdk.evaluation.rows import CALIBRATION_BINS, LEVELS
from hcl_sdk.interfaces import DAMAGE


def test_detection_is_counted_over_all_pixels(tiny_pipeline: Pipeline, evaluation: Evaluation) -> None:
    report = evaluate(tiny_pipeline, evaluation)
    cases = process_singly(tiny_pipeline, evaluation)
    found = np.stack([r.corruption_mask[0, 0].numpy() for _, r in cases])
    truth = np.stack([i.corruption_mask for i, _ in cases])
    hits, wrong, missed = (found & truth).sum(), (found & ~truth).sum(), (~found & truth).sum()
    assert report.headline["f1"] == pytest.approx(2 * hits / (2 * hits + wrong + missed))
    assert report.headline["iou"] == pytest.approx(hits / (hits + wrong + missed))
    damaged = [k for k in range(len(cases)) if truth[k].any()]
    each = [
        2 * (found[k] & truth[k]).sum() / ((found[k] & truth[k]).sum() * 2 + (found[k] ^ truth[k]).sum())
        for k in damaged
    ]
    assert report.headline["mean_f1"] == pytest.approx(np.mean(each))
    clean = [k for k in range(len(cases)) if not truth[k].any()]
    assert clean
    assert report.headline["false_positive_area"] == pytest.approx(np.mean([found[k].mean() for k in clean]))
    assert report.headline["untouched"] == pytest.approx(np.mean([not found[k].any() for k in clean]))
    confidence = torch.stack([r.confidence for _, r in cases])
    levels = ((confidence * LEVELS).floor().clamp(max=LEVELS - 1) + 0.5) / LEVELS
    expected = binary_average_precision(levels.flatten(), torch.from_numpy(truth).flatten().int())
    assert report.headline["average_precision"] == pytest.approx(expected.item(), abs=1e-5)


def test_the_published_measures_of_every_scale(tiny_pipeline: Pipeline, evaluation: Evaluation) -> None:
    report = evaluate(tiny_pipeline, evaluation)
    cases = process_singly(tiny_pipeline, evaluation)
    assert len(report.scales) == 3
    for s, scale in enumerate(report.scales):
        entropies, right, total, hits, union = [], 0, 0, 0, 0
        for item, result in cases:
            confidence = result.detection.scales[s].confidence[0, 0].numpy()
            y, x = (np.arange(32) * extent // 32 for extent in confidence.shape)  # nearest
            p = 1 - confidence[y][:, x].astype(np.float64)  # of valid
            valid = ~item.corruption_mask
            entropies.append(-(np.where(valid, np.log(np.maximum(p, 1e-44)), np.log(np.maximum(1 - p, 1e-44)))).mean())
            right += ((p >= 0.5) == valid).sum()
            total += valid.size
            hits += ((p >= 0.5) & valid).sum()
            union += ((p >= 0.5) | valid).sum()
        assert scale["bce"].value == pytest.approx(np.mean(entropies), rel=1e-4)
        assert scale["accuracy"].value == pytest.approx(right / total)
        assert scale["iou"].value == pytest.approx(hits / union)
        assert scale["f1"].value == pytest.approx(2 * hits / (union + hits))


def test_scales_are_measured_by_area_too(tiny_pipeline: Pipeline, evaluation: Evaluation, tmp_path: Path) -> None:
    report = evaluate(tiny_pipeline, evaluation, tmp_path)
    groups = report.groups["area"]
    correct = [(g.scales[0]["accuracy"].value, g.images) for g in groups.values()]
    assert sum(share * images for share, images in correct if share is not None) / report.images == pytest.approx(
        report.scales[0]["accuracy"].value
    )
    saved = json.loads((tmp_path / "metrics.json").read_text())
    assert saved["groups"]["area"]["clean"]["scales"][2]["bce"].keys() == {"value", "low", "high"}


def test_calibration_error_is_computed_over_all_pixels(tiny_pipeline: Pipeline, evaluation: Evaluation) -> None:
    report = evaluate(tiny_pipeline, evaluation)
    confidences, truths = [], []
    for item, result in process_singly(tiny_pipeline, evaluation):
        confidences.append(result.confidence.flatten())
        truths.append(torch.from_numpy(item.corruption_mask).flatten().int())
    confidence, truth = torch.cat(confidences), torch.cat(truths)
    expected = binary_calibration_error(confidence, truth, n_bins=CALIBRATION_BINS, norm="l1")
    assert report.headline["calibration_error"] == pytest.approx(float(expected), abs=1e-4)
    assert sum(r["pixels"] for r in report.calibration) == len(truth)
    assert all(0 <= r["confidence"] <= 1 and 0 <= r["corrupted"] <= 1 for r in report.calibration)


@pytest.mark.parametrize("peak_threshold", [0.0, 0.75])
def test_the_curve_matches_runs_at_other_sensitivities(
    tiny_pipeline: Pipeline, photos: Path, peak_threshold: float
) -> None:
    pipeline = tiny_pipeline.replace(threshold=0.45, peak_threshold=peak_threshold)
    evaluation = make_evaluation(photos, corruption=Corruption(clean=0.4))
    curve = evaluate(pipeline, evaluation).sensitivities
    assert [point["sensitivity"] for point in curve] == pytest.approx(np.arange(0.05, 0.99, 0.05))
    for point in curve[::4]:
        report = evaluate(pipeline.replace(sensitivity=point["sensitivity"]), evaluation)
        for name in ("f1", "false_positive_area", "untouched"):
            assert point[name] == pytest.approx(report.headline[name])
        hits, wrong, _, missed = np.sum([row.detection.counts for row in report.rows], axis=0)
        assert point["precision"] == (pytest.approx(hits / (hits + wrong)) if hits + wrong else None)
        assert point["recall"] == pytest.approx(hits / (hits + missed))
    recalls = [recall for point in curve if (recall := point["recall"]) is not None]
    assert len(recalls) == len(curve)
    assert recalls == sorted(recalls)
    assert len(set(recalls)) > 2


def test_kinds_of_damage_are_scored(photos: Path, tmp_path: Path, make_detector: Callable[..., Detector]) -> None:
    detector = make_detector(clusterer=SoftKMeans(one_class=False), damage_head=DamageHead(dim=4, finest=0))
    rules = (Rule(shapes=(Blobs(),), contents=(Noise(),)), Rule(shapes=(Rectangles(),), contents=(AnotherPhoto(),)))
    evaluation = make_evaluation(photos, corruption=Corruption(rules=rules, layers=(2, 2), clean=0.1))
    pipeline = Pipeline(detector, device="cpu")
    report = evaluate(pipeline, evaluation, tmp_path)
    shares: dict[str, list[NDArray[np.float64]]] = {}
    for i in evaluation.list_numbers():
        item, result = evaluation.make_items()[i], pipeline.detect(evaluation.make_items()[i].image)
        called = np.zeros((32, 32), int)
        for region in result.regions:
            called[label_region(result, region)] = DAMAGE.index(region.kind) + 1
        for number, kind in enumerate(DAMAGE, start=1):
            own = called[(item.damage_map == number) & (called > 0)]
            if own.size:
                shares.setdefault(kind, []).append(np.bincount(own, minlength=7)[1:] / own.size)
    assert set(shares) == {"fill", "patch"}
    assert [own.kind for own in report.kinds] == [kind for kind in DAMAGE if kind in shares]
    for own in report.kinds:
        assert own.images == len(shares[own.kind])
        assert [own.shares[kind] for kind in DAMAGE] == pytest.approx(np.mean(shares[own.kind], axis=0).tolist())
    assert "| found damage, classified as | images | text |" in (tmp_path / "table.md").read_text()
    assert json.loads((tmp_path / "metrics.json").read_text())["kinds"] == [
        {"kind": own.kind, "images": own.images, **own.shares} for own in report.kinds
    ]


def label_region(result: Result, region: Region) -> NDArray[np.bool_]:
    """The pixels of a region."""
    regions, _ = ndimage.label(result.corruption_mask[0, 0].numpy(), np.ones((3, 3)))  # type: ignore[misc]
    x, y, width, height = region.box
    own = regions[y : y + height, x : x + width]
    numbers = [n for n in np.unique(own[own > 0]) if (regions == n).sum() == (own == n).sum() == region.area]
    return np.isin(regions, numbers[:1])


def test_detectors_that_know_no_kinds_are_not_asked(tiny_pipeline: Pipeline, evaluation: Evaluation) -> None:
    report = evaluate(tiny_pipeline, evaluation)
    assert report.kinds == []
    assert "is called" not in report.to_markdown()
    assert all("kinds" not in row.to_json()["detection"] for row in report.rows)
