"""Photos that Pillow silently reads and writes with 8 bits per channel, although they have more; and TIFF as stored."""

from __future__ import annotations

import io
import lzma
import math
import struct
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
import png
import tifffile
from PIL import Image, TiffImagePlugin, TiffTags

from hcl_sdk.photos.depth import measure_heif, measure_jpeg2000

PREMULTIPLIED, _STRAIGHT = 1, 2
"""Values of alpha in a TIFF's ExtraSamples."""


def read_deep(image: Image.Image, file: BinaryIO) -> np.ndarray | None:
    """Read a file that has more bits per channel than Pillow shows, as stored (EXIF orientation not applied).

    Args:
        image: the file as opened by Pillow, not loaded yet.
        file: the same file, open for reading; its position changes.

    Returns:
        ``[H, W, C]`` uint16, with fewer bits scaled to white = 65535; C is 2 (gray, alpha), 3 (RGB) or 4 (RGB, alpha).
        None if Pillow shows all bits.

    Raises:
        ValueError: if such a file cannot be read, with advice. Damaged files raise the errors of the decoders.
    """
    reader = _READERS.get(image.format or "")
    values = None if reader is None else reader(image, file)
    if values is not None and values.shape[:2] != image.size[::-1] and values.shape[:2] != image.size:
        raise ValueError(
            f"the file is damaged: it states {image.width} x {image.height} pixels, and elsewhere another size"
        )
    return values


def _read_deep_png(_: Image.Image, file: BinaryIO) -> np.ndarray | None:
    file.seek(0)
    header = file.read(26)
    depth, color_type = header[24], header[25]
    file.seek(0)
    return _read_png(file) if depth == 16 and color_type != 0 else None


def _read_deep_tiff(image: Image.Image, file: BinaryIO) -> np.ndarray | None:
    assert isinstance(image, TiffImagePlugin.TiffImageFile)
    bits = image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (1,))
    file.seek(0)
    return _read_tiff(file, image.size) if max(bits) > 8 and len(image.getbands()) > 1 else None


def _read_deep_jpeg2000(image: Image.Image, file: BinaryIO) -> np.ndarray | None:
    bits, size = measure_jpeg2000(file)
    if size != image.size:
        raise ValueError(f"the file is damaged: {image.width} x {image.height} and {size[0]} x {size[1]} pixels")
    if bits <= 8 or len(image.getbands()) == 1:
        return None
    return _decode_whole("jpeg2k_decode", image, file, bits)


def _read_deep_avif(image: Image.Image, file: BinaryIO) -> np.ndarray | None:
    bits = measure_heif(file)
    return _decode_whole("avif_decode", image, file, bits) if bits > 8 else None


def _read_deep_heif(image: Image.Image, file: BinaryIO) -> np.ndarray | None:
    if measure_heif(file) <= 8:
        return None
    import pillow_heif  # pyright: ignore[reportMissingImports]  # which registered the format

    file.seek(0)
    whole = pillow_heif.open_heif(file, convert_hdr_to_8bit=False)[0]
    values = np.asarray(whole)
    if values.dtype != np.uint16 or whole.mode not in ("RGB;16", "RGBA;16"):
        raise ValueError(f"a HEIF file of mode {whole.mode} is not read in full; convert it to PNG or TIFF")
    return np.array(values)


def _decode_whole(function: str, image: Image.Image, file: BinaryIO, bits: int) -> np.ndarray:
    """Decode a file of more than 8 bits with imagecodecs."""
    try:
        import imagecodecs  # pyright: ignore[reportMissingImports]  # of the extra "tiff"
    except ImportError:
        raise ValueError(
            f"{image.format} of {bits} bits per channel, of which only 8 would be read; pip install imagecodecs "
            f"to read all, or convert it to PNG or TIFF of 16 bits"
        ) from None
    file.seek(0)
    values = getattr(imagecodecs, function)(file.read())
    if values.dtype != np.uint16 or values.ndim != 3 or values.shape[2] != len(image.getbands()) or bits > 16:
        raise ValueError(
            f"{image.format} of {bits} bits per channel is not supported with these channels; convert it to PNG or TIFF"
        )
    return _scale(values, bits)


