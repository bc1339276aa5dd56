"""Checkpoints of a run, written atomically: complete or absent, whenever the process is killed."""

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

from hcl_sdk.runtime import is_out_of_memory

_NAME = re.compile(r"step-(\d+)\.pt")
_NO_COMMENT = b"\0\0"
_DIGEST = b"sha256:"
_DIGEST_LENGTH = len(_DIGEST) + 64


class CheckpointError(ValueError):
    """A checkpoint is damaged; the message says which one."""


def write_checkpoint(folder: Path, step: int, state: dict[str, Any], *, keep: int) -> Path:
    """Write a checkpoint with its SHA-256, then delete all but the ``keep`` latest ones.

    It gets its name only once all of it is on disk, so a file of that name is always complete.

    Raises:
        OSError: if it cannot be written, for example because the disk is full; earlier ones stay intact.
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
    except (OSError, RuntimeError) as error:  # torch's writer raises a RuntimeError of its own if the disk is full
        with suppress(OSError):
            partial.unlink()
        raise OSError(f"the checkpoint {path} cannot be written; earlier ones are intact: {_explain(error)}") from error
    for old in list_checkpoints(folder)[:-keep]:
        old.unlink()
    return path


def _append_digest(file: io.BufferedRandom) -> None:
    """Store the SHA-256 of a file that torch wrote, a ZIP archive, in the archive's comment, which readers skip."""
    file.seek(-len(_NO_COMMENT), os.SEEK_END)
    assert file.read() == _NO_COMMENT
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(-len(_NO_COMMENT), os.SEEK_END)
    file.write(_DIGEST_LENGTH.to_bytes(2, "little") + _DIGEST + digest.encode())


def _explain(error: Exception) -> str:
    """Explain why writing failed: the first error in the chain that the operating system reported."""
    reason: BaseException | None = error
    while reason is not None:
        if isinstance(reason, OSError):
            return reason.strerror or str(reason)
        reason = reason.__context__
    return str(error).splitlines()[0]


def list_checkpoints(folder: Path) -> list[Path]:
    """List the checkpoints in a folder, oldest first, without files that a killed process left incomplete."""
    found = [path for path in folder.glob("step-*.pt") if _NAME.fullmatch(path.name) and path.is_file()]
    return sorted(found, key=lambda path: int(path.stem.removeprefix("step-")))


def clean_up(folder: Path) -> None:
    """Remove files that a killed process left incomplete."""
    for partial in folder.glob("step-*.partial"):
        partial.unlink()


def set_aside(path: Path) -> Path:
    """Rename a damaged checkpoint so that it is not taken for one; return its new path."""
    return path.replace(path.with_suffix(".damaged"))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read the state in a checkpoint, on the CPU, without running any code in it.

    Raises:
        CheckpointError: if it differs from what was written. A checkpoint without a SHA-256, from an earlier version of
            this package, is checked against the archive's own checksums.
        OSError: if the system does not let it be read, which says nothing about what it holds.
        MemoryError, RuntimeError: if there is too little memory for it.
    """
    try:
        _check_digest(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise OSError(f"the checkpoint {path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # a damaged archive can raise anything
        if isinstance(error, CheckpointError) or is_out_of_memory(error):
            raise
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
    """Make sure that a new name is on disk too, which not every system supports."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
