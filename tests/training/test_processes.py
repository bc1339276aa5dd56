"""Signals, wherever a run is."""

from __future__ import annotations

import errno
import multiprocessing
import os
import re
import signal
import threading
import time
from pathlib import Path
from typing import NoReturn

import attrs
import pytest
from runs import RunConfig
from torch.utils.data import DataLoader

import hcl_sdk
from hcl_sdk.interfaces import Sample
from hcl_sdk.training import Trainer, TrainingError, load_run
from hcl_sdk.training.processes import Stop, StopRequested


@hcl_sdk.component
class Stalling(hcl_sdk.Dataset):
    """Photos of which, from some calls on, none ever arrives: a network drive that hangs."""

    photos: hcl_sdk.Dataset
    calls: int = 12

    def __attrs_post_init__(self) -> None:
        self._left = self.calls

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> Sample:
        self._left -= 1
        if self._left < 0:
            time.sleep(3600)
        return self.photos[index]

    def name(self, index: int) -> str:
        return self.photos.name(index)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_signal_ends_waiting_for_photos(run_config: RunConfig, tmp_path: Path, workers: int) -> None:
    pipeline, recipe = load_run(
        run_config(f"data.workers={workers}", "data.corruption.rules=[{shapes: [rectangles], contents: [noise]}]"),
        device="cpu",
    )
    recipe = attrs.evolve(recipe, data=attrs.evolve(recipe.data, dataset=Stalling(photos=recipe.data.dataset)))

    def interrupt() -> None:
        while not (tmp_path / "checkpoints" / "step-00000002.pt").exists():
            time.sleep(0.05)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    outcome = Trainer(pipeline, recipe).fit(tmp_path, progress=False)
    thread.join()
    assert not outcome.finished
    assert 2 <= outcome.step < 4


def test_the_handlers_of_before_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    stop = Stop()
    with stop.listen():
        signal.raise_signal(signal.SIGTERM)
        assert stop.requested
        assert signal.getsignal(signal.SIGTERM) is before  # a second one ends the program
    with stop.listen(), pytest.raises(StopRequested), stop.interrupt_waiting():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before


def test_in_another_thread_signals_are_left_alone() -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def listen() -> None:
        with Stop().listen():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert seen == [before]


@hcl_sdk.component
class Deadly(hcl_sdk.Dataset):
    """Photos of which one ends the process that reads it, as the system does where memory is short."""

    photos: hcl_sdk.Dataset

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> Sample:
        if multiprocessing.parent_process() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.photos[index]

    def name(self, index: int) -> str:
        return self.photos.name(index)


def test_a_killed_worker_ends_the_run(run_config: RunConfig, tmp_path: Path) -> None:
    pipeline, recipe = load_run(run_config("data.workers=1"), device="cpu")
    recipe = attrs.evolve(recipe, data=attrs.evolve(recipe.data, dataset=Deadly(photos=recipe.data.dataset)))
    with pytest.raises(TrainingError, match=r"a process that prepares images ended: .*set data\.workers lower"):
        Trainer(pipeline, recipe).fit(tmp_path, progress=False)


@pytest.mark.parametrize(
    ("number", "why"),
    [(errno.ENOSPC, "is full; make room there"), (errno.EROFS, "cannot be used (Read-only file system)")],
)
def test_workers_that_cannot_start_give_the_reason(
    run_config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, why: str
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(DataLoader, "__iter__", refuse)
    pipeline, recipe = load_run(run_config("data.workers=1"), device="cpu")
    with pytest.raises(TrainingError, match=re.escape(f"/dev/shm, where they keep their locks, {why}")):
        Trainer(pipeline, recipe).fit(tmp_path, progress=False)