def _scale(values: np.ndarray, bits: int) -> np.ndarray:
    """Scale values to 16 bits, rounded to the nearest, so that different values stay different."""
    white = 2**bits - 1
    table = np.rint(np.arange(white + 1) * (65535 / white)).astype(np.uint16)
    return table[np.minimum(values, white)]


def _refuse_deep(is_deep: Callable[[Any, BinaryIO], bool]) -> Callable[[Image.Image, BinaryIO], None]:
    def check(image: Image.Image, file: BinaryIO) -> None:
        if is_deep(image, file):
            raise ValueError(
                f"color of more than 8 bits per channel is read from PNG and TIFF files (and JPEG 2000, AVIF, HEIF), "
                f"not from {image.format}; convert it to one of these"
            )

    return check


def _is_deep_ppm(image: Any, _: BinaryIO) -> bool:
    arguments = image.tile[0].args if image.mode == "RGB" and image.tile else ()
    return isinstance(arguments, tuple) and len(arguments) == 2 and arguments[1] > 255


def _is_deep_sgi(image: Image.Image, file: BinaryIO) -> bool:
    file.seek(3)
    return file.read(1) == b"\x02"  # bytes a channel


def _is_deep_dds(image: Any, _: BinaryIO) -> bool:
    return str(getattr(image, "pixel_format", "")).startswith("BC6H")


_READERS: dict[str, Callable[[Image.Image, BinaryIO], np.ndarray | None]] = {
    "PNG": _read_deep_png,
    "TIFF": _read_deep_tiff,
    "JPEG2000": _read_deep_jpeg2000,
    "AVIF": _read_deep_avif,
    "HEIF": _read_deep_heif,
    "PPM": _refuse_deep(_is_deep_ppm),
    "SGI": _refuse_deep(_is_deep_sgi),
    "DDS": _refuse_deep(_is_deep_dds),
}


def _read_png(file: BinaryIO) -> np.ndarray:
    try:
        import imagecodecs  # pyright: ignore[reportMissingImports]  # of the extra "tiff", many times faster
    except ImportError:
        return _decode_png(file)
    try:
        return imagecodecs.png_decode(file.read())
    except imagecodecs.PngError as error:
        raise ValueError(f"the PNG file is damaged: {error}") from error


