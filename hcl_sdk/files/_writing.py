"""Writing files all or nothing."""

from __future__ import annotations

import errno
import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


def write_whole(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file that appears whole or not at all.

    Links are followed; a device or pipe is written to directly, and so is what this process has open under the name,
    such as ``/dev/stdout``, even if that is a file.

    Raises:
        OSError: if it cannot be written.
    """
    if (descriptor := find_descriptor(path)) is not None:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(text.encode("utf-8"))
        return
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        target.write_text(text, encoding="utf-8")
        return
    with open_whole(target) as file:
        file.write(text.encode("utf-8"))


_STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}
_DESCRIPTOR = re.compile(r"(?:/dev|/proc/self)/fd/(\d+)")


def find_descriptor(path: str | os.PathLike[str]) -> int | None:
    """Return the file descriptor of this process that a path stands for."""
    name = os.path.abspath(path)
    if name in _STREAMS:
        return _STREAMS[name]
    found = _DESCRIPTOR.fullmatch(name)
    return int(found[1]) if found is not None else None


def check_writable(path: Path) -> None:
    """Make sure that :func:`write_whole` can write a file, and create its folder; an existing file stays unchanged.

    Raises:
        OSError: if it cannot.
    """
    target = Path(os.path.realpath(path))
    try:
        if (descriptor := find_descriptor(path)) is not None:
            os.write(descriptor, b"")
        elif target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        elif not target.exists() or target.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=target.parent).close()
        elif not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror or error}") from error


def make_output_folder(folder: Path) -> None:
    """Create a folder, and make sure that files can be written to it.

    Raises:
        OSError: if they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OSError(f"the results cannot be written to {folder}: {error.strerror or error}") from error


_PARTIAL = re.compile(r"\.hcl-[0-9a-f]{16}\.part")
_LEFTOVER_AGE = 600.0  # seconds without a write after which no process can still be writing a file


def remove_leftovers(folder: Path) -> None:
    """Remove the partial files that killed processes have left in a folder; those that may be in use stay."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _PARTIAL.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(OSError):  # another process was faster
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime > _LEFTOVER_AGE:
                        os.unlink(entry.path)


@contextmanager
def open_whole(target: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that replaces ``target`` once the block has ended; if it raises, nothing changes.

    Where the system allows it (Linux), the file has no name until then, so that even a process that is killed leaves
    nothing behind, except in the instant between two names: a nameless file cannot replace another at once.

    Raises:
        OSError: if it cannot be written.
    """
    partial = target.with_name(f".hcl-{secrets.token_hex(8)}.part")  # no longer than names may be, as target's may be
    try:
        nameless = _open_nameless(target.parent)
        with open(partial, "xb") if nameless is None else nameless as file:
            yield file
            file.flush()
            if nameless is not None:
                # Python follows the link only if it gets a folder for relative paths, although this one is absolute.
                os.link(f"/proc/self/fd/{file.fileno()}", partial, src_dir_fd=file.fileno(), follow_symlinks=True)
        partial.replace(target)
    except OSError as error:
        names_other = error.filename is not None and error.filename2 is None and str(error.filename) != str(partial)
        if names_other or error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(target)) from error  # not the name that it has meanwhile
    finally:
        partial.unlink(missing_ok=True)


def _open_nameless(folder: Path) -> BinaryIO | None:
    """Open a nameless file in a folder; None if the system has no such files."""
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None or not os.path.isdir("/proc/self/fd"):
        return None
    try:
        return open(os.open(folder, flag | os.O_RDWR, 0o666), "w+b")
    except OSError:  # not supported by the file system; other problems show when a named file is opened
        return None
