"""Files whatever is in them: when two names mean one, what must not be overwritten, and writing all or nothing."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path


def is_same_file(one: Path, other: Path) -> bool:
    """Whether two names, links included, lead to one file that is there."""
    identity = _identify(one)
    return identity is not None and identity == _identify(other)


class ProtectedFiles:
    """Files that must not be written to, under whatever name they are reached."""

    def __init__(self, files: Iterable[Path] = ()) -> None:
        self._owners = {key: file for file in files if (key := _identify(file)) is not None}

    def check(self, target: Path) -> None:
        """Raise ``FileExistsError`` if writing to ``target`` would overwrite one of the files."""
        owner = self._owners.get(_identify(target) or (-1, -1))
        if owner is not None:
            same = "" if target == owner else f", which is {target},"
            raise FileExistsError(f"the input {owner}{same} would be overwritten; choose another output folder")


def _identify(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def write_whole(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file that appears whole or not at all. Links are followed; a device or pipe is written to directly.

    Raises:
        OSError: if it cannot be written.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        target.write_text(text, encoding="utf-8")
        return
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