# Interlacing: the first row and column of each of the seven images in one, and the steps between theirs.
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def _decode_png(file: BinaryIO) -> np.ndarray:
    """Decode a PNG file as imagecodecs does, from pypng's chunks."""
    chunks = list(png.Reader(file=file).chunks())
    if not chunks or chunks[0][0] != b"IHDR":
        raise ValueError("the PNG file does not begin with its header")
    width, height, _, color_type, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    channels = {2: 3, 4: 2, 6: 4}[color_type]
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    sizes = [(max(0, -(-(height - y) // down)), max(0, -(-(width - x) // right))) for y, x, down, right in passes]
    lengths = [rows * (columns * channels * 2 + 1) if columns else 0 for rows, columns in sizes]
    packed = b"".join(data for kind, data in chunks if kind == b"IDAT")
    # No more than the header says: a small file can unpack to any size.
    data = np.frombuffer(zlib.decompressobj().decompress(packed, sum(lengths)), np.uint8)
    if data.size < sum(lengths):
        raise ValueError(f"the PNG file holds {data.size} bytes of pixels, not {sum(lengths)}")
    pixels = np.empty((height, width, channels), np.uint16)
    for (y, x, down, right), (rows, columns), part in zip(
        passes, sizes, np.split(data, np.cumsum(lengths)[:-1]), strict=True
    ):
        if part.size:
            lines = part.reshape(rows, -1)
            values = _undo_filters(lines[:, 0], lines[:, 1:].reshape(rows, columns, channels * 2))
            pixels[y::down, x::right] = values.view(">u2")
    return pixels


def _undo_filters(filters: np.ndarray, differences: np.ndarray) -> np.ndarray:
    """Undo PNG's filters: each byte is a difference from a prediction by its left, upper and upper left pixel.

    pypng goes byte by byte, which takes a minute for a photo of 12 megapixels; this computes all pixels of a diagonal
    at once, since they are predicted from the two diagonals before.

    Args:
        filters: ``[H]`` uint8, the filter of each row.
        differences: ``[H, W, bytes per pixel]`` uint8.

    Returns:
        The bytes, shaped like ``differences``, contiguous.
    """
    if filters.max() > 4:
        raise ValueError(f"the PNG file has a row with filter {filters.max()}; there are 0 to 4")
    height, width, count = differences.shape
    padded = np.zeros((height + 1, width + 1, count), np.uint8)
    padded[1:, 1:] = differences
    flat = padded.reshape(-1, count)
    for diagonal in range(height + width - 1):  # the pixels with x + y = diagonal, `width` apart in `flat`
        top, bottom = max(0, diagonal - width + 1), min(height - 1, diagonal)
        start = width + 2 + diagonal + top * width
        stop = start + (bottom - top) * width + 1
        left, up, corner = (
            flat[start - back : stop - back : width].astype(np.int16) for back in (1, width + 1, width + 2)
        )
        to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
        nearest = np.where((to_left <= to_up) & (to_left <= to_corner), left, np.where(to_up <= to_corner, up, corner))
        predicted = np.choose(
            filters[top : bottom + 1, None], (np.zeros_like(left), left, up, (left + up) >> 1, nearest)
        )
        flat[start:stop:width] += predicted.astype(np.uint8)  # modulo 256, as the format demands
    return np.ascontiguousarray(padded[1:, 1:])


# TIFF compressions that unpack to bytes, no more than the header says. JPEG has a header of its own.
_DEFLATE, _LZMA, _PACKBITS, _JPEG = (8, 32946), 34925, 32773, 7
_DECODED_ELSEWHERE = {5: "LZW", _JPEG: "JPEG", 50000: "Zstandard"}
_COMPRESSIONS = (1, *_DECODED_ELSEWHERE, *_DEFLATE, _PACKBITS, _LZMA)
_LARGEST_TILE = 1 << 26  # bytes, for smaller photos


def _read_tiff(file: BinaryIO, size: tuple[int, int]) -> np.ndarray:
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
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        tiff.filehandle.seek(offset)
        if page.compression in _DEFLATE:
            unpacked = len(zlib.decompressobj().decompress(tiff.filehandle.read(count), most + 1))
        elif page.compression == _LZMA:
            unpacked = len(lzma.LZMADecompressor(memlimit=1 << 28).decompress(tiff.filehandle.read(count), most + 1))
        elif page.compression == _JPEG:
            unpacked = _measure_jpeg(tiff.filehandle.read(count))
        elif page.compression == _PACKBITS:
            unpacked = _measure_packbits(tiff.filehandle.read(count), most)
        else:  # not compressed, or decoded by something that limits its output
            return
        if unpacked > most:
            raise ValueError("the TIFF file is damaged: it unpacks to more than its header says")


def _measure_packbits(data: bytes, most: int) -> int:
    """Return the number of bytes that runs unpack to; only as far as ``most`` is not exceeded."""
    at = unpacked = 0
    while at < len(data) and unpacked <= most:
        head = data[at]
        at += 2 if head >= 128 else head + 2
        unpacked += 257 - head if head > 128 else head + 1 if head < 128 else 0
    return unpacked


def _measure_jpeg(data: bytes) -> int:
    """Return the number of bytes that a JPEG stream unpacks to; 0 if it does not say."""
    at = 2
    while at + 10 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            depth, height, width, channels = struct.unpack_from(">BHHB", data, at + 4)
            return -(-depth // 8) * height * width * channels
        at += 2 + length
    return 0


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

    The arguments are those of `write_png` in ``png_file``; ``premultiplied`` tells whether colors are premultiplied by
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
