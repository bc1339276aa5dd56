"""Writing PNG files of 8 or 16 bits per channel band by band, so that a large photo is not copied as a whole."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import png

from hcl_sdk.functional.arrays import cut_bands

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
    """Write ``[H, W, C]`` values (C = 1 to 4: gray or RGB, with or without alpha) as a PNG file.

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
