"""Several processes do what one does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from processes import launch, run_ranks
from runs import load_gradients, load_state, read_log, train

from hcl_sdk.config import dump_yaml


def write_command(config: dict[str, Any], out: Path) -> list[str]:
    """The arguments of a training run, whose configuration is written beside it."""
    path = out.parent / f"{out.name}.yaml"
    path.write_text(dump_yaml(config))
    return ["train", str(path), "-o", str(out), "-q", "--device", "cpu"]


def test_two_processes_train_as_one_does(
    run_config: Callable[..., dict[str, Any]], photos: Path, tmp_path: Path
) -> None:
    config = run_config(
        "steps=2",
        "seed=0",  # as `train` has it
        "batch_size=8",
        "accumulation=2",
        "restoration.losses=[l1, {use: wasserstein, weight: 0.01, channels: [2, 2]}]",
        "validation.size=16",
        "validation.batch_size=2",
    )
    config["validation"]["dataset"] = {"use": "folder", "path": str(photos)}
    train(config, tmp_path / "one")
    for rank in run_ranks(write_command(config, tmp_path / "two"), tmp_path / "logs"):
        assert rank.wait() == 0, rank.stderr
    one, two = tmp_path / "one", tmp_path / "two"
    for key, value in load_gradients(one).items():  # of two steps
        torch.testing.assert_close(load_gradients(two)[key], value, atol=1e-4, rtol=1e-2)
    for ours, theirs in zip(read_log(one), read_log(two), strict=True):
        assert ours.keys() == theirs.keys()
        for name in ours:
            if name != "images_per_second" and ours[name] is not None:
                assert theirs[name] == pytest.approx(ours[name], rel=2e-2, abs=2e-3)
    assert len(load_state(two)["random"]) == 2
    for rank in run_ranks(write_command(config | {"steps": 3}, two), tmp_path / "logs"):
        assert rank.wait() == 0, rank.stderr
    assert load_state(two)["step"] == 3


def test_a_batch_that_cannot_be_split_is_refused(run_config: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    refused = launch(write_command(run_config("batch_size=5"), tmp_path / "run"))
    assert refused.returncode != 0
    assert "batch_size: must be divisible by processes x accumulation, 2 x 1; got 5" in refused.stderr
