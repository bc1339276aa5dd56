from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import Result

from hcl_sdk import Pipeline
from hcl_sdk.published import convert_settings

RECORDED = Path(__file__).parents[1] / "data" / "recorded"


def test_convert_writes_weights_and_reports_what_it_left_out(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = json.loads((RECORDED / "legacy2.json").read_text())
    checkpoint = torch.load(RECORDED / "legacy2.pt", weights_only=True)
    torch.save(checkpoint | {"step": 7}, "checkpoint.pt")
    monkeypatch.setattr("hcl_sdk.published.get_preset", lambda name, version: convert_settings(settings))
    result = hcl("convert", "checkpoint.pt", "--preset", "small", "-o", "converted")
    assert "step" in result.stdout
    assert "--weights converted" in result.stdout
    pipeline = Pipeline.from_pretrained("converted")
    names = dict(pipeline.detector.named_parameters()) if pipeline.detector else {}
    assert pipeline.detection_size is None
    stored = checkpoint["classifier"]["cls.0.weight"]
    torch.testing.assert_close(names["clusterer.score.0.weight"].detach().cpu(), stored, rtol=0, atol=0)


def test_convert_stores_the_detection_size(hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    settings = json.loads((RECORDED / "legacy2.json").read_text())
    monkeypatch.setattr("hcl_sdk.published.get_preset", lambda name, version: convert_settings(settings))
    hcl("convert", RECORDED / "legacy2.pt", "--preset", "small", "-o", "converted", "--detection-size", 512)
    assert Pipeline.from_pretrained("converted").detection_size == 512


def test_convert_refuses_other_files_than_checkpoints(hcl: Callable[..., Result]) -> None:
    Path("text.pt").write_text("no checkpoint")
    assert "places256" in hcl("convert", "text.pt", "--preset", "places", "-o", "x", status=2).stderr
    assert "--version" in hcl("convert", "text.pt", "--preset", "ffhq256", "--version", 1, "-o", "x", status=2).stderr
    assert "text.pt is not a checkpoint" in hcl("convert", "text.pt", "--preset", "ffhq256", "-o", "x", status=1).stderr
    assert "gone.pt" in hcl("convert", "gone.pt", "--preset", "ffhq256", "-o", "x", status=2).stderr


def test_convert_lists_mismatches(hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    settings = json.loads((RECORDED / "legacy2.json").read_text())
    torch.save({"inpaintnet": {}}, "empty.pt")
    monkeypatch.setattr("hcl_sdk.published.get_preset", lambda name, version: convert_settings(settings))
    result = hcl("convert", "empty.pt", "--preset", "small", "-o", "x", status=1)
    assert "missing" in result.stderr
    assert not Path("x").exists()
