"""The photos to process, the names of their results, and the mask that belongs to each."""

from __future__ import annotations

import contextlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hcl_sdk.files import is_same_file
from hcl_sdk.folders.errors import ArgumentError
from hcl_sdk.photos.find import get_photo_suffix, is_photo, walk_files
from hcl_sdk.photos.formats import UNREAD, list_readable_suffixes

RESULTS = "mask", "restored", "plot"
"""The files that are written for a photo: the endings of their names."""


@dataclass(frozen=True, kw_only=True)
class Input:
    """One photo to process.

    Attributes:
        path: as passed in, or as found in a folder.
        folder: the folder of its results, relative to the output folder.
        name: the prefix of the names of its results.
    """

    path: Path
    folder: Path
    name: str


@dataclass(kw_only=True)
class Inputs:
    """The photos at a list of paths.

    Attributes:
        photos: in the order given, with the contents of folders sorted.
        ignored: number of files in folders that are not photos.
        results: number of files in folders that are results of an earlier run, next to its inputs.
        reports: subfolders written by training or an evaluation.
        unread: number of files in folders in unsupported photo formats, by suffix.
        empty: folders without photos.
        failures: photos that cannot be processed, with the reason.
    """

    photos: list[Input] = field(default_factory=list)
    ignored: int = 0
    results: int = 0
    reports: list[Path] = field(default_factory=list)
    unread: Counter[str] = field(default_factory=Counter)
    empty: list[Path] = field(default_factory=list)
    failures: list[tuple[Path, str]] = field(default_factory=list)

    def describe_left_out(self) -> list[str]:
        """Describe in words which folders hold no photos, and which files in the folders are not processed."""
        return [*(f"no photos in {folder}" for folder in self.empty), *self.describe_ignored()]

    def describe_ignored(self) -> list[str]:
        """Describe in words which files in the folders are not processed."""
        parts = [f"{self.ignored} other {'file' if self.ignored == 1 else 'files'} ignored"] if self.ignored else []
        if self.results:
            what = "result of an earlier run" if self.results == 1 else "results of earlier runs"
            parts.append(f"{self.results} {what} ignored; name them to process them anyway")
        parts += [f"results of training or an evaluation in {folder} ignored" for folder in self.reports]
        for suffix, count in sorted(self.unread.items()):
            advice = UNREAD[suffix]
            parts.append(f"{count} {suffix} {'file' if count == 1 else 'files'} ignored: {advice}")
        return parts


def find_inputs(paths: Sequence[Path], *, recursive: bool, output: Path) -> Inputs:
    """Find the photos and name their results.

    Results of several folders go to a folder named like each of them; those of files or folders with the same name, to
    folders named like their parents, too. In a folder, photos that are named like results of another photo there
    (``NAME_mask``, ``NAME_restored``, ``NAME_plot``) are skipped.

    Args:
        paths: folders, and files with any name. A path that does not exist counts as a file.
        recursive: search subfolders too. Links to folders are not followed; hidden files and folders and the output
            folder are skipped.
        output: the output folder.

    Raises:
        ArgumentError: if the output folder is one of the folders.
    """
    inputs = Inputs()
    found: dict[str, tuple[Path, Path]] = {}  # absolute path -> path as given, folder of the results
    folders = [path for path in paths if os.path.isdir(path)]
    places = _tell_apart({os.path.abspath(path) for path in paths if path not in folders})
    tops = _tell_apart({os.path.realpath(folder) for folder in folders})
    for path in paths:
        if path not in folders:
            absolute = os.path.abspath(path)
            found.setdefault(absolute, (path, places[absolute]))
            continue
        absolute = os.path.realpath(path)
        if absolute == os.path.realpath(output):
            raise ArgumentError(
                f"the results would go into {path} itself and become inputs of the next run; choose another folder",
                "output",
            )
        top = tops[absolute] / os.path.basename(absolute) if len(tops) > 1 else Path()
        failures = len(inputs.failures)
        files = _list_photos(path, recursive, output, inputs)
        if not files and len(inputs.failures) == failures and path not in inputs.empty:
            inputs.empty.append(path)
        for file in files:
            found.setdefault(os.path.abspath(file), (file, top / file.parent.relative_to(path)))
    _name(found.values(), inputs)
    return inputs


def _tell_apart(paths: Iterable[str]) -> dict[str, Path]:
    """Choose the output folder of each explicitly named path: the top one, or one like its own if names are equal."""
    places = dict.fromkeys(paths, Path())
    by_name: dict[str, list[str]] = defaultdict(list)
    for path in places:
        by_name[os.path.basename(path).casefold()].append(path)
    for same in by_name.values():
        parents = {path: os.path.dirname(path) for path in same}
        if len(set(parents.values())) == len(same) > 1:
            with contextlib.suppress(ValueError):  # on several drives; their results have one name then
                common = os.path.commonpath(parents.values())
                places |= {path: Path(os.path.relpath(parent, common)) for path, parent in parents.items()}
    return places


