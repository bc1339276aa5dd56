"""PNG files of 16 bits per channel, which Pillow reads with 8, and writing large ones without copying all pixels."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import png

from hcl_sdk.functional.arrays import cut_bands


def read_png(file: BinaryIO) -> np.ndarray:
    """Read the pixels of a PNG file of 16 bits per channel: ``[H, W, C]`` uint16, C as in the file (2 to 4).

    Raises:
        ValueError: if it is damaged; or an error of the decoders.
    """
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


LEVEL = 3
"""zlib's level: its default, 6, takes four times as long for photos and saves nothing with these filters."""

_COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_NONE, _SUB, _UP = 0, 1, 2


def write_png(
    file: BinaryIO,
    values: np.ndarray,
    *,
    icc_profile: bytes | None,
    exif: bytes | None,
    dpi: tuple[float, float] | None,
) -> None:
    """Write ``[H, W, C]`` values (C = 1 to 4: gray or RGB, with or without alpha) as a PNG file, band by band.

    Args:
        file: the file to write to.
        values: the pixels: uint8, uint16, or bool, which become 0 and 255.
        icc_profile: the ICC color profile as stored in files.
        exif: the EXIF data, beginning with the TIFF header.
        dpi: dots per inch, horizontal and vertical.
    """
    png.write_chunks(file, _make_chunks(values, icc_profile, exif, dpi))


def _make_chunks(
    values: np.ndarray, icc_profile: bytes | None, exif: bytes | None, dpi: tuple[float, float] | None
) -> Iterator[tuple[bytes, bytes]]:
    height, width, channels = values.shape
    depth = 8 * values.dtype.itemsize
    yield b"IHDR", struct.pack(">IIBBBBB", width, height, depth, _COLOR_TYPES[channels], 0, 0, 0)
    if icc_profile is not None:
        yield b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc_profile)
    if dpi is not None:
        yield b"pHYs", struct.pack(">IIB", *(round(d / 0.0254) for d in dpi), 1)
    if exif is not None:
        yield b"eXIf", exif
    packer = zlib.compressobj(LEVEL)
    above = np.zeros(width * channels * values.dtype.itemsize, np.uint8)
    for rows in cut_bands(height, width):
        band = values[rows] * np.uint8(255) if values.dtype == np.bool_ else np.ascontiguousarray(values[rows])
        lines = (band if depth == 8 else band.astype(">u2")).view(np.uint8).reshape(len(band), -1)
        if packed := packer.compress(_filter(lines, above, channels * values.dtype.itemsize).data):
            yield b"IDAT", packed
        above = lines[-1]
    yield b"IDAT", packer.flush()
    yield b"IEND", b""


def _filter(lines: np.ndarray, above: np.ndarray, step: int) -> np.ndarray:
    """Filter lines of bytes, each with the filter that gives the smallest differences (PNG, section 12.7).

    Args:
        lines: ``[H, N]`` uint8.
        above: ``[N]``, the line before the first.
        step: bytes from a pixel to the next.

    Returns:
        ``[H, 1 + N]`` uint8, the number of the filter first.
    """
    sub, up = lines.copy(), lines.copy()
    sub[:, step:] -= lines[:, :-step]
    up[0] -= above
    up[1:] -= lines[:-1]
    # Bytes as signed numbers: 255 is a difference of -1.
    costs = [np.abs(x.view(np.int8)).view(np.uint8).sum(axis=1, dtype=np.uint64) for x in (lines, sub, up)]
    best = np.argmin(costs, axis=0)
    filtered = np.empty((len(lines), 1 + lines.shape[1]), np.uint8)
    filtered[:, 0] = best
    for number, differences in ((_NONE, lines), (_SUB, sub), (_UP, up)):
        chosen = best == number
        filtered[chosen, 1:] = differences[chosen]
    return filtered
