"""``hcl train`` as a user types it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from click.testing import CliRunner, Result
from runs import RunConfig

from hcl_sdk import GatedUNet
from hcl_sdk.cli import main
from hcl_sdk.config import dump_yaml
from hcl_sdk.data import FolderDataset
from hcl_sdk.training import Outcome, Trainer


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["train", *map(str, arguments)])


@pytest.fixture
def config(run_config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.yaml").write_text(dump_yaml(run_config()))
    return "run.yaml"


def test_it_trains_and_suggests_the_next_step(config: str, tmp_path: Path) -> None:
    done = invoke(config, "steps=2", "-o", "run")
    assert done.exit_code == 0, done.output
    assert "hcl restore PHOTO --weights run/weights" in done.output
    assert (tmp_path / "run/weights/config.json").is_file()


def test_a_dry_run_writes_nothing(config: str, tmp_path: Path) -> None:
    done = invoke(config, "--dry-run")
    assert done.exit_code == 0, done.output
    assert "The configuration is valid: 12 samples; one step gave detection/" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["run.yaml"]


def test_the_output_of_show_is_a_valid_configuration(config: str, tmp_path: Path) -> None:
    done = invoke(config, "steps=7", "optimization.lr=1e-3", "--show")
    shown = yaml.safe_load(done.output)
    assert shown["steps"] == 7
    (tmp_path / "again.yaml").write_text(done.output)
    assert invoke("again.yaml", "steps=1", "-o", "run").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.yaml"], "expected a YAML file or one of the presets ffhq256"),
        (["smal"], "there is no file 'smal'; did you mean 'small'?"),
        (["run.yaml", "stepps=3"], "stepps: unknown key; did you mean 'steps'?"),
        (["run.yaml", "data.size=big"], "data.size: expected a whole number"),
        (["run.yaml", f"seed={10**30}"], "seed: expected a whole number; got one that is too large"),
        (["run.yaml", "steps"], "expected key=value"),
        (["run.yaml", "data.dataset.path=nowhere"], "there is no folder 'nowhere'"),
        (["run.yaml", "optimization.betas=[2, 3]"], "optimization.betas"),
        (["run.yaml", "trackers=[nosuch]", "--dry-run"], "trackers[0]: unknown tracker 'nosuch'; Accelerate has"),
        (["run.yaml", "trackers=[wandb]", "--dry-run"], "trackers[0]: the package of the tracker 'wandb' is not"),
        (["run.yaml", "precision=fp16", "--device", "cpu"], "precision: fp16 needs an accelerator"),
        (["small"], "data.dataset.path: missing"),
        (["places512"], "a file with VGG-19's weights, or 'download'"),
    ],
)
def test_bad_arguments_are_refused(config: str, arguments: list[str], message: str) -> None:
    done = invoke(*arguments)
    assert done.exit_code == 1
    assert message in done.output
    assert "Traceback" not in done.output


def test_all_that_a_preset_lacks_is_listed(config: str) -> None:
    done = invoke("ffhq256")
    for missing in ("data.dataset.path", "shapes[0].folder", "restoration.losses[1]"):
        assert missing in done.output


def test_a_configuration_is_asked_for() -> None:
    done = invoke()
    assert done.exit_code == 2
    assert "Missing argument 'CONFIG'" in done.output


def test_a_stopped_run_says_how_to_resume(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = Trainer.fit

    def stop(self: Trainer, out: Path, *, progress: bool) -> Outcome:
        monkeypatch.setattr("hcl_sdk.training.loop.Run._fetch", lambda run, batches: None)
        return fit(self, out, progress=progress)

    monkeypatch.setattr(Trainer, "fit", stop)
    done = invoke(config, "-o", "run")
    assert done.exit_code == 130
    assert "Stopped after step 0 of 4. Run the same command to resume." in done.output


def test_the_configuration_is_not_overwritten(config: str, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    own = (tmp_path / config).rename(tmp_path / "run/training.yaml")
    own.write_text(before := own.read_text() + "# as I like it\n")
    done = invoke(own, "steps=1", "-o", "run")
    assert done.exit_code == 2
    assert "run/training.yaml, the configuration, would be overwritten" in done.output
    assert own.read_text() == before
    assert invoke(own, "steps=1", "-o", "other").exit_code == 0
    assert invoke("other/training.yaml", "-o", "other").exit_code == 0  # which a run wrote


def test_a_pipe_is_not_read_as_a_configuration(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = invoke(tmp_path / "pipe")
    assert done.exit_code == 1
    assert "pipe: this is not a regular file; expected one with YAML" in done.output


class Panic(BaseException):
    """As extension modules written in Rust raise them."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("shapes\ndiffer"), "the restorer gated-unet failed: RuntimeError: shapes differ ("),
        (ValueError("shapes differ"), "the restorer gated-unet failed: ValueError: shapes differ ("),
        (KeyError(), "the restorer gated-unet failed: KeyError ("),
        (SystemExit(3), "the restorer gated-unet failed: SystemExit: 3 ("),
        (Panic("no layers"), "the restorer gated-unet failed: Panic: no layers ("),
        (torch.OutOfMemoryError("no memory"), "not enough memory; "),
    ],
    ids=repr,
)
def test_a_failing_component_gives_one_error_that_names_it(
    config: str, monkeypatch: pytest.MonkeyPatch, error: BaseException, said: str
) -> None:
    def fail(self: GatedUNet, *_: Any) -> None:
        raise error

    monkeypatch.setattr(GatedUNet, "forward", fail)
    done = invoke(config, "-o", "run", "--quiet")
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"Error: {said}")
    assert line.endswith("; HCL_TRACEBACK=1 shows the traceback")
    monkeypatch.setenv("HCL_TRACEBACK", "1")
    shown = invoke(config, "-o", "run", "--quiet").stderr
    assert shown.startswith("Traceback (most recent call last):\n")
    assert ", in fail\n    raise error\n" in shown
    assert shown.endswith(f"{line}\n")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_failing_dataset_is_named_from_any_process(
    config: str, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    def fail(self: FolderDataset, index: int) -> None:
        raise IndexError("no such row")

    monkeypatch.setattr(FolderDataset, "__getitem__", fail)
    monkeypatch.setenv("HCL_TRACEBACK", "1")
    *shown, line = invoke(config, f"data.workers={workers}", "-o", "run", "--quiet").stderr.splitlines()
    start = f"Error: step 1: the dataset folder failed: IndexError: no such row ({__file__}:"
    assert line.startswith(start)
    assert line.endswith("); HCL_TRACEBACK=1 shows the traceback")
    assert '    raise IndexError("no such row")' in shown


def test_items_that_cannot_be_put_together_are_one_error(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any) -> None:
        raise ValueError("all input arrays must have the same shape")

    monkeypatch.setattr("hcl_sdk.training.batches._stack", fail)
    (line,) = invoke(config, "-o", "run", "--quiet").stderr.splitlines()
    assert line.startswith("Error: step 1: an image could not be prepared: ValueError: all input arrays must")


def test_an_unwritable_folder_is_reported_before_the_work(config: str, tmp_path: Path) -> None:
    (line,) = invoke(config, "-o", "/proc/run", "--quiet").stderr.splitlines()
    assert line == "Error: the results cannot be written to /proc/run: No such file or directory"
