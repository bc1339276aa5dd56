"""Several processes do what one does."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from runs import gradients, lines, train, weights

from hcl_sdk.config import dump_yaml


def launch(config, out, *, processes=2, cwd=None):
    """``accelerate launch``, whose option for several processes is called --multi_gpu on a CPU as well."""
    path = out.parent / f"{out.name}.yaml"
    path.write_text(dump_yaml(config))
    launched = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(processes)]
    launched += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    launched += ["-m", "hcl_sdk.cli", "train", str(path), "-o", str(out), "-q", "--device", "cpu"]
    return subprocess.run(launched, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, cwd=cwd)


def test_two_processes_train_as_one_does(run_config, photos, tmp_path):
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
    done = launch(config, tmp_path / "two")
    assert done.returncode == 0, done.stderr
    one, two = tmp_path / "one", tmp_path / "two"
    for key, value in gradients(one).items():  # of two steps
        torch.testing.assert_close(gradients(two)[key], value, atol=1e-4, rtol=1e-2)
    for ours, theirs in zip(lines(one), lines(two), strict=True):
        assert ours.keys() == theirs.keys()
        for name in ours:
            if name != "images_per_second" and ours[name] is not None:
                assert theirs[name] == pytest.approx(ours[name], rel=2e-2, abs=2e-3)
    assert len(weights(two)["random"]) == 2
    resumed = launch(config | {"steps": 3}, two)
    assert resumed.returncode == 0, resumed.stderr
    assert weights(two)["step"] == 3


def test_a_batch_that_cannot_be_split_is_refused(run_config, tmp_path):
    refused = launch(run_config("batch_size=5"), tmp_path / "run")
    assert refused.returncode != 0
    assert "batch_size: must be divisible by processes x accumulation, 2 x 1; got 5" in refused.stderr
