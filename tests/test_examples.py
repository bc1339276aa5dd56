"""The examples run as a user runs them, and write what they say."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hcl_sdk import Pipeline

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [name, str(folder)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def test_every_example_is_tested_here():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {
        "compose_in_code",
        "compose_in_yaml",
        "restore_with_own_mask",
    }


def test_compose_in_code(tmp_path, monkeypatch, capsys):
    run("compose_in_code.py", tmp_path, monkeypatch)
    printed = capsys.readouterr().out
    assert "stride 8: mask (2, 1, 9, 13)" in printed
    assert "photo (256, 385), restored (256, 385)" in printed
    assert Pipeline.from_pretrained(tmp_path / "weights").detection_size == 128


def test_compose_in_yaml(tmp_path, monkeypatch, capsys):
    run("compose_in_yaml.py", tmp_path, monkeypatch)
    printed = capsys.readouterr().out
    assert "4 problems in the configuration" in printed
    assert "did you mean 'convnext'?" in printed
    written = Pipeline.from_config(tmp_path / "pipeline.yaml")
    assert written.to_config() == Pipeline.from_config(EXAMPLES / "compose_in_yaml.yaml").to_config()


def test_restore_with_own_mask(tmp_path, monkeypatch, capsys):
    run("restore_with_own_mask.py", tmp_path, monkeypatch)
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