def _list_photos(root: Path, recursive: bool, output: Path, inputs: Inputs) -> list[Path]:
    """List the photos in a folder; count everything else in ``inputs``."""
    photos: list[Path] = []

    def note(error: OSError) -> None:
        inputs.failures.append((Path(error.filename), error.strerror or str(error)))

    for file in walk_files(
        root,
        recursive=recursive,
        follow_links=False,
        left_out=output,
        on_error=note,
        on_report=inputs.reports.append,
    ):
        if is_photo(file):
            photos.append(file)
        elif (suffix := get_photo_suffix(file)) in UNREAD:
            inputs.unread[suffix] += 1
        else:
            inputs.ignored += 1
    results = _find_results(photos)
    inputs.results += len(results)
    return [photo for photo in photos if photo not in results]


def _find_results(photos: Sequence[Path]) -> set[Path]:
    """Find the photos that are named like results of others next to them."""
    names = {photo.parent / name for photo in photos for name in (photo.stem, _name_with_suffix(photo))}
    results = set()
    for photo in photos:
        name, _, what = photo.stem.rpartition("_")
        if what in RESULTS and photo.parent / name in names:
            results.add(photo)
    return results


def _name(found: Iterable[tuple[Path, Path]], inputs: Inputs) -> None:
    """Give every photo a name that is unique, ignoring case, among the photos with results in the same folder.

    Photos for which there is no unique name become failures.
    """
    same_stem: dict[str, list[tuple[Path, Path]]] = defaultdict(list)
    for path, folder in found:
        same_stem[str(folder / path.stem).casefold()].append((path, folder))
    same_name: dict[str, list[Input]] = defaultdict(list)
    for path, folder in found:
        alone = len(same_stem[str(folder / path.stem).casefold()]) == 1
        photo = Input(path=path, folder=folder, name=path.stem if alone else _name_with_suffix(path))
        same_name[str(folder / photo.name).casefold()].append(photo)
    for photos in same_name.values():
        if len(photos) == 1:
            inputs.photos += photos
            continue
        for photo in photos:
            others = " and ".join(str(other.path) for other in photos if other is not photo)
            reason = (
                f"its results and those of {others} would both be called {photo.folder / photo.name}_...; "
                f"process them in separate runs with different output folders"
            )
            inputs.failures.append((photo.path, reason))


def _name_with_suffix(path: Path) -> str:
    return path.stem + path.suffix.replace(".", "_")


def match_masks(source: Path, inputs: Inputs) -> dict[Input, Path]:
    """Find each photo's mask: a single file, or the files in a folder, named as by ``hcl detect`` or like the photos.

    Photos without a mask, or with several, become failures.

    Raises:
        ArgumentError: if there is one mask for several photos.
    """
    if not source.is_dir():
        if len(inputs.photos) > 1:
            raise ArgumentError(
                f"one mask for {len(inputs.photos)} photos; expected a folder with a mask for each of them",
                "corruption_masks",
            )
        return dict.fromkeys(inputs.photos, source)
    listings: dict[Path, dict[str, list[Path]]] = {}
    masks = {}
    for photo in inputs.photos:
        folder = source / photo.folder
        if folder not in listings:
            listings[folder] = _group_by_stem(folder)
        # The name with the suffix was used if there was another photo with this name at that time.
        names = (photo.name, _name_with_suffix(photo.path), photo.path.stem)
        stems = dict.fromkeys(f"{name}{end}" for end in ("_mask", "") for name in names)
        candidates = ([f for f in listings[folder].get(s, []) if not is_same_file(f, photo.path)] for s in stems)
        files = next(filter(None, candidates), [])
        if len(files) == 1:
            masks[photo] = files[0]
        elif files:
            inputs.failures.append((photo.path, f"several files may be its mask: {', '.join(map(str, files))}"))
        else:
            expected = f"{photo.name}_mask.png or {photo.name}.png"
            reason = f"there is no mask for it in {folder}; expected {expected} (or another photo format)"
            inputs.failures.append((photo.path, reason))
    inputs.photos = list(masks)
    return masks


def _group_by_stem(folder: Path) -> dict[str, list[Path]]:
    listing: dict[str, list[Path]] = defaultdict(list)
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if file.suffix.lower() in list_readable_suffixes():
            listing[file.stem].append(file)
    return listing
