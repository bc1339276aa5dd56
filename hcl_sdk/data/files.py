"""Photos and masks in files: finding them, reading them, and data sets that are lists of them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from hcl_sdk.interfaces import Dataset, Sample, SampleError
from hcl_sdk.photo import Photo, PhotoError, reading

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
    if not found.is_dir():
        raise ValueError(f"expected a folder with {what}; there is no folder {str(path)!r}")
    return found


def photos_in(root: Path, what: str) -> list[str]:
    """The photos in a folder and the folders in it, as paths inside it with ``/``, in natural order: 2 before 10.

    Raises:
        ValueError: if there are none.
    """
    found: list[str] = []
    for place, folders, files in os.walk(root, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if os.path.splitext(name)[1].lower() in SUFFIXES and not name.startswith("."):
                found.append(Path(place, name).relative_to(root).as_posix())
    if not found:
        raise ValueError(f"expected {what} in {str(root)!r}; it holds no photo ({', '.join(sorted(SUFFIXES))})")
    return sorted(found, key=natural)


def natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts numbers in names by their value."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def read_photo(file: Path | IO[bytes], name: str, shorter_side: int | None = None) -> NDArray[np.uint8]:
    """Decode a photo: upright, RGB, 8 bits, ``[H, W, 3]``; a transparent ground does not count.

    Args:
        file: the file, or the opened contents of one.
        name: for messages.
        shorter_side: shrink it while decoding, until its shorter side has so many pixels; much faster for JPEG.

    Raises:
        SampleError: if it cannot be decoded.
    """
    try:
        with reading(name), Image.open(file) as image:
            if image.format == "JPEG" and image.mode in ("RGB", "L"):
                if shorter_side is not None:
                    image.draft(None, (shorter_side, shorter_side))
                image = ImageOps.exif_transpose(image).convert("RGB")
            else:
                rgb = Photo.open(file if isinstance(file, Path) else image).rgb[0].permute(1, 2, 0)
                image = Image.fromarray(np.round(rgb.numpy() * 255).astype(np.uint8))
            if shorter_side is not None and shorter_side < min(image.size):
                scale = shorter_side / min(image.size)
                size = round(image.width * scale), round(image.height * scale)
                image = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
            return np.array(image)
    except PhotoError as error:
        raise SampleError(str(error)) from error


def read_mask(file: Path | IO[bytes], name: str, corrupted: Corrupted = "white") -> NDArray[np.bool_]:
    """Decode a mask, ``[H, W]`` bool, True = corrupted: what is brighter, or darker, than half.

    Raises:
        SampleError: if it cannot be decoded.
    """
    try:
        with reading(name), Image.open(file) as image:
            white = np.asarray(image.convert("L")) > 127
    except PhotoError as error:
        raise SampleError(str(error)) from error
    return white if corrupted == "white" else ~white


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
            names = set(Path(listing).expanduser().read_text(encoding="utf-8").split("\n")) - {""}
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"expected a text file with names, one a line: {error}") from error
        names = {name.strip() for name in names}
        if missing := sorted(names - set(files)):
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            raise ValueError(f"{listing} names files that are not there: {', '.join(missing[:3])}{more}")
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


def matched(
    files: dict[str, list[str]], keys: dict[str, Callable[[str], str]] | None = None
) -> tuple[list[str], dict[str, list[str]]]:
    """Bring the files of several folders in the same order.

    Args:
        files: paths inside each folder, by what they are (``damaged``, ``clean``, ``masks``).
        keys: what of a path tells which others it belongs to; without it the path without suffix.

    Returns:
        The common keys, and the files of each folder in their order.

    Raises:
        ValueError: naming files that have no counterpart, or several.
    """
    by_key: dict[str, dict[str, str]] = {}
    problems = []
    for what, paths in files.items():
        key = (keys or {}).get(what) or (lambda path: path.rpartition(".")[0])
        by_key[what] = {}
        for path in paths:
            if key(path) in by_key[what]:
                problems.append(f"{by_key[what][key(path)]} and {path} ({what}) have the same name")
            by_key[what][key(path)] = path
    first, *others = by_key
    for other in others:
        for here, there in ((first, other), (other, first)):
            alone = [path for key, path in by_key[here].items() if key not in by_key[there]]
            if alone:
                more = f" and {len(alone) - 5} more" if len(alone) > 5 else ""
                problems.append(f"{here} without {there}: {', '.join(alone[:5])}{more}")
    if problems:
        raise ValueError("the folders do not match: " + "; ".join(problems))
    names = sorted(by_key[first], key=natural)
    return names, {what: [by_key[what][name] for name in names] for what in files}
