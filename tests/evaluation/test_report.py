"""What a report groups, and what it leaves undefined."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from evaluations import make_evaluation

from hcl_sdk import Pipeline
from hcl_sdk.corruptions import Corruption
from hcl_sdk.evaluation import Evaluation, evaluate
from hcl_sdk.evaluation.report import name_area_group


@pytest.mark.parametrize(
    ("area", "group"),
    [
        (0.0, "clean"),
        (0.001, "0 to 1 %"),
        (0.01, "1 to 10 %"),
        (0.0999, "1 to 10 %"),
        (0.1, "10 to 20 %"),
        (0.599, "50 to 60 %"),
        (0.6, "60 % and more"),
        (1.0, "60 % and more"),
    ],
)
def test_groups_by_area(area: float, group: str) -> None:
    assert name_area_group(area) == group


def test_groups_hold_all_images(tiny_pipeline: Pipeline, evaluation: Evaluation) -> None:
    report = evaluate(tiny_pipeline, evaluation)
    assert sum(group.images for group in report.groups["area"].values()) == 7
    assert set(report.groups["content"]) <= {"noise", "color"}
    assert list(report.groups["shape"]) == ["blobs"]
    pooled = report.groups["shape"]["blobs"]
    assert pooled.images == sum(group.images for group in report.groups["content"].values())


def test_undefined_scores_are_none(tiny_pipeline: Pipeline, photos: Path, tmp_path: Path) -> None:
    nothing = Corruption(rules=make_evaluation(photos).corruption.rules, clean=1.0)
    report = evaluate(tiny_pipeline, make_evaluation(photos, corruption=nothing), tmp_path)
    assert report.headline["f1"] is None
    assert report.headline["average_precision"] is None
    assert report.headline["rmse"] is None
    assert report.headline["false_positive_area"] is not None
    assert "NaN" not in (tmp_path / "metrics.json").read_text()
    assert json.loads((tmp_path / "metrics.json").read_text())["overall"]["f1"]["value"] is None
    assert "| F1 of corrupted pixels | - | - |" in report.to_markdown()
    everything = Corruption(rules=nothing.rules, full=1.0)
    report = evaluate(tiny_pipeline, make_evaluation(photos, corruption=everything))
    assert "untouched" not in report.headline
    assert report.headline["f1"] is not None
