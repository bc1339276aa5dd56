"""Runs that are killed, at any moment, go on as if nothing had happened."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from processes import SERVER, Hcl
from runs import assert_same, load_state, read_log, train

from hcl_sdk.config import dump_yaml
from hcl_sdk.training import checkpoints as saving
from hcl_sdk.training.checkpoints import list_checkpoints, read_checkpoint, write_checkpoint
from hcl_sdk.training.random_states import get_random_states, set_random_states

STEPS, KILLS = 40, 6


def start(config: Path, out: Path) -> Hcl:
    return Hcl(["train", str(config), "-o", str(out), "-q", "--device", "cpu"], logs=config.parent / "logs")


@pytest.fixture(scope="module")
def long_run(run_config: Callable[..., dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """A configuration with all that has a state, whose checkpoints are as frequent as can be; and its file."""
    config = run_config(
        f"steps={STEPS}",
        "seed=0",  # as `train` has it
        "restoration.losses=[l1, {use: wasserstein, weight: 0.01, channels: [2, 2]}]",
        "optimization.decay=cosine",
        "data.workers=1",
        "accumulation=2",
    )
    path = tmp_path_factory.mktemp("long") / "run.yaml"
    path.write_text(dump_yaml(config))
    return config, path


@pytest.fixture(scope="module")
def whole_run(long_run: tuple[Any, Any]) -> Any:
    """What training leaves that nothing interrupts."""
    config, path = long_run
    train(config, path.parent / "whole")
    return load_state(path.parent / "whole")


def quiet_train(config: dict[str, Any], out: Path) -> None:
    """What a process that is going to be killed does."""
    torch.set_num_threads(1)
    train(config, out)


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_weights(
    long_run: tuple[Any, Any], whole_run: Any, tmp_path: Path
) -> None:
    config, _ = long_run
    out, kills, rng = tmp_path / "killed", 0, random.Random(1)
    while True:
        process = SERVER.Process(target=quiet_train, args=(config, out))
        begun = list_checkpoints(out / "checkpoints")
        process.start()
        while process.is_alive() and kills < KILLS:  # wait until it goes on, then kill it wherever it is
            if (now := list_checkpoints(out / "checkpoints")) and now != begun:
                time.sleep(rng.uniform(0, 0.3))
                process.kill()
                kills += 1
                break
            time.sleep(0.002)
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        for checkpoint in list_checkpoints(out / "checkpoints"):
            read_checkpoint(checkpoint)  # whole
    assert kills >= KILLS // 2
    killed = load_state(out)
    for key in ("trained", "averaged", "discriminators", "optimizers", "schedules", "step"):
        assert_same(whole_run[key], killed[key])
    assert [line["step"] for line in read_log(out)] == list(range(1, STEPS + 1))
    assert not list((out / "checkpoints").glob("*.partial"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_run_after_the_step(
    long_run: tuple[Any, Any], whole_run: Any, tmp_path: Path, number: Any
) -> None:
    """A terminal and a batch system send it to the workers as well."""
    config, path = long_run
    out = tmp_path / "stopped"
    hcl = start(path, out)
    while not list_checkpoints(out / "checkpoints"):
        assert hcl.is_running, hcl.stderr
        time.sleep(0.01)
    os.killpg(hcl.pid, number)
    assert hcl.wait() == 130, hcl.stderr
    assert "stopping after this step" in hcl.stderr
    step = load_state(out)["step"]
    assert 0 < step < STEPS
    assert (out / "weights" / "model.safetensors").is_file()
    train(config, out)
    assert_same(load_state(out)["trained"], whole_run["trained"])


def test_workers_end_with_a_trainer_that_is_killed(long_run: tuple[Any, Any], tmp_path: Path) -> None:
    _, path = long_run
    hcl = start(path, tmp_path / "run")
    while not list_checkpoints(tmp_path / "run" / "checkpoints"):
        assert hcl.is_running
        time.sleep(0.01)
    hcl.process.kill()
    hcl.wait()
    for _ in range(600):
        try:
            os.killpg(hcl.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(hcl.pid, signal.SIGKILL)
    pytest.fail("a worker went on for a minute")


class Killed(BaseException):
    """Stands for the end of the process: nothing handles it."""


@pytest.mark.parametrize("moment", range(8))
def test_writing_a_checkpoint_can_be_interrupted_at_every_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """Whatever call is the last, the newest checkpoint is whole and the one before it is there."""
    states = [{"step": i, "weights": torch.full((100,), float(i))} for i in range(4)]
    for i in (1, 2):
        write_checkpoint(tmp_path, i, states[i], keep=2)
    left = moment

    def count_calls(function: Any, writes_half: bool = False) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            if left == 0:
                if writes_half:
                    arguments[1].write(b"half of it")
                raise Killed
            left -= 1
            return function(*arguments, **options)

        return call

    monkeypatch.setattr(saving.torch, "save", count_calls(torch.save, writes_half=True))
    monkeypatch.setattr(saving.os, "fsync", count_calls(os.fsync))
    monkeypatch.setattr(Path, "open", count_calls(Path.open))
    monkeypatch.setattr(Path, "replace", count_calls(Path.replace))
    monkeypatch.setattr(Path, "unlink", count_calls(Path.unlink))
    try:
        write_checkpoint(tmp_path, 3, states[3], keep=2)
        is_done = True
    except Killed:
        is_done = False
    monkeypatch.undo()
    found = list_checkpoints(tmp_path)
    assert len(found) >= 2
    for path in found:
        state = read_checkpoint(path)
        assert_same(state, states[state["step"]])
    assert is_done <= (read_checkpoint(found[-1])["step"] == 3)
    saving.clean_up(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in found}


def test_a_full_disk_is_reported_and_leaves_earlier_checkpoints(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    write_checkpoint(tmp_path, 1, {"weights": torch.zeros(10)}, keep=2)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match=r"step-00000002\.pt cannot be written; earlier ones are intact: .*large"):
            write_checkpoint(tmp_path, 2, {"weights": torch.zeros(1_000_000)}, keep=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001.pt"]
    read_checkpoint(tmp_path / "step-00000001.pt")


def test_random_states_come_back() -> None:
    states = get_random_states()

    def draw() -> tuple[Any, Any, Any]:
        return random.random(), np.random.rand(), torch.rand(()).item()

    first = draw()
    assert draw() != first
    set_random_states(states)
    assert draw() == first
