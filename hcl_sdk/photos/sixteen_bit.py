"""Color of 16 bits a channel in PNG and TIFF files, which Pillow reads as 8 bits without a word."""

from __future__ import annotations

import io
import struct
import zlib
from typing import BinaryIO

import numpy as np
import png
import tifffile
from PIL import Image, TiffImagePlugin, TiffTags

# Alpha, in a TIFF's ExtraSamples.
_PREMULTIPLIED, _STRAIGHT = 1, 2


def is_deep(image: Image.Image, file: BinaryIO) -> bool:
    """Does the file hold more bits a channel than ``image``, which Pillow opened from it too, will show?

    Raises:
        ValueError: if it does, in a format that nothing here reads.
    """
    if image.format == "PNG":
        file.seek(0)
        header = file.read(26)
        depth, color_type = header[24], header[25]
        return depth == 16 and color_type != 0
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        bits = image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (1,))
        return max(bits) > 8 and len(image.getbands()) > 1
    if image.format == "PPM" and image.mode == "RGB" and getattr(image, "tile", None):
        arguments = image.tile[0].args  # pyright: ignore[reportAttributeAccessIssue]
        if isinstance(arguments, tuple) and len(arguments) == 2 and arguments[1] > 255:
            raise ValueError("colors of more than 8 bits a channel are read from PNG and TIFF files only")
    return False


def read(file: BinaryIO) -> np.ndarray:
    """The values of a PNG or TIFF file with 16-bit channels, as stored (EXIF orientation not applied).

    Returns:
        ``[H, W, C]`` uint16; C is 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha).

    Raises:
        ValueError: for an arrangement of channels that is not one of these. Damaged files raise what pypng and tifffile
            raise.
    """
    file.seek(0)
    is_png = file.read(4) == b"\x89PNG"
    file.seek(0)
    return _read_png(file) if is_png else _read_tiff(file)


def _read_png(file: BinaryIO) -> np.ndarray:
    try:
        import imagecodecs  # pyright: ignore[reportMissingImports]  # of the extra "tiff", many times faster
    except ImportError:
        return _decode_png(file)
    try:
        return imagecodecs.png_decode(file.read())
    except imagecodecs.PngError as error:
        raise ValueError(f"the PNG file is damaged: {error}") from error


