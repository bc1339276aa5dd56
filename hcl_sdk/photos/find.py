"""Finding photos in folders, and saying what was found in messages."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hcl_sdk._renamed import redirect
from hcl_sdk.photos.formats import FORMATS, list_readable_suffixes


def walk_files(
    root: str | os.PathLike[str],
    *,
    recursive: bool,
    follow_links: bool,
    on_error: Callable[[OSError], None],
    left_out: str | os.PathLike[str] | None = None,
    skip: Callable[[str], bool] = lambda _: False,
) -> Iterator[Path]:
    """The files in a folder, folder by folder, names in order.

    Args:
        root: the folder.
        recursive: also in the folders in it; hidden ones are left out.
        follow_links: to folders, but never to one that the link lies in itself.
        on_error: what to do about a folder that cannot be read.
        left_out: a folder that is not searched, under whatever name it is reached.
        skip: says of the path of a folder whether it is not searched either.
    """
    skipped = None if left_out is None else os.path.realpath(left_out)
    for place, folders, files in os.walk(root, followlinks=follow_links, onerror=on_error):
        # Setting what is walked next; files and folders on some systems differ in case only.
        folders[:] = sorted(
            name
            for name in folders
            if recursive
            and not name.startswith(".")
            and not (follow_links and _leads_back(place, name))
            and (skipped is None or os.path.realpath(os.path.join(place, name)) != skipped)
            and not skip(os.path.join(place, name))
        )
        for name in sorted(files):
            yield Path(place, name)


_REPORTS = (("log.jsonl", "training.yaml"), ("log.jsonl", "panels"), ("metrics.json", "items.jsonl"))
"""What is in the folder of a training run, with or without a configuration, and in that of an evaluation."""


def is_report(folder: str | os.PathLike[str]) -> bool:
    """Whether training or an evaluation wrote into a folder."""
    return any(all(os.path.exists(os.path.join(folder, name)) for name in names) for names in _REPORTS)


def _leads_back(place: str, name: str) -> bool:
    """Whether a link leads to a folder that it is in itself."""
    path = os.path.join(place, name)
    if not os.path.islink(path):
        return False
    target, here = os.path.realpath(path), os.path.realpath(place)
    return os.path.commonpath([target, here]) == target


def get_photo_suffix(path: str | os.PathLike[str]) -> str:
    """The suffix of a file in lower case; empty if it is hidden."""
    name = os.path.basename(path)
    return "" if name.startswith(".") else os.path.splitext(name)[1].lower()


def is_photo(path: str | os.PathLike[str]) -> bool:
    """Whether a file is taken for a photo: it is not hidden, and has the suffix of a format that is read."""
    return get_photo_suffix(path) in list_readable_suffixes()


def list_photos(root: Path, what: str) -> list[str]:
    """The photos in a folder and the folders in it, as paths inside it with ``/``, in natural order: 2 before 10.

    Links to folders are followed. Hidden files and folders are left out, and so are folders that training and
    evaluation wrote: their panels and contact sheets are not photos.

    Args:
        root: the folder.
        what: was expected in it, for the message.

    Raises:
        ValueError: if there are none, or a folder cannot be read.
    """

    def fail(error: OSError) -> None:
        raise ValueError(f"the folder {error.filename!r} cannot be read: {error.strerror}") from error

    files = walk_files(root, recursive=True, follow_links=True, on_error=fail, skip=is_report)
    found = [file.relative_to(root).as_posix() for file in files if is_photo(file)]
    if not found:
        raise ValueError(f"expected {what} ({', '.join(sorted(FORMATS))} ...), got none; {describe_folder(root)}")
    return sorted(found, key=make_natural_key)


def list_photo_files(path: str | os.PathLike[str], what: str) -> tuple[Path, ...]:
    """As `list_photos`, from any path of a folder, as files.

    Raises:
        ValueError: if there is no such folder, or no photo in it; ``what`` says what was expected.
    """
    root = find_folder(path, what)
    return tuple(root / name for name in list_photos(root, what))


def find_folder(path: str | os.PathLike[str], what: str) -> Path:
    """An existing folder; ``~`` is the user's home.

    Raises:
        ValueError: if there is none; ``what`` says what was expected in it.
    """
    found = Path(path).expanduser()
    if found.is_file():
        raise ValueError(f"expected a folder with {what}; {str(path)!r} is a file")
    if not found.is_dir():
        above = next((parent for parent in found.absolute().parents if parent.is_dir()), Path("/"))
        raise ValueError(f"expected a folder with {what}; there is no folder {str(path)!r}; {describe_folder(above)}")
    return found


def find_subfolder(root: Path, names: Sequence[str], what: str) -> Path:
    """The first of some folders in ``root`` that is there.

    Raises:
        ValueError: if none is; ``what`` says what was expected in it.
    """
    for name in names:
        if (root / name).is_dir():
            return root / name
    choice = f"the folder {names[0]!r}" if len(names) == 1 else f"one of the folders {', '.join(map(repr, names))}"
    raise ValueError(f"expected {choice} with {what} in {str(root)!r}; {describe_folder(root)}")


def describe_folder(root: Path) -> str:
    """What is in a folder, in words, for messages."""
    names = (f"{entry.name}/" if entry.is_dir() else entry.name for entry in os.scandir(root))
    return f"{str(root)!r} holds {list_some(sorted(names, key=make_natural_key), 8) or 'nothing'}"


def list_some(names: Sequence[str], count: int) -> str:
    """The first of some names, for messages."""
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "")


def escape(text: str) -> str:
    """A text with what is not UTF-8 in the names of files, which may be any bytes, as escapes: to print or to write."""
    return text.encode("utf-8", "backslashreplace").decode()


def make_natural_key(name: str) -> tuple[list[tuple[int, str]], str]:
    """A key that sorts numbers in names by their value; different names are never equal."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)], name


redirect(__name__, {"natural_key": "make_natural_key"})
