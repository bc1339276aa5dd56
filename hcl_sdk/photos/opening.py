"""Opening photos: the only place where files are opened, recognized and limited, and their errors explained."""

from __future__ import annotations

import io
import os
import re
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias, TypeVar

from PIL import Image, TiffImagePlugin, UnidentifiedImageError

from hcl_sdk.errors import read_message
from hcl_sdk.functional.arrays import BAND
from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.photos.formats import MAX_MEGAPIXELS, UNREAD, list_readable_formats, list_readable_suffixes
from hcl_sdk.photos.png_text import leave_out_large_text

_T = TypeVar("_T")

File: TypeAlias = str | os.PathLike[str] | bytes
"""The path of a file, or its contents."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Opened:
    """A file as opened by Pillow; for PNG, together with the parts that Pillow would refuse."""

    image: Image.Image
    file: BinaryIO
    icc_profile: bytes | None = None
    notes: tuple[str, ...] = ()


class Naming:
    """A context that turns any error into a `PhotoError` that names the photo.

    Warnings of decoders are left to the process: its filters belong to all its threads.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        # Decoders raise anything: OSError, SyntaxError, struct.error, zlib.error, a panic of an extension module ...
        if error is not None and not isinstance(error, PhotoError | KeyboardInterrupt | SystemExit | GeneratorExit):
            raise PhotoError(f"{self._name}: {_say_why(error, self._name)}", name=self._name) from error


# These messages are about a decoder's internals, not about the file.
_INSIDES = (TypeError, LookupError, AttributeError, AssertionError, ArithmeticError, NameError, struct.error)


def _say_why(error: BaseException, name: str) -> str:
    if isinstance(error, FileNotFoundError):
        path = error.filename
        if path is not None and os.path.islink(path):
            return f"this is a link to a file that does not exist, {os.path.realpath(os.fsdecode(path))}"
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "this is a folder, not a photo file"
    if isinstance(error, UnidentifiedImageError):
        suffix = os.path.splitext(name)[1].lower()
        advice = UNREAD.get(suffix) if suffix not in list_readable_suffixes() else None
        return "this is not a photo in a format that Pillow reads" + (f"; {advice}" if advice else "")
    if isinstance(error, MemoryError):
        return "there is not enough memory to decode it"
    if isinstance(error, OSError) and error.strerror:  # of the system: no permission, links that lead to each other
        return f"it cannot be read: {error.strerror}"
    if re.fullmatch(r"decoder error -?\d+", read_message(error)):  # of libtiff, which prints the rest
        return "the data is damaged, or compressed in a way that this Pillow does not read"
    cited = _cite(error)
    if "truncated" in cited.lower():
        return "the file is cut short (truncated): it ends before the photo does; copy or download it again"
    return cited.removeprefix(": ") or "it cannot be decoded; it is damaged, or of an unsupported kind"


def _cite(error: BaseException) -> str:
    """Cite a decoder's message about a file, after a colon; empty if it is about its own internals, or missing."""
    said = read_message(error)
    return f": {said}" if said and not isinstance(error, _INSIDES) else ""


_POSTSCRIPT = (b"%!PS", b"\xc5\xd0\xd3\xc6")

# Pipes that the process was started with, as by <(...) in a shell: these do not wait for a writer.
_INHERITED = re.compile(r"/dev/(stdin|fd/\d+)|/proc/(self|\d+)/fd/\d+")

_LARGEST_PIPE = 1 << 30  # bytes


def _open(file: File) -> BinaryIO:
    if isinstance(file, bytes):
        return io.BytesIO(file)
    mode = os.stat(file).st_mode  # checked before opening: opening a pipe without a writer would block forever
    if stat.S_ISFIFO(mode) and _INHERITED.fullmatch(os.path.abspath(os.fspath(file))):
        with open(file, "rb") as pipe:
            content = pipe.read(_LARGEST_PIPE + 1)
        if len(content) > _LARGEST_PIPE:
            raise ValueError("more than 1 GiB came out of this pipe")
        return io.BytesIO(content)
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise ValueError("this is not a regular file")
    return open(file, "rb")


def _identify(stream: BinaryIO) -> Image.Image:
    """Open a file as ``Image.open`` does, whatever its size: Pillow's limit is one of the whole process.

    Raises:
        UnidentifiedImageError: if no reader accepts it.
        ValueError: if a reader recognizes the file but cannot read its beginning.
    """
    head = stream.read(16).ljust(16, b"\0")  # of a shorter file, readers look beyond the end
    damage: Exception | None = None
    for name in list_readable_formats():
        reader, accepts = Image.OPEN[name]
        # As Image.open does it; a text explains why a reader that would recognize the file is missing.
        if accepts is not None and accepts(head) is not True:
            continue
        stream.seek(0)
        try:
            image = reader(stream, "")
        except Exception as error:
            # As in Pillow, another reader may then accept the file; readers that cannot test its beginning are all
            # tried.
            if accepts is not None and damage is None:
                cause = error.__cause__  # which Pillow may cite instead of giving a message
                is_cited = isinstance(cause, _INSIDES) and read_message(cause) == read_message(error)
                cited = "" if is_cited else _cite(error)
                damage = ValueError(f"the {name} header is damaged, or of an unsupported kind{cited}")
                damage.__cause__ = error
            continue
        return image
    raise damage or UnidentifiedImageError


def _check_size(image: Image.Image, max_megapixels: float | None) -> None:
    if 0 in image.size:
        raise ValueError(f"it has no pixels: {image.width} x {image.height} (width x height)")
    most = MAX_MEGAPIXELS if max_megapixels is None else max_megapixels
    if not (pixels := image.width * image.height) <= most * 1e6:  # nor if the limit is NaN
        remedy = "Shrink it first" if max_megapixels is None else "If you trust the file, allow more (--max-megapixels)"
        raise ValueError(
            f"{image.width} x {image.height} are {pixels / 1e6:.4g} megapixels; expected at most {most:g}, so that no "
            f"small file can take all memory. {remedy}"
        )
    if max(image.size) > BAND:
        raise ValueError(
            f"{image.width} x {image.height} pixels; expected at most {BAND} on a side, as photos are processed in "
            "bands of whole rows. Cut it into parts first"
        )
    limit = Image.MAX_IMAGE_PIXELS
    if isinstance(image, TiffImagePlugin.TiffImageFile) and limit is not None and pixels > limit:
        image.im = Image.core.new(image.mode, image._tile_size)  # otherwise Pillow's limit would apply later


def open_and(decode: Callable[[Opened], _T], file: File, name: str, max_megapixels: float | None = None) -> _T:
    """Open a file and decode it; any error becomes a `PhotoError`."""
    with Naming(name), _open(file) as stream:
        head = stream.read(4)
        if not head:
            raise ValueError("the file is empty")
        if head in _POSTSCRIPT:
            raise ValueError("this is PostScript (EPS), a drawing that another program would have to render")
        profile, notes = None, []
        if head == b"\x89PNG":
            stream, profile, notes = leave_out_large_text(stream)
        stream.seek(0)
        with _identify(stream) as image:
            _check_size(image, max_megapixels)
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and image.format != "MPO":  # of JPEGs with several photos, as from phones, the first counts
                raise ValueError(
                    f"the file holds {frames} photos (an animation, pages or layers); expected one: save the one you "
                    "mean in a file of its own"
                )
            try:
                return decode(Opened(image=image, file=stream, icc_profile=profile, notes=tuple(notes)))
            except _INSIDES as error:
                raise ValueError(f"the {image.format} data is damaged, or of an unsupported kind") from error
