"""The file formats of photos: which can be read, which can be written, and what each can hold."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

MAX_MEGAPIXELS = 200.0
"""Photos with more megapixels are refused, unless more are allowed: a small file can claim any size."""

DEEP_KINDS = ("LA;16", "RGB;16", "RGBA;16", "RGBa;16")
"""Kinds of photos that Pillow neither reads in full nor writes: several channels of 16 bits."""


@dataclass(frozen=True)
class Format:
    """A format that photos are written in.

    Attributes:
        name: Pillow's name for it.
        kinds: what it can hold: modes, with the depth if it is not 8 bits.
        defaults: Pillow's options where the caller gives none.
    """

    name: str
    kinds: tuple[str, ...]
    defaults: dict[str, Any]


_PNG = Format("PNG", ("L", "LA", "RGB", "RGBA", "L;16", "I", "LA;16", "RGB;16", "RGBA;16"), {})
_JPEG = Format("JPEG", ("L", "RGB", "CMYK", "YCbCr"), {"quality": 95, "subsampling": 0})
_ALPHA_KINDS = "LA", "La", "RGBA", "RGBa", "RGBA;16", "RGBa;16"
_TIFF_KINDS = "L", "RGB", "L;16", "RGB;16", "I", "CMYK", "YCbCr", "LAB", "F", *_ALPHA_KINDS
_TIFF = Format("TIFF", _TIFF_KINDS, {})
FORMATS = {
    ".png": _PNG,
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".tif": _TIFF,
    ".tiff": _TIFF,
    # "exact" keeps the colors of transparent pixels.
    ".webp": Format("WEBP", ("L", "LA", "RGB", "RGBA"), {"lossless": True, "exact": True}),
    ".avif": Format("AVIF", ("L", "LA", "RGB", "RGBA"), {"quality": 90}),
    ".jp2": Format("JPEG2000", ("L", "LA", "RGB", "RGBA", "L;16"), {}),
    ".bmp": Format("BMP", ("L", "RGB"), {}),
    ".ppm": Format("PPM", ("L", "RGB"), {}),
}
"""The writable formats, by suffix."""

_CONVERT_RAW = "convert raw photos to TIFF or PNG first"
_CONVERT_HEIF = "pip install pillow-heif, which reads them, or convert them to JPEG or PNG first"
UNREAD = {
    **dict.fromkeys((".heic", ".heif"), _CONVERT_HEIF),
    ".avif": "this Pillow is built without it; convert to JPEG or PNG first",
    **dict.fromkeys((".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2"), _CONVERT_RAW),
}
"""Suffixes of photos that Pillow may not read by itself, with advice on what to do."""


# Pillow knows only the size of these, or passes the file to another program.
_NOT_DECODED = ("MPEG", "EPS")


def list_lossless_suffixes(own: str) -> tuple[str, ...]:
    """List the suffixes that `Photo.lossless_suffix` chooses from, the most common first.

    Which of them it is depends on the mode and depth of the photo.

    Args:
        own: the suffix of the photo's own file, such as ``.jpg``.
    """
    own = own.lower()
    if own in (".tif", ".tiff"):
        return (own,)
    return (own, ".png", ".tiff") if own in (".bmp", ".ppm") else (".png", ".tiff")


def list_readable_formats() -> tuple[str, ...]:
    """List Pillow's names of the readable formats: raster formats that it, or a registered plugin of it, decodes."""
    return _list_readable()[0]


def list_readable_suffixes() -> frozenset[str]:
    """List the suffixes of files in `list_readable_formats`, in lower case."""
    return _list_readable()[1]


def _list_readable() -> tuple[tuple[str, ...], frozenset[str]]:
    from PIL import Image  # imported here so that the command's help need not wait for it

    Image.init()
    _register_heif()
    return _list_registered(len(Image.OPEN), len(Image.EXTENSION))


@cache
def _register_heif() -> None:
    """Let Pillow read HEIC if pillow-heif is installed."""
    try:
        import pillow_heif  # pyright: ignore[reportMissingImports]
    except ImportError:
        return
    pillow_heif.register_heif_opener()


@cache
def _list_registered(_formats: int, _suffixes: int) -> tuple[tuple[str, ...], frozenset[str]]:
    """List the registered formats and suffixes; the counts, which grow with further formats, are the cache's key."""
    from PIL import Image, ImageFile

    def is_read(name: str) -> bool:
        reader = Image.OPEN[name][0] if name in Image.OPEN else None
        is_stub = isinstance(reader, type) and issubclass(reader, ImageFile.StubImageFile)
        return reader is not None and not is_stub and name not in _NOT_DECODED

    formats = tuple(filter(is_read, Image.ID))
    return formats, frozenset(suffix for suffix, name in Image.EXTENSION.items() if name in formats)
