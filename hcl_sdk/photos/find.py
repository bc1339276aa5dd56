"""Finding photos in folders, and describing for messages what a folder holds."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hcl_sdk._renamed import redirect
from hcl_sdk.errors import escape, list_some
from hcl_sdk.files import expand_home
from hcl_sdk.files.reports import PANELS, SHEETS, is_report
from hcl_sdk.photos.formats import FORMATS, list_readable_suffixes


def walk_files(
    root: str | os.PathLike[str],
    *,
    recursive: bool,
    follow_links: bool,
    on_error: Callable[[OSError], None],
    left_out: str | os.PathLike[str] | None = None,
    on_report: Callable[[Path], object] = lambda _: None,
) -> Iterator[Path]:
    """Yield the files in a folder, folder by folder, names in order, without what training and evaluation wrote.

    Args:
        root: the folder.
        recursive: search subfolders too; hidden ones are skipped.
        follow_links: follow links to folders, but never to one that contains the link itself.
        on_error: called with the error if a folder cannot be read.
        left_out: a folder that is not searched, under whatever name it is reached.
        on_report: called with each folder that is not searched because training or an evaluation wrote it.
    """
    skipped = None if left_out is None else os.path.realpath(left_out)
    for place, folders, files in os.walk(root, followlinks=follow_links, onerror=on_error):
        was_reported_in = is_report(place)  # the folder asked for itself, or one would not be here
        # Assigning determines what is walked next. On some systems, files and folders differ in case only.
        folders[:] = sorted(
            name
            for name in folders
            if recursive
            and not name.startswith(".")
            and not (follow_links and _leads_back(place, name))
            and (skipped is None or os.path.realpath(os.path.join(place, name)) != skipped)
        )
        reports = [name for name in folders if is_report(os.path.join(place, name))]
        reports += [name for name in folders if was_reported_in and name == PANELS and name not in reports]
        for name in reports:
            on_report(Path(place, name))
            folders.remove(name)
        for name in sorted(files):
            if not (was_reported_in and name in SHEETS):
                yield Path(place, name)


def _leads_back(place: str, name: str) -> bool:
    """Whether a link leads to a folder that contains it."""
    path = os.path.join(place, name)
    if not os.path.islink(path):
        return False
    target, here = os.path.realpath(path), os.path.realpath(place)
    return os.path.commonpath([target, here]) == target


def get_photo_suffix(path: str | os.PathLike[str]) -> str:
    """Return the suffix of a file in lower case; empty if the file is hidden."""
    name = os.path.basename(path)
    return "" if name.startswith(".") else os.path.splitext(name)[1].lower()


def is_photo(path: str | os.PathLike[str]) -> bool:
    """Whether a file counts as a photo: it is not hidden and has the suffix of a readable format."""
    return get_photo_suffix(path) in list_readable_suffixes()


def list_photos(root: Path, what: str) -> list[str]:
    """List the photos in a folder and its subfolders, as paths inside it with ``/``, in natural order: 2 before 10.

    Links to folders are followed. Hidden files and folders are skipped, and so are folders written by training and
    evaluation: their panels and contact sheets are not photos.

    Args:
        root: the folder.
        what: what was expected in it, for the message.

    Raises:
        ValueError: if there are none, or a folder cannot be read.
    """

    def fail(error: OSError) -> None:
        raise ValueError(f"the folder {error.filename!r} cannot be read: {error.strerror}") from error

    files = walk_files(root, recursive=True, follow_links=True, on_error=fail)
    found = [file.relative_to(root).as_posix() for file in files if is_photo(file)]
    if not found:
        raise ValueError(f"expected {what} ({', '.join(sorted(FORMATS))} ...), got none; {describe_folder(root)}")
    return sorted(found, key=make_natural_key)


def list_photo_files(path: str | os.PathLike[str], what: str) -> tuple[Path, ...]:
    """List the photos in a folder as `list_photos` does, as files.

    Raises:
        ValueError: if there is no such folder, or it holds no photo; ``what`` says what was expected.
    """
    root = find_folder(path, what)
    return tuple(root / name for name in list_photos(root, what))


def find_folder(path: str | os.PathLike[str], what: str) -> Path:
    """Return an existing folder; ``~`` is the user's home.

    Raises:
        ValueError: if it does not exist; ``what`` says what was expected in it.
    """
    found = expand_home(path)
    if found.is_file():
        raise ValueError(f"expected a folder with {what}; {str(path)!r} is a file")
    if not found.is_dir():
        above = next((parent for parent in found.absolute().parents if parent.is_dir()), Path("/"))
        raise ValueError(f"expected a folder with {what}; there is no folder {str(path)!r}; {describe_folder(above)}")
    return found


def find_subfolder(root: Path, names: Sequence[str], what: str) -> Path:
    """Return the first of some folders in ``root`` that exists.

    Raises:
        ValueError: if none does; ``what`` says what was expected in it.
    """
    for name in names:
        if (root / name).is_dir():
            return root / name
    choice = f"the folder {names[0]!r}" if len(names) == 1 else f"one of the folders {', '.join(map(repr, names))}"
    raise ValueError(f"expected {choice} with {what} in {str(root)!r}; {describe_folder(root)}")


def describe_folder(root: Path) -> str:
    """Describe the contents of a folder for messages."""
    names = (escape(f"{entry.name}/" if entry.is_dir() else entry.name) for entry in os.scandir(root))
    return f"{str(root)!r} holds {list_some(sorted(names, key=make_natural_key), 8) or 'nothing'}"


def make_natural_key(name: str) -> tuple[list[tuple[int, str]], str]:
    """Make a key that sorts numbers in names by their value; different names never have equal keys."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)], name


redirect(__name__, {"natural_key": "make_natural_key"})