# Interlaced: the first row and column of each of the seven images in one, and the steps between theirs.
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def _decode_png(file: BinaryIO) -> np.ndarray:
    """As imagecodecs does it, from pypng's chunks."""
    chunks = list(png.Reader(file=file).chunks())
    if not chunks or chunks[0][0] != b"IHDR":
        raise ValueError("the PNG file does not begin with its header")
    width, height, _, color_type, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    channels = {2: 3, 4: 2, 6: 4}[color_type]
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    sizes = [(max(0, -(-(height - y) // down)), max(0, -(-(width - x) // right))) for y, x, down, right in passes]
    lengths = [rows * (columns * channels * 2 + 1) if columns else 0 for rows, columns in sizes]
    packed = b"".join(data for kind, data in chunks if kind == b"IDAT")
    # Not more than the header says: a small file can unpack to anything.
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
    """PNG's filters undone: every byte is a difference from a prediction out of its left, upper and upper left pixel.

    pypng goes byte by byte, a minute for a photo of 12 million pixels; here all pixels of a diagonal go at once, since
    what they are predicted from lies on the two diagonals before.

    Args:
        filters: ``[H]`` uint8, the filter of every row.
        differences: ``[H, W, bytes a pixel]`` uint8.

    Returns:
        The bytes, shaped as ``differences``, contiguous.
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
        flat[start:stop:width] += predicted.astype(np.uint8)  # modulo 256, as the format wants it
    return np.ascontiguousarray(padded[1:, 1:])


def _read_tiff(file: BinaryIO) -> np.ndarray:
    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        arrangement = getattr(page.photometric, "name", str(page.photometric)), page.samplesperpixel
        if arrangement not in (("RGB", 3), ("RGB", 4)):
            raise ValueError(
                f"a TIFF of 16 bits and {arrangement[1]} channels ({arrangement[0]}) is not read: only grey and RGB, "
                f"or RGB with alpha"
            )
        if _PREMULTIPLIED in page.extrasamples:
            raise ValueError("a 16-bit TIFF with premultiplied alpha is not read: save it with straight alpha")
        values = page.asarray()
        if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
            values = np.moveaxis(values, 0, -1)
    if values.dtype != np.uint16:
        raise ValueError(f"a color TIFF of {values.dtype} is not read: only 8 and 16 bits a channel")
    return np.ascontiguousarray(values)


def write_png(
    file: BinaryIO,
    values: np.ndarray,
    *,
    icc_profile: bytes | None,
    exif: bytes | None,
    dpi: tuple[float, float] | None,
) -> None:
    """Write ``[H, W, C]`` uint16 values (C = 2, 3 or 4) as a PNG file.

    Args:
        file: open for writing, binary.
        values: grey and alpha, RGB, or RGB and alpha.
        icc_profile: as stored in files.
        exif: a TIFF structure, without the ``Exif`` prefix.
        dpi: horizontal, vertical.
    """
    height, width, channels = values.shape
    rows = values.astype(">u2").view(np.uint8).reshape(height, -1)
    # Filter 2: every row minus the one above (modulo 256).
    filtered = np.full((height, rows.shape[1] + 1), 2, np.uint8)
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0))]
    if icc_profile is not None:
        chunks.append((b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc_profile)))
    if dpi is not None:
        chunks.append((b"pHYs", struct.pack(">IIB", *(round(d / 0.0254) for d in dpi), 1)))
    if exif is not None:
        chunks.append((b"eXIf", exif))
    chunks += [(b"IDAT", zlib.compress(filtered.tobytes())), (b"IEND", b"")]
    png.write_chunks(file, chunks)


def write_tiff(
    file: BinaryIO,
    values: np.ndarray,
    *,
    icc_profile: bytes | None,
    exif: bytes | None,
    dpi: tuple[float, float] | None,
) -> None:
    """Write ``[H, W, C]`` uint16 values (C = 3 or 4) as a TIFF file, one deflated strip.

    The arguments are those of `write_png`. Pillow writes the directory, because it knows where a TIFF keeps EXIF.
    """
    height, width, channels = values.shape
    strip = zlib.compress(values.astype("<u2").tobytes())
    tags = Image.Exif()
    if exif is not None:
        tags.load(exif)
    directory = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II")
    for tag in tags:
        directory[tag] = tags.get_ifd(tag) if tag in TiffTags.TAGS_V2_GROUPS else tags[tag]
    directory[TiffImagePlugin.IMAGEWIDTH] = width
    directory[TiffImagePlugin.IMAGELENGTH] = height
    directory[TiffImagePlugin.BITSPERSAMPLE] = (16,) * channels
    directory[TiffImagePlugin.COMPRESSION] = 8  # deflate
    directory[TiffImagePlugin.PHOTOMETRIC_INTERPRETATION] = 2  # RGB
    directory[TiffImagePlugin.SAMPLESPERPIXEL] = channels
    directory[TiffImagePlugin.PLANAR_CONFIGURATION] = 1
    directory[TiffImagePlugin.ROWSPERSTRIP] = height
    directory[TiffImagePlugin.STRIPBYTECOUNTS] = len(strip)
    directory[TiffImagePlugin.STRIPOFFSETS] = 0  # of the strip in what follows the directory
    if channels == 4:
        directory[TiffImagePlugin.EXTRASAMPLES] = _STRAIGHT
    if icc_profile is not None:
        directory[TiffImagePlugin.ICCPROFILE] = icc_profile
    if dpi is not None:
        directory[TiffImagePlugin.X_RESOLUTION], directory[TiffImagePlugin.Y_RESOLUTION] = dpi
        directory[TiffImagePlugin.RESOLUTION_UNIT] = 2  # inch
    buffer = io.BytesIO()
    directory.save(buffer)
    file.write(buffer.getvalue())
    file.write(strip)
