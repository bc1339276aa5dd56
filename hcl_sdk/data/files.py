"""Photos and masks in files: finding them, reading them, and data sets that are lists of them."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hcl_sdk.interfaces import Dataset, Sample, SampleError
from hcl_sdk.photo import Photo, PhotoError, mask_of, orientation, reading, upright

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".avif", ".jp2", ".bmp", ".ppm"))
"""What is taken for a photo; upper case too."""

Corrupted = Literal["white", "black"]
CHECKED_MASKS = 16


def folder(path: str | os.PathLike[str], what: str) -> Path:
    """An existing folder.

    Raises:
        ValueError: if there is none; ``what`` says what was expected in it.
    """
    found = Path(path).expanduser()
    if found.is_file():
        raise ValueError(f"expected a folder with {what}; {str(path)!r} is a file")
    if not found.is_dir():
        above = next((parent for parent in found.absolute().parents if parent.is_dir()), Path("/"))
        raise ValueError(f"expected a folder with {what}; there is no folder {str(path)!r}; {holdings(above)}")
    return found


def one_folder(root: Path, names: Sequence[str], what: str) -> Path:
    """The first of some folders in ``root`` that is there.

    Raises:
        ValueError: if none is; ``what`` says what was expected in it.
    """
    for name in names:
        if (root / name).is_dir():
            return root / name
    choice = f"the folder {names[0]!r}" if len(names) == 1 else f"one of the folders {', '.join(map(repr, names))}"
    raise ValueError(f"expected {choice} with {what} in {str(root)!r}; {holdings(root)}")


def holdings(root: Path) -> str:
    """What is in a folder, in words, for messages."""
    names = sorted((f"{entry.name}/" if entry.is_dir() else entry.name for entry in os.scandir(root)), key=natural)
    return f"{str(root)!r} holds {few(names, 8) or 'nothing'}"


def few(names: Sequence[str], count: int) -> str:
    """The first of some names, for messages."""
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "")


def photos_in(root: Path, what: str) -> list[str]:
    """The photos in a folder and the folders in it, as paths inside it with ``/``, in natural order: 2 before 10.

    Links to folders are followed; hidden files and folders are left out.

    Raises:
        ValueError: if there are none, or a folder cannot be read.
    """

    def failed(error: OSError) -> None:
        raise ValueError(f"the folder {error.filename!r} cannot be read: {error.strerror}") from error

    found: list[str] = []
    for place, folders, files in os.walk(root, followlinks=True, onerror=failed):
        folders[:] = [name for name in folders if not name.startswith(".") and not _leads_back(place, name)]
        inside = Path(place).relative_to(root).as_posix()
        prefix = "" if inside == "." else f"{inside}/"
        for name in files:
            if os.path.splitext(name)[1].lower() in SUFFIXES and not name.startswith("."):
                found.append(prefix + name)
    if not found:
        raise ValueError(f"expected {what} ({', '.join(sorted(SUFFIXES))}), got none; {holdings(root)}")
    return sorted(found, key=natural)


def _leads_back(place: str, name: str) -> bool:
    """Whether a link leads to a folder that it is in itself."""
    path = os.path.join(place, name)
    if not os.path.islink(path):
        return False
    target, here = os.path.realpath(path), os.path.realpath(place)
    return os.path.commonpath([target, here]) == target


def natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """A key that sorts numbers in names by their value; different names are never equal."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)], name


def read_photo(file: Path | bytes, name: str, shorter_side: int | None = None) -> NDArray[np.uint8]:
    """Decode a photo: upright, RGB, 8 bits, ``[H, W, 3]``. Alpha is left out, as everywhere in this package.

    Args:
        file: the file, or its contents.
        name: for messages.
        shorter_side: shrink it while decoding, until its shorter side has so many pixels; faster, above all for large
            JPEG.

    Raises:
        SampleError: if it cannot be decoded.
    """
    with _decoding(file, name) as image:
        scale = 1.0 if shorter_side is None else min(1.0, shorter_side / min(image.size))
        size = round(image.width * scale), round(image.height * scale)
        image.draft(None, size)
        image.load()
        turn = orientation(image)
        if image.mode in ("I", "F") or image.mode.startswith("I;16"):  # more than 8 bits, which Pillow would clip
            rgb = Photo.open(image).rgb[0].permute(1, 2, 0).numpy()
            image = Image.fromarray(np.rint(rgb * 255).astype(np.uint8))
            size, turn = size if turn < 5 else (size[1], size[0]), 1
        image = image.convert("RGB")
        if image.size != size:
            image = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
        return upright(np.array(image), turn)
    raise AssertionError  # not reached: errors leave the block above


def read_mask(file: Path | bytes, name: str, corrupted: Corrupted = "white") -> NDArray[np.bool_]:
    """Decode a mask, upright, ``[H, W]`` bool, True = corrupted: what is brighter, or darker, than half.

    A mask of whole numbers that are all 0 or 1 is taken as such.

    Raises:
        SampleError: if it cannot be decoded, is colored or partly transparent.
    """
    with _decoding(file, name) as image:
        white = mask_of(Photo.open(image), name)
        return white if corrupted == "white" else ~white
    raise AssertionError  # not reached: errors leave the block above


