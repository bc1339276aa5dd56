"""Writing photos: which format can hold what, and atomic files."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import PIL
from PIL import ExifTags, Image

from hcl_sdk.files import open_whole
from hcl_sdk.functional.arrays import BAND
from hcl_sdk.photos.color import PREMULTIPLIED_MODES, to_pil
from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.photos.formats import DEEP_KINDS, FORMATS, Format
from hcl_sdk.photos.png_file import write_png
from hcl_sdk.photos.tiff_file import write_tiff

_EIGHT_BIT = ("L", "LA", "RGB", "RGBA")


@dataclass(frozen=True, kw_only=True, eq=False)
class Writable:
    """A photo as a file can hold it.

    Attributes:
        pixels: ``[H, W, C]``, uint8, bool (which is written with 8 bits), uint16, int32 or floating point.
        mode: one of the modes that files can have.
        icc_profile: the ICC color profile as stored in files.
        exif: the EXIF data as stored in files.
        dpi: dots per inch, horizontal and vertical.
    """

    pixels: np.ndarray
    mode: str
    icc_profile: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None

    @property
    def kind(self) -> str:
        """What a file has to hold: the mode, with the depth if it is not 8 bits."""
        if self.pixels.dtype in (np.uint8, np.bool_):
            return self.mode
        return {"u": f"{self.mode};16", "i": "I", "f": "F"}[self.pixels.dtype.kind]


def find_format(path: str | os.PathLike[str]) -> Format | None:
    """Find the format for the suffix of ``path``, or of the file that it links to; None if there is none."""
    return FORMATS.get(Path(os.path.realpath(path)).suffix.lower())


def _can_hold(file_format: Format, kind: str) -> bool:
    # Pillow before version 13 writes YCbCr to TIFF files that it cannot read.
    is_broken = kind == "YCbCr" and file_format.name == "TIFF" and int(PIL.__version__.partition(".")[0]) < 13
    return kind in file_format.kinds and not is_broken


def check_format(path: str | os.PathLike[str], kind: str) -> Format:
    """Return the format for the suffix of ``path``.

    Raises:
        PhotoError: if there is none, or it cannot hold photos of this kind; the message says which can.
    """
    file_format = find_format(path)
    if file_format is not None and _can_hold(file_format, kind):
        return file_format
    what = f"a photo file named {os.path.basename(os.path.realpath(path))!r}"
    raise PhotoError(f"{path}: {_refuse(what, file_format, kind)}", name=str(path))


def _refuse(what: str, file_format: Format | None, kind: str) -> str:
    """Explain why photos of this kind cannot be written to a format; ``what`` was asked for, should there be none."""
    able = ", ".join(suffix for suffix, other in FORMATS.items() if _can_hold(other, kind))
    what = what if file_format is None else f"{kind} as {file_format.name}"
    return f"cannot write {what}; {kind} can be written as {able}"


def encode(suffix: str, photo: Writable, options: dict[str, Any]) -> bytes:
    """Encode a photo as the contents of a file with this suffix; options as in `write_file`.

    Raises:
        PhotoError: if the format cannot hold the photo, or encoding fails.
    """
    file_format = FORMATS.get(suffix.lower())
    if file_format is None or not _can_hold(file_format, photo.kind):
        raise PhotoError(_refuse(f"a file with the suffix {suffix!r}", file_format, photo.kind))
    file = io.BytesIO()
    try:
        _encode(file, photo, file_format, options)
    except PhotoError:
        raise
    except Exception as error:
        raise PhotoError(f"it cannot be written as {file_format.name}: {error}") from error
    return file.getvalue()


def write_file(path: str | os.PathLike[str], photo: Writable, options: dict[str, Any]) -> None:
    """Write a photo atomically: the file appears whole or not at all.

    Args:
        path: its suffix determines the format.
        photo: the photo to write.
        options: Pillow's options for the format.

    Raises:
        PhotoError: if the format cannot hold the photo, or writing fails.
    """
    file_format = check_format(path, photo.kind)
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise PhotoError(f"{path}: there is no folder {target.parent}", name=str(path))
    if os.path.exists(target) and not os.path.isfile(target):
        raise PhotoError(f"{path}: this is not a regular file, and is not replaced by one", name=str(path))
    try:
        with open_whole(target) as file:
            _encode(file, photo, file_format, options)
    except PhotoError:
        raise
    except Exception as error:
        reason = (isinstance(error, OSError) and error.strerror) or error  # without the name that it has meanwhile
        raise PhotoError(f"{path}: cannot be written: {reason}", name=str(path)) from error


def _encode(file: BinaryIO, photo: Writable, file_format: Format, options: dict[str, Any]) -> None:
    pixels, mode, icc_profile, exif = photo.pixels, photo.mode, photo.icc_profile, photo.exif
    is_premultiplied, is_png = mode in PREMULTIPLIED_MODES, file_format.name == "PNG"
    is_deep = photo.kind in DEEP_KINDS or is_premultiplied
    if is_deep and options:
        what = "premultiplied alpha" if is_premultiplied else "16-bit color"
        raise PhotoError(f"{what} is written without options; got {', '.join(options)}")
    # Pillow would copy a large photo twice, and take four times as long.
    if is_deep or (is_png and photo.kind in _EIGHT_BIT and not options and pixels.shape[0] * pixels.shape[1] > BAND):
        metadata: dict[str, Any] = {"icc_profile": icc_profile, "dpi": photo.dpi}
        metadata["exif"] = exif and exif.removeprefix(b"Exif\0\0")
        if is_png:
            write_png(file, pixels, **metadata)
        else:
            write_tiff(file, pixels, **metadata, premultiplied=is_premultiplied)
        return
    if pixels.dtype == np.bool_:
        pixels = pixels * np.uint8(255)
    if photo.kind == "I" and file_format.name == "PNG":
        pixels = pixels.astype(np.uint16)
    image = to_pil(pixels, mode)
    if file_format.name in ("WEBP", "AVIF"):
        if mode in ("L", "LA"):  # color only: the profile of a gray photo would be wrong
            image, icc_profile = image.convert({"L": "RGB", "LA": "RGBA"}[mode]), None
        exif = _add_resolution(exif, photo.dpi)
    metadata = {"icc_profile": icc_profile, "exif": exif, "dpi": photo.dpi}
    metadata = {key: value for key, value in metadata.items() if value is not None}
    image.save(file, file_format.name, **{**file_format.defaults, **metadata, **options})


def _add_resolution(exif: bytes | None, dpi: tuple[float, float] | None) -> bytes | None:
    """Add the resolution to EXIF, for formats that cannot store it elsewhere."""
    if dpi is None:
        return exif
    tags = Image.Exif()
    if exif is not None:
        tags.load(exif)
    tags[ExifTags.Base.XResolution], tags[ExifTags.Base.YResolution] = dpi
    tags[ExifTags.Base.ResolutionUnit] = 2  # inch
    return tags.tobytes()
