"""Datasets that are lists of files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hcl_sdk.errors import list_some
from hcl_sdk.files import expand_home, is_special
from hcl_sdk.interfaces import Dataset, Sample
from hcl_sdk.interfaces.samples import SampleErrors
from hcl_sdk.photos.find import make_natural_key
from hcl_sdk.photos.masks import Corrupted, check_polarity, measure_masks, read_mask
from hcl_sdk.photos.read import read_rgb


def select_files(files: list[str], only: str | None, exclude: str | None) -> list[str]:
    """Select files by lists of names.

    Args:
        files: paths inside a folder.
        only: a text file with the names to keep, one per line; None keeps all.
        exclude: a text file with the names to drop, one per line.

    Raises:
        ValueError: if a list cannot be read or names a file that does not exist, or no file is left.
    """
    for listing, keep in ((only, True), (exclude, False)):
        if listing is None:
            continue
        try:
            text = read_text(expand_home(listing), errors="surrogateescape")  # names of files may be any bytes
        except OSError as error:
            raise ValueError(f"expected a text file with names, one per line: {error}") from error
        names = {line.strip() for line in text.splitlines()} - {""}
        if missing := sorted(names - set(files), key=make_natural_key):
            raise ValueError(f"{listing} names files that do not exist: {list_some(missing, 3)}")
        files = [file for file in files if (file in names) == keep]
    if not files:
        raise ValueError("no photo is left after applying the lists of names")
    return files


def read_text(path: Path, *, errors: str = "strict") -> str:
    """Read a text file in UTF-8.

    Raises:
        OSError: if it does not exist, or is not a regular file: pipes and devices may have no end.
        UnicodeDecodeError: if it is not UTF-8, unless ``errors`` says how to handle that.
    """
    if is_special(path):
        raise OSError(f"{path} is not a regular file")
    return path.read_text(encoding="utf-8", errors=errors)


class PhotoFiles(Dataset):
    """A dataset that is a list of undamaged photos in files; a subclass finds them."""

    def _set_files(self, root: Path, files: Iterable[str], shorter_side: int | None = None) -> None:
        self._root, self._files, self._shorter_side = root, tuple(files), shorter_side

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> Sample:
        path = self._root / self._files[index]
        with SampleErrors():
            return Sample(image=read_rgb(path, str(path), self._shorter_side))

    def name(self, index: int) -> str:
        return self._files[index]


class PairFiles(Dataset):
    """A dataset that is a list of damaged photos with clean ones, masks or both; a subclass finds them.

    Some masks are inspected, and refused if the other value seems to mean *corrupted*.
    """

    def _set_files(
        self,
        names: Iterable[str],
        damaged: Iterable[Path],
        clean: Iterable[Path] | None,
        masks: Iterable[Path] | None,
        corrupted: Corrupted = "white",
    ) -> None:
        self._names, self._damaged = tuple(names), tuple(damaged)
        self._clean = None if clean is None else tuple(clean)
        self._masks = None if masks is None else tuple(masks)
        self._corrupted: Corrupted = corrupted
        if self._masks:
            shares, _ = measure_masks(len(self._masks), self._read_mask)
            check_polarity(shares, corrupted, str(self._masks[0].parent))

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Sample:
        path = self._damaged[index]
        clean = None if self._clean is None else self._clean[index]
        with SampleErrors():
            return Sample(
                image=read_rgb(path, str(path)),
                clean=None if clean is None else read_rgb(clean, str(clean)),
                corruption_mask=None if self._masks is None else self._read_mask(index),
            )

    def name(self, index: int) -> str:
        return self._names[index]

    def _read_mask(self, index: int) -> NDArray[np.bool_]:
        assert self._masks is not None
        return read_mask(self._masks[index], str(self._masks[index]), self._corrupted)


def match_files(
    files: Mapping[str, Sequence[str]], endings: Mapping[str, str]
) -> tuple[list[str], dict[str, list[str]]]:
    """Match the files of several folders by name.

    Args:
        files: paths inside each folder, by role (``damaged``, ``clean``, ``masks``).
        endings: by role, the ending of the names before the suffix that only that folder has; by default, names are the
            same.

    Returns:
        The common names, and the files of each folder in the same order.

    Raises:
        ValueError: if files have no counterpart, or several, or lack their ending; the message names them.
    """
    by_name: dict[str, dict[str, str]] = {}
    problems = []
    for what, paths in files.items():
        ending, own = endings.get(what, ""), {}
        stems = {path: path.rpartition(".")[0] for path in paths}
        if strange := [path for path, stem in stems.items() if not stem.endswith(ending)]:
            problems.append(f"{what} not named ...{ending}: {list_some(strange, 5)}")
        fitting = {path: stem.removesuffix(ending) for path, stem in stems.items() if stem.endswith(ending)}
        twice = [f"{own[name]} and {path}" for path, name in fitting.items() if own.setdefault(name, path) != path]
        if twice:
            problems.append(f"{what} of the same name: {list_some(twice, 5)}")
        by_name[what] = own
    first, *others = by_name
    for other in others:
        for here, there in ((first, other), (other, first)):
            if alone := [path for name, path in by_name[here].items() if name not in by_name[there]]:
                problems.append(f"{here} without {there}: {list_some(alone, 5)}")
    if problems:
        raise ValueError("the folders do not match: " + "; ".join(problems))
    names = sorted(by_name[first], key=make_natural_key)
    return names, {what: [by_name[what][name] for name in names] for what in files}
