"""Picture files: finding them in folders, and reading them as photos, masks and logos."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hcl_sdk.interfaces import Dataset, SampleError
from hcl_sdk.photo import Photo, PhotoError, mask_of, orientation, reading, upright

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".avif", ".jp2", ".bmp", ".ppm"))
"""What is taken for a picture; upper case too."""

Corrupted = Literal["white", "black"]
CHECKED_MASKS = 16


class PictureError(SampleError):
    """A picture that cannot be used, and which one.

    Attributes:
        name: of the file, or of the photo in its data set.
    """

    def __init__(self, message: str, *, name: str = "") -> None:
        super().__init__(message)
        self.name = name


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


def files_in(path: str | os.PathLike[str], what: str) -> tuple[Path, ...]:
    """The picture files in a folder and the folders in it, in natural order.

    Raises:
        ValueError: if there is no such folder, or no picture in it; ``what`` says what was expected.
    """
    root = folder(path, what)
    return tuple(root / name for name in photos_in(root, what))


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
        PictureError: if it cannot be decoded.
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


def photo_of(dataset: Dataset, index: int) -> NDArray[np.uint8]:
    """A photo of a data set, to be shown in another one.

    Raises:
        PictureError: with its name in the data set, if it cannot be read.
    """
    try:
        return dataset[index].image
    except SampleError as error:
        raise PictureError(str(error), name=dataset.name(index)) from error


def read_mask(file: Path | bytes, name: str, corrupted: Corrupted = "white") -> NDArray[np.bool_]:
    """Decode a mask, upright, ``[H, W]`` bool, True = corrupted: what is brighter, or darker, than half.

    A mask of whole numbers that are all 0 or 1 is taken as such.

    Raises:
        PictureError: if it cannot be decoded, is colored or partly transparent.
    """
    with _decoding(file, name) as image:
        photo = Photo.open(image)
    try:
        white = mask_of(photo, name)
    except PhotoError as error:
        raise PictureError(str(error), name=name) from error
    return white if corrupted == "white" else ~white


def read_logo(file: Path) -> Image.Image:
    """Decode a picture with its transparency, upright, as an RGBA image.

    Raises:
        PictureError: if it cannot be decoded.
    """
    with _decoding(file, str(file)) as image:
        return Image.fromarray(upright(np.array(image.convert("RGBA")), orientation(image)))
    raise AssertionError  # not reached: errors leave the block above


@contextmanager
def _decoding(file: Path | bytes, name: str) -> Iterator[Image.Image]:
    """Open a picture; whatever goes wrong with it is a `PictureError`."""
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
        message = str(error) if isinstance(error, PhotoError) else f"{name}: {error}"
        raise PictureError(message, name=name) from error


def corrupted_shares(count: int, read: Callable[[int], NDArray[np.bool_]]) -> tuple[list[float], list[SampleError]]:
    """Look at some of ``count`` masks: how much of each is corrupted, and why others cannot be read."""
    shares: list[float] = []
    problems: list[SampleError] = []
    for i in range(0, count, max(1, count // CHECKED_MASKS)):
        try:
            shares.append(float(read(i).mean()))
        except SampleError as error:
            problems.append(error)
    return shares, problems


def check_polarity(shares: Sequence[float], corrupted: Corrupted, where: str) -> None:
    """Refuse masks that cover most of their pictures: the other value is meant, it seems.

    Args:
        shares: the corrupted share of some masks, as ``corrupted_shares`` finds them.
        corrupted: the value that was taken for *corrupted*.
        where: the masks are, for the message.

    Raises:
        ValueError: likewise.
    """
    if shares and np.median(shares) > 0.5:
        other = "black" if corrupted == "white" else "white"
        raise ValueError(
            f"with corrupted={corrupted!r} the masks in {where!r} cover {100 * np.median(shares):.0f} % of the picture "
            f"(median of {len(shares)}); expected at most half, so they seem to be meant with corrupted={other!r}"
        )
