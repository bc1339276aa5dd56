"""The files that paths lead to: recognizing the same file, and protecting files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


def expand_home(path: str | os.PathLike[str]) -> Path:
    """Replace a leading ``~`` or ``~user`` by the home folder; the path of a user who does not exist stays as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def is_special(path: Path) -> bool:
    """Whether a path is a pipe, a socket or a device, or leads to one: reading it may never begin, or never end."""
    # Unlike the methods of a path, these say False of a name that is too long, or has a zero byte.
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


@contextmanager
def name_in_unicode(path: Path) -> Iterator[Path]:
    """Give a file a name that is Unicode while the block runs: names may be any bytes, and some libraries refuse them.

    Raises:
        OSError: if the file's own name is not valid Unicode, and it cannot be opened.
    """
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        with open(path, "rb") as file:
            yield Path(f"/dev/fd/{file.fileno()}")
    else:
        yield path


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
