"""Checkpoints of a run: whole or not there at all, whatever moment the process is killed at."""

from __future__ import annotations

import os
import random
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

_NAME = re.compile(r"step-(\d+)\.pt")


def write_checkpoint(folder: Path, step: int, state: dict[str, Any], *, keep: int) -> Path:
    """Write a checkpoint, then delete all but the ``keep`` latest ones.

    It gets its name only when all of it is on the disk, so that a file of that name is always complete.

    Raises:
        OSError: if it cannot be written, as on a full disk; earlier ones are intact.
    """
    path = folder / f"step-{step:08d}.pt"
    partial = path.with_suffix(".partial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _sync_folder(folder)
    except (OSError, RuntimeError) as error:  # torch's writer raises a RuntimeError of its own on a full disk
        with suppress(OSError):
            partial.unlink()
        raise OSError(f"the checkpoint {path} cannot be written; earlier ones are intact: {_reason(error)}") from error
    for old in checkpoints(folder)[:-keep]:
        old.unlink()
    return path


def _reason(error: Exception) -> str:
    """Why writing failed: of the errors that led to one another, the first that the system reported."""
    reason: BaseException | None = error
    while reason is not None:
        if isinstance(reason, OSError):
            return str(reason)
        reason = reason.__context__
    return str(error).splitlines()[0]


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first; what a killed process left half-written is none."""
    found = [path for path in folder.glob("step-*.pt") if _NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.stem.removeprefix("step-")))


def clean_up(folder: Path) -> None:
    """Remove what a killed process left half-written."""
    for partial in folder.glob("step-*.partial"):
        partial.unlink()


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The state in a checkpoint, on the CPU. No code in it is run."""
    return torch.load(path, map_location="cpu", weights_only=True)


def random_states() -> dict[str, Any]:
    """The global random states of this process, as plain values and tensors."""
    name, keys, *rest = np.random.get_state(legacy=True)
    version, internal, gauss = random.getstate()
    states: dict[str, Any] = {
        "python": (version, list(internal), gauss),
        "numpy": (name, torch.from_numpy(np.asarray(keys, dtype=np.int64)), *rest),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def set_random_states(states: dict[str, Any]) -> None:
    """Set the global random states of this process to what :func:`random_states` gave."""
    version, internal, gauss = states["python"]
    random.setstate((version, tuple(internal), gauss))
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(states["torch"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])


def _sync_folder(folder: Path) -> None:
    """Make sure that the new name is on the disk too; not every system can."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
