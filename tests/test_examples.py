"""The examples run as a user runs them, and write what they say."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hcl_sdk import Pipeline
from hcl_sdk.testing import isolate_registry

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> None:
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    with isolate_registry():  # what an example registers is a user's, and not the other tests'
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def test_every_example_is_tested_here() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {
        "compose_in_code",
        "compose_in_yaml",
        "restore_with_own_mask",
        "train_a_detector",
    }


def test_compose_in_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run("compose_in_code.py", monkeypatch, tmp_path)
    printed = capsys.readouterr().out
    assert "stride 8: mask (2, 1, 9, 13)" in printed
    assert "photo (256, 385), restored (256, 385)" in printed
    assert Pipeline.from_pretrained(tmp_path / "weights").detection_size == 128


def test_compose_in_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run("compose_in_yaml.py", monkeypatch, tmp_path)
    printed = capsys.readouterr().out
    assert "4 problems in the configuration" in printed
    assert "did you mean 'convnext'?" in printed
    written = Pipeline.from_config(tmp_path / "pipeline.yaml")
    assert written.to_config() == Pipeline.from_config(EXAMPLES / "compose_in_yaml.yaml").to_config()


def test_restore_with_own_mask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("restore_with_own_mask.py", monkeypatch, tmp_path)
    assert "of the photo marked" in capsys.readouterr().out
    damaged, mask, restored, edited = (
        np.asarray(Image.open(tmp_path / name))
        for name in ("damaged.png", "own_mask.png", "restored.png", "restored_edited.png")
    )
    assert (restored[mask == 255] != damaged[mask == 255]).any(axis=1).mean() > 0.9
    changed = (restored != damaged).any(axis=2)
    assert 0 < changed.mean() < 0.15
    box = (slice(170, 201), slice(260, 311))
    assert (edited[box] != damaged[box]).any(axis=2).mean() > 0.9


def test_train_a_detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    with Image.open(EXAMPLES.parent / "hcl_sdk" / "assets" / "sample.jpg") as sample:
        for i in range(4):
            sample.crop((60 * i, 20 * i, 60 * i + 180, 20 * i + 180)).save(photos / f"{i}.png")
    run("train_a_detector.py", monkeypatch, photos, tmp_path, "--steps", "25")
    printed = capsys.readouterr().out
    assert "25 steps; average precision" in printed
    assert (tmp_path / "measured" / "worst_detection.jpg").is_file()
    losses = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert losses[-1]["loss/detection/overlap"] > 0
    assert Pipeline.from_pretrained(tmp_path / "run" / "weights").restorer is None
