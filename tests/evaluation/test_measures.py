"""Measures of images at thresholds, against trying all of them."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import binary_average_precision, binary_f1_score

from hcl_sdk.evaluation.measures import average_precision, f1_by_threshold, measure
from hcl_sdk.evaluation.rows import CALIBRATION_BINS, LEVELS, SENSITIVITIES, Counts, DetectionRow, Row

Images: TypeAlias = list[tuple[np.ndarray, np.ndarray]]
"""The level of every pixel, and where it is corrupted."""


def make_row(number: int, level: np.ndarray, truth: np.ndarray) -> Row:
    counts = Counts(0, int((level > 150).sum()), int((level <= 150).sum()), 0)
    levels = tuple(np.bincount(level[where], minlength=LEVELS).tolist() for where in (truth, ~truth))
    nothing = [0.0] * CALIBRATION_BINS
    detection = DetectionRow(
        counts=counts,
        f1=None,
        levels=levels,
        calibration=(nothing, nothing, nothing),
        sensitivities=(counts,) * len(SENSITIVITIES),
        scales=(),
    )
    name = str(number)
    return Row(
        number=number, name=name, source=name, shape="", content="", area=float(truth.mean()), detection=detection
    )


@pytest.fixture
def images() -> Images:
    rng = np.random.default_rng(1)
    found = []
    for share in (0.3, 0.05, 0.6, 0.0):
        truth = rng.random(400) < share
        found.append((np.clip(rng.normal(60 + 80 * truth, 30), 0, LEVELS - 1).astype(int), truth))
    return found


def f1(truth: np.ndarray, found: np.ndarray) -> float:
    return float(binary_f1_score(torch.from_numpy(found).int(), torch.from_numpy(truth).int()))


def test_thresholds_for_all_and_for_each(images: Images) -> None:
    values = measure([make_row(i, *image) for i, image in enumerate(images)], resamples=30, seed=0)
    damaged = [image for image in images if image[1].any()]
    table = np.array([[f1(truth, level >= t) for t in range(LEVELS)] for level, truth in damaged])
    means = table.mean(axis=0)
    assert values["mean_f1_best_threshold"].value == pytest.approx(means.max())
    assert values["best_threshold"].value == pytest.approx(means.argmax() / LEVELS)
    assert values["mean_f1_own_threshold"].value == pytest.approx(table.max(axis=1).mean())
    precision = [
        float(binary_average_precision(torch.from_numpy(level / LEVELS), torch.from_numpy(truth).int()))
        for level, truth in damaged
    ]
    assert values["mean_average_precision"].value == pytest.approx(np.mean(precision))
    level, _ = images[-1]
    assert values["false_positive_area"].value == pytest.approx((level > 150).mean())


def test_without_damage_thresholds_are_not_defined(images: Images) -> None:
    level, _ = images[0]
    values = measure([make_row(0, level, np.zeros(400, bool))], resamples=5, seed=0)
    for name in ("mean_f1_best_threshold", "best_threshold", "mean_f1_own_threshold", "mean_average_precision"):
        assert values[name].value is None


def test_f1_at_every_level_by_hand() -> None:
    positives, negatives = np.zeros(LEVELS), np.zeros(LEVELS)
    positives[[10, 20]], negatives[15] = 1, 2
    f1 = f1_by_threshold(positives, negatives)
    assert f1[[0, 10, 11, 16, 20, 21]] == pytest.approx([4 / 6, 4 / 6, 2 / 5, 2 / 3, 2 / 3, 0])
    assert np.isnan(f1_by_threshold(np.zeros(LEVELS), negatives)).all()


def test_average_precision_by_hand() -> None:
    positives, negatives = np.zeros(LEVELS), np.zeros(LEVELS)
    positives[[LEVELS - 1, 5]] = 1
    negatives[10] = 2
    assert average_precision(positives, negatives) == pytest.approx((1 / 1 + 2 / 4) / 2)
    assert np.isnan(average_precision(np.zeros(LEVELS), negatives))
