"""The files of an evaluation, and the cases that it shows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from evaluations import make_counted_row
from PIL import Image

from hcl_sdk import Pipeline
from hcl_sdk.evaluation import Evaluation, evaluate
from hcl_sdk.evaluation.rows import RestorationRow, Row
from hcl_sdk.evaluation.sheets import choose_cases


def test_files_and_sheets_are_written(tiny_pipeline: Pipeline, evaluation: Evaluation, tmp_path: Path) -> None:
    report = evaluate(tiny_pipeline, evaluation, tmp_path / "out")
    written = {path.name for path in (tmp_path / "out").iterdir()}
    sheets = {f"{which}_{what}.jpg" for which in ("best", "worst") for what in ("detection", "restoration")}
    if report.headline["untouched"] < 1:
        sheets.add("worst_clean.jpg")
    assert written == {"metrics.json", "table.md", "items.jsonl"} | sheets
    rows = [json.loads(line) for line in (tmp_path / "out" / "items.jsonl").read_text().splitlines()]
    assert [r["name"] for r in rows] == [f"{i}.png" for i in range(7)]
    assert rows == [json.loads(json.dumps(row.to_json())) for row in report.rows]
    with Image.open(tmp_path / "out" / "worst_detection.jpg") as sheet:
        assert sheet.width > 500
    assert json.loads((tmp_path / "out" / "metrics.json").read_text()) == report.to_json()


def test_sheets_do_not_overwrite_a_photo(
    tiny_pipeline: Pipeline, evaluation: Evaluation, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    own = tmp_path / "out" / "worst_restoration.jpg"
    own.write_bytes(before := (photos / "0.png").read_bytes())
    with pytest.raises(FileExistsError, match=r"worst_restoration.jpg would be overwritten; choose another"):
        evaluate(tiny_pipeline, evaluation, tmp_path / "out")
    assert own.read_bytes() == before
    own.unlink()
    for _ in range(2):  # its own are overwritten
        evaluate(tiny_pipeline, evaluation, tmp_path / "out")


def test_the_cases_that_are_shown() -> None:
    def case(number: int, f1: float | None = None, wrong: int = 0, area: float = 0.2, psnr: float | None = None) -> Row:
        made = make_counted_row(number, [1, wrong, 9, 1], area=area)
        assert made.detection is not None
        restoration = RestorationRow(
            psnr=psnr,
            ssim=None,
            raw_psnr=None,
            raw_ssim=None,
            damaged_psnr=None,
            image_squared_error=0.0,
            image_values=1,
        )
        return replace(made, detection=replace(made.detection, f1=f1), restoration=restoration)

    rows = [
        case(0, f1=0.5, psnr=20.0),
        case(1, f1=0.1, psnr=30.0),
        case(2, f1=0.9, psnr=10.0),
        case(3, area=0.0, wrong=2),
        case(4, area=0.0, wrong=5),
        case(5, area=0.0),
    ]
    chosen = choose_cases(rows, 2)
    assert {name: [number for _, number in cases] for name, (_, cases) in chosen.items()} == {
        "worst_detection": [1, 0],
        "best_detection": [2, 0],
        "worst_restoration": [2, 0],
        "best_restoration": [1, 0],
        "worst_clean": [4, 3],
    }
    seen = []
    for number, own in enumerate(rows[:3]):
        assert own.restoration is not None
        seen.append(replace(own, restoration=replace(own.restoration, feature_distance=float(number))))
    score, cases = choose_cases(seen, 2)["worst_restoration"]
    assert score == "feature distance"
    assert [number for _, number in cases] == [2, 1]
