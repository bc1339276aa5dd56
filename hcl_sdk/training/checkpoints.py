"""Checkpoints of a run: whole or not there at all, whatever moment the process is killed at."""

from __future__ import annotations

import hashlib
import io
import os
import re
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

_NAME = re.compile(r"step-(\d+)\.pt")
_NO_COMMENT = b"\0\0"
_DIGEST = b"sha256:"
_DIGEST_LENGTH = len(_DIGEST) + 64


class CheckpointError(ValueError):
    """A checkpoint that is damaged, and which one."""


def write_checkpoint(folder: Path, step: int, state: dict[str, Any], *, keep: int) -> Path:
    """Write a checkpoint with its SHA-256, then delete all but the ``keep`` latest ones.

    It gets its name only when all of it is on the disk, so that a file of that name is always complete.

    Raises:
        OSError: if it cannot be written, as on a full disk; earlier ones are intact.
    """
    path = folder / f"step-{step:08d}.pt"
    partial = path.with_suffix(".partial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with partial.open("w+b") as file:
            torch.save(state, file)
            _append_digest(file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _sync_folder(folder)
    except (OSError, RuntimeError) as error:  # torch's writer raises a RuntimeError of its own on a full disk
        with suppress(OSError):
            partial.unlink()
        raise OSError(f"the checkpoint {path} cannot be written; earlier ones are intact: {_explain(error)}") from error
    for old in list_checkpoints(folder)[:-keep]:
        old.unlink()
    return path


def _append_digest(file: io.BufferedRandom) -> None:
    """Put the SHA-256 of a file that torch wrote, a ZIP archive, into the archive's comment, which readers skip."""
    file.seek(-len(_NO_COMMENT), os.SEEK_END)
    assert file.read() == _NO_COMMENT
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(-len(_NO_COMMENT), os.SEEK_END)
    file.write(_DIGEST_LENGTH.to_bytes(2, "little") + _DIGEST + digest.encode())


def _explain(error: Exception) -> str:
    """Why writing failed: of the errors that led to one another, the first that the system reported."""
    reason: BaseException | None = error
    while reason is not None:
        if isinstance(reason, OSError):
            return str(reason)
        reason = reason.__context__
    return str(error).splitlines()[0]


def list_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first; what a killed process left half-written is none."""
    found = [path for path in folder.glob("step-*.pt") if _NAME.fullmatch(path.name) and path.is_file()]
    return sorted(found, key=lambda path: int(path.stem.removeprefix("step-")))


def clean_up(folder: Path) -> None:
    """Remove what a killed process left half-written."""
    for partial in folder.glob("step-*.partial"):
        partial.unlink()


def set_aside(path: Path) -> Path:
    """Give a damaged checkpoint a name by which it is none; returns its new path."""
    return path.replace(path.with_suffix(".damaged"))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The state in a checkpoint, on the CPU. No code in it is run.

    Raises:
        CheckpointError: if it is not what was written. Of one without a SHA-256, from an earlier version of this
            package, the archive's own checksums are compared.
    """
    try:
        _check_digest(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except Exception as error:  # a damaged archive can raise anything
        reason = " ".join(str(error).split()).partition(". ")[0][:200] or type(error).__name__
        raise CheckpointError(f"the checkpoint {path} is damaged: {reason}") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"the checkpoint {path} is damaged: it does not hold the state of a run")
    return state


def _check_digest(path: Path) -> None:
    size = path.stat().st_size
    if size == 0:
        raise CheckpointError(f"the checkpoint {path} is damaged: the file is empty")
    with path.open("rb") as file:
        file.seek(max(0, size - 2 * _DIGEST_LENGTH))
        end = file.read()
        comment = end[-_DIGEST_LENGTH:]
        if _DIGEST not in end:
            with zipfile.ZipFile(path) as archive:
                if (damaged := archive.testzip()) is not None:
                    raise CheckpointError(f"the checkpoint {path} is damaged: wrong checksum of {damaged}")
            return
        file.seek(0)
        digest, left = hashlib.sha256(), size - _DIGEST_LENGTH - len(_NO_COMMENT)
        while left > 0 and (block := file.read(min(left, 1 << 20))):
            digest.update(block)
            left -= len(block)
        digest.update(_NO_COMMENT)
    if comment != _DIGEST + digest.hexdigest().encode():
        raise CheckpointError(f"the checkpoint {path} is damaged: its SHA-256 is not the one it was written with")


def _sync_folder(folder: Path) -> None:
    """Make sure that the new name is on the disk too; not every system can."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
