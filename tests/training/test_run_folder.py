"""What a killed process leaves in the folder of a run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from runs import RunConfig, read_log, train

from hcl_sdk.training import TrainingError
from hcl_sdk.training.checkpoints import write_checkpoint
from hcl_sdk.training.run_folder import RunFolder


@pytest.fixture
def validated(run_config: RunConfig, photos: Path) -> dict[str, Any]:
    config = run_config("validate_every=2", "validation.size=16", "validation.limit=2", "steps=5")
    config["validation"]["dataset"] = {"use": "folder", "path": str(photos)}
    return config


@pytest.mark.parametrize("step", [4, 5])
def test_a_run_killed_before_validation_is_validated(validated: dict[str, Any], tmp_path: Path, step: int) -> None:
    """After a checkpoint in the middle, and after the last one."""
    train(validated, tmp_path / "whole")
    out = tmp_path / "run"
    train(validated | {"steps": step}, out)
    log = out / "log.jsonl"
    log.write_text("".join(line + "\n" for line in log.read_text().splitlines() if f'"step": {step}, "val' not in line))
    panel = out / "panels" / f"step-{step:08d}.jpg"
    panel.unlink()
    train(validated, out)
    assert panel.is_file()
    whole, resumed = read_log(tmp_path / "whole"), read_log(out)
    assert [line["step"] for line in resumed if "validation/f1" in line] == [2, 4, 5]
    for ours, theirs in zip(resumed, whole, strict=True):
        assert ours.keys() == theirs.keys()
        assert all(ours[key] == theirs[key] for key in ours if key != "images_per_second")


def test_validated_steps_are_not_validated_again(
    validated: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(validated | {"steps": 4}, tmp_path)
    monkeypatch.setattr("hcl_sdk.training.loop.evaluate", None)
    train(validated | {"steps": 4}, tmp_path)


def test_half_written_files_are_removed(run_config: RunConfig, tmp_path: Path) -> None:
    train(run_config("steps=1"), tmp_path)
    (tmp_path / "panels").mkdir()
    nameless = ".hcl-0123456789abcdef.part"  # of a configuration, a log or a panel
    left = (nameless, f"panels/{nameless}", "checkpoints/step-00000002.partial")
    for name in left:
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (0, 0))
    train(run_config("steps=2"), tmp_path)
    assert not [name for name in left if (tmp_path / name).exists()]


def test_a_log_that_was_tampered_with_is_cut(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    good = [{"step": 1, "lr": 0.5}, {"step": 2, "validation/f1": None}]
    strange = [
        b"5",
        b'"step"',
        b"[1]",
        b'{"step": "1"}',
        b'{"lr": 1}',
        b"\xff\xfe",
        b"",
        b"[" * 100_000,
        b'{"step": 1, "l',
    ]
    contents = [json.dumps(good[0]).encode(), *strange, json.dumps(good[1]).encode(), b'{"step": 3}']
    folder.log.write_bytes(b"\n".join(contents))
    assert folder.is_validated(2)
    assert not folder.is_validated(1)
    folder.cut_log(2)
    assert read_log(tmp_path) == good
    assert {path.name for path in tmp_path.iterdir()} == {"log.jsonl"}


@pytest.mark.parametrize("name", ["log.jsonl", "training.yaml"])
def test_a_pipe_in_place_of_a_file_is_refused(run_config: RunConfig, tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(TrainingError, match=rf"{name} is not a regular file; choose another folder"):
        train(run_config("steps=1"), tmp_path)


@pytest.mark.parametrize("state", [{"step": 1}, {"trained": {}}, {"trained": [1]}])
def test_a_checkpoint_of_something_else_is_named(
    run_config: RunConfig, tmp_path: Path, state: dict[str, object]
) -> None:
    train(run_config("steps=1"), tmp_path)
    write_checkpoint(tmp_path / "checkpoints", 2, state, keep=5)
    with pytest.raises(TrainingError, match=r"step-00000002\.pt does not hold the state of this run: \w+"):
        train(run_config("steps=3"), tmp_path)