@contextmanager
def _decoding(file: Path | bytes, name: str) -> Iterator[Image.Image]:
    """Open a picture; whatever goes wrong with it is a `SampleError`."""
    try:
        with reading(name):
            contents = file.read_bytes() if isinstance(file, Path) else file
            if not contents:
                raise ValueError("the file is empty")
            with Image.open(io.BytesIO(contents)) as image:
                frames = getattr(image, "n_frames", 1)
                if frames > 1 and image.format != "MPO":  # of phones' JPEGs with several pictures, the first counts
                    raise ValueError(f"the file holds {frames} pictures, not a single one")
                yield image
    except (PhotoError, TypeError) as error:  # a TypeError comes from decoders of damaged files
        raise SampleError(str(error) if isinstance(error, PhotoError) else f"{name}: {error}") from error


def check_polarity(masks: Sequence[Path], corrupted: Corrupted, where: str) -> None:
    """Look at some masks and refuse them if they cover most of their pictures: the other value is meant, it seems.

    Raises:
        ValueError: likewise.
    """
    areas = []
    for path in masks[:: max(1, len(masks) // CHECKED_MASKS)]:
        try:
            areas.append(float(read_mask(path, str(path), corrupted).mean()))
        except SampleError:
            continue  # reported when its turn comes
    if areas and np.median(areas) > 0.5:
        other = "black" if corrupted == "white" else "white"
        raise ValueError(
            f"with corrupted={corrupted!r} the masks in {where!r} cover {100 * np.median(areas):.0f} % of the picture "
            f"(median of {len(areas)}); expected at most half, so they seem to be meant with corrupted={other!r}"
        )


def selected(files: list[str], only: str | None, exclude: str | None) -> list[str]:
    """The files that lists of names choose.

    Args:
        files: paths inside a folder.
        only: a text file with the names to keep, one a line; None keeps all.
        exclude: likewise, with the names to leave out.

    Raises:
        ValueError: if a list cannot be read, names a file that is not there, or nothing is left.
    """
    for listing, keep in ((only, True), (exclude, False)):
        if listing is None:
            continue
        try:
            text = Path(listing).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"expected a text file with names, one a line: {error}") from error
        names = {line.strip() for line in text.splitlines()} - {""}
        if missing := sorted(names - set(files), key=natural):
            raise ValueError(f"{listing} names files that are not there: {few(missing, 3)}")
        files = [file for file in files if (file in names) == keep]
    if not files:
        raise ValueError("the lists of names leave no photo")
    return files


class PhotoFiles(Dataset):
    """A data set that is a list of undamaged photos in files; a subclass finds them."""

    def _set_files(self, root: Path, files: Iterable[str], shorter_side: int | None = None) -> None:
        self._root, self._files, self._shorter_side = root, tuple(files), shorter_side

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> Sample:
        path = self._root / self._files[index]
        return Sample(image=read_photo(path, str(path), self._shorter_side))

    def name(self, index: int) -> str:
        return self._files[index]


class PairFiles(Dataset):
    """A data set that is a list of damaged photos with clean ones, masks or both; a subclass finds them."""

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

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Sample:
        path = self._damaged[index]
        clean = None if self._clean is None else self._clean[index]
        mask = None if self._masks is None else self._masks[index]
        return Sample(
            image=read_photo(path, str(path)),
            clean=None if clean is None else read_photo(clean, str(clean)),
            corruption_mask=None if mask is None else read_mask(mask, str(mask), self._corrupted),
        )

    def name(self, index: int) -> str:
        return self._names[index]


def matched(files: Mapping[str, Sequence[str]], endings: Mapping[str, str]) -> tuple[list[str], dict[str, list[str]]]:
    """Bring the files of several folders in the same order.

    Args:
        files: paths inside each folder, by what they are (``damaged``, ``clean``, ``masks``).
        endings: what the names of each folder end with, before the suffix, that those of the others do not; without
            it they are the same.

    Returns:
        The common names, and the files of each folder in their order.

    Raises:
        ValueError: naming the files that have no counterpart, or several, or lack their ending.
    """
    by_name: dict[str, dict[str, str]] = {}
    problems = []
    for what, paths in files.items():
        ending, own = endings.get(what, ""), {}
        stems = {path: path.rpartition(".")[0] for path in paths}
        if strange := [path for path, stem in stems.items() if not stem.endswith(ending)]:
            problems.append(f"{what} not named ...{ending}: {few(strange, 5)}")
        fitting = {path: stem.removesuffix(ending) for path, stem in stems.items() if stem.endswith(ending)}
        twice = [f"{own[name]} and {path}" for path, name in fitting.items() if own.setdefault(name, path) != path]
        if twice:
            problems.append(f"{what} of the same name: {few(twice, 5)}")
        by_name[what] = own
    first, *others = by_name
    for other in others:
        for here, there in ((first, other), (other, first)):
            if alone := [path for name, path in by_name[here].items() if name not in by_name[there]]:
                problems.append(f"{here} without {there}: {few(alone, 5)}")
    if problems:
        raise ValueError("the folders do not match: " + "; ".join(problems))
    names = sorted(by_name[first], key=natural)
    return names, {what: [by_name[what][name] for name in names] for what in files}
