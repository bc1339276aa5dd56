"""TIFF files of 16 bits per channel, which Pillow reads with 8, or of premultiplied colors."""

from __future__ import annotations

import io
import lzma
import math
import struct
import zlib
from collections.abc import Callable
from typing import BinaryIO

import numpy as np
import tifffile
from PIL import Image, TiffImagePlugin, TiffTags

PREMULTIPLIED, _STRAIGHT = 1, 2
"""Values of alpha in a TIFF's ExtraSamples."""

# TIFF compressions that unpack to bytes, no more than the header says. JPEG has a header of its own.
_DEFLATE, _LZMA, _PACKBITS, _JPEG = (8, 32946), 34925, 32773, 7
_DECODED_ELSEWHERE = {5: "LZW", _JPEG: "JPEG", 50000: "Zstandard"}
_COMPRESSIONS = (1, *_DECODED_ELSEWHERE, *_DEFLATE, _PACKBITS, _LZMA)
_LARGEST_TILE = 1 << 26  # bytes, for smaller photos


def read_tiff(file: BinaryIO, size: tuple[int, int]) -> np.ndarray:
    """Read the pixels of a TIFF file of 16-bit color, as stored: ``[H, W, C]`` uint16, C 3 (RGB) or 4 (RGB, alpha).

    Args:
        file: the file.
        size: width and height that Pillow found in it; swapped if it is stored on its side.

    Raises:
        ValueError: if it has other channels or another compression, or is damaged; or an error of the decoders.
    """
    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        arrangement = getattr(page.photometric, "name", str(page.photometric)), page.samplesperpixel
        if arrangement not in (("RGB", 3), ("RGB", 4)):
            raise ValueError(
                f"a TIFF of 16 bits and {arrangement[1]} channels ({arrangement[0]}) is not read: only gray and RGB, "
                f"or RGB with alpha"
            )
        if page.dtype != np.uint16:
            raise ValueError(f"a color TIFF of {page.dtype} is not read: only 8 and 16 bits per channel")
        if sorted((page.imagewidth, page.imagelength)) != sorted(size) or page.imagedepth != 1:
            raise ValueError("the TIFF header is damaged: it states several sizes")
        _check_segments(tiff, page)
        values = page.asarray()
        if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
            values = np.moveaxis(values, 0, -1)
    return np.ascontiguousarray(values)


def _check_segments(tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> None:
    """Refuse strips and tiles that would take more memory than the header says, before they are decoded."""
    if page.compression not in _COMPRESSIONS:
        raise ValueError(f"a TIFF compressed with {page.compression!r} is not read: save it with LZW or deflate")
    if page.compression in _DECODED_ELSEWHERE and not _has_imagecodecs():
        name = _DECODED_ELSEWHERE[page.compression]
        raise ValueError(f"a TIFF of 16 bits compressed with {name} is read with imagecodecs: pip install imagecodecs")
    most = math.prod(page.chunks) * np.dtype(np.uint16).itemsize
    if most > max(page.nbytes, _LARGEST_TILE):
        raise ValueError(f"the TIFF header is damaged: a tile of {most} bytes in a photo of {page.nbytes}")
    measure = _MEASURES.get(page.compression)
    if measure is None:  # not compressed, or decoded by something that limits its output
        return
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        tiff.filehandle.seek(offset)
        if measure(tiff.filehandle.read(count), most) > most:
            raise ValueError("the TIFF file is damaged: it unpacks to more than its header says")


def _measure_deflate(data: bytes, most: int) -> int:
    """Return the number of bytes that a stream unpacks to; here and below, only as far as ``most`` is not exceeded."""
    return len(zlib.decompressobj().decompress(data, most + 1))


def _measure_lzma(data: bytes, most: int) -> int:
    return len(lzma.LZMADecompressor(memlimit=1 << 28).decompress(data, most + 1))


def _measure_packbits(data: bytes, most: int) -> int:
    at = unpacked = 0
    while at < len(data) and unpacked <= most:
        head = data[at]
        at += 2 if head >= 128 else head + 2
        unpacked += 257 - head if head > 128 else head + 1 if head < 128 else 0
    return unpacked


def _measure_jpeg(data: bytes, _: int) -> int:
    """Return the number of bytes that a JPEG stream unpacks to; 0 if it does not say."""
    at = 2
    while at + 10 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            depth, height, width, channels = struct.unpack_from(">BHHB", data, at + 4)
            return -(-depth // 8) * height * width * channels
        at += 2 + length
    return 0


_MEASURES: dict[int, Callable[[bytes, int], int]] = {
    **dict.fromkeys(_DEFLATE, _measure_deflate),
    _LZMA: _measure_lzma,
    _JPEG: _measure_jpeg,
    _PACKBITS: _measure_packbits,
}


def _has_imagecodecs() -> bool:
    try:
        import imagecodecs  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError:
        return False
    return True


def write_tiff(
    file: BinaryIO,
    values: np.ndarray,
    *,
    icc_profile: bytes | None,
    exif: bytes | None,
    dpi: tuple[float, float] | None,
    premultiplied: bool = False,
) -> None:
    """Write ``[H, W, C]`` uint8 or uint16 values (C = 2, 3 or 4) as a TIFF file with a single deflated strip.

    The arguments are those of `write_png`; ``premultiplied`` tells whether colors are premultiplied by
    alpha. Pillow writes the directory, because it knows where a TIFF keeps EXIF.
    """
    height, width, channels = values.shape
    strip = zlib.compress(values.astype(values.dtype.newbyteorder("<")).tobytes())
    tags = Image.Exif()
    if exif is not None:
        tags.load(exif)
    directory = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II")
    for tag in tags:
        directory[tag] = tags.get_ifd(tag) if tag in TiffTags.TAGS_V2_GROUPS else tags[tag]
    directory[TiffImagePlugin.IMAGEWIDTH] = width
    directory[TiffImagePlugin.IMAGELENGTH] = height
    directory[TiffImagePlugin.BITSPERSAMPLE] = (8 * values.itemsize,) * channels
    directory[TiffImagePlugin.COMPRESSION] = 8  # deflate
    directory[TiffImagePlugin.PHOTOMETRIC_INTERPRETATION] = 1 if channels == 2 else 2  # gray or RGB
    directory[TiffImagePlugin.SAMPLESPERPIXEL] = channels
    directory[TiffImagePlugin.PLANAR_CONFIGURATION] = 1
    directory[TiffImagePlugin.ROWSPERSTRIP] = height
    directory[TiffImagePlugin.STRIPBYTECOUNTS] = len(strip)
    directory[TiffImagePlugin.STRIPOFFSETS] = 0  # position of the strip after the directory
    if channels != 3:
        directory[TiffImagePlugin.EXTRASAMPLES] = PREMULTIPLIED if premultiplied else _STRAIGHT
    if icc_profile is not None:
        directory[TiffImagePlugin.ICCPROFILE] = icc_profile
    if dpi is not None:
        directory[TiffImagePlugin.X_RESOLUTION], directory[TiffImagePlugin.Y_RESOLUTION] = dpi
        directory[TiffImagePlugin.RESOLUTION_UNIT] = 2  # inch
    buffer = io.BytesIO()
    directory.save(buffer)
    file.write(buffer.getvalue())
    file.write(strip)
