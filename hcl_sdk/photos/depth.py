"""The number of bits per channel of a file, which Pillow does not report: it shows color in most formats as 8 bits."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

_LARGEST_META = 1 << 24  # bytes; for a photo with thousands of tiles the property takes some 100,000


def measure_jpeg2000(file: BinaryIO) -> tuple[int, tuple[int, int]]:
    """Return bits per channel, and (width, height), of a JPEG 2000 file (ITU-T T.800, annexes A.5.1 and I).

    Raises:
        ValueError: if there is no codestream, or its values are signed.
    """
    file.seek(0)
    if file.read(4) != b"\xff\x4f\xff\x51":  # skip the boxes around the codestream
        for kind, start, _ in _walk_file(file):
            if kind == b"jp2c":
                file.seek(start + 4)
                break
        else:
            raise ValueError("the JPEG 2000 file holds no codestream")
    _, _, *area, channels = struct.unpack(">HH8IH", file.read(38))
    depths = file.read(3 * channels)[::3]
    if not depths or any(depth & 0x80 for depth in depths):
        raise ValueError("JPEG 2000 with signed values is not supported; convert it to PNG or TIFF")
    return max(depths) + 1, (area[0] - area[2], area[1] - area[3])


def measure_heif(file: BinaryIO) -> int:
    """Return bits per channel of the photo in an AVIF or HEIF file (ISO/IEC 23008-12); 8 if the file does not say."""
    for kind, start, end in _walk_file(file):
        if kind == b"meta" and end - start <= _LARGEST_META:
            file.seek(start + 4)
            return _measure_meta(file.read(end - start - 4))
    return 8


def _measure_meta(meta: bytes) -> int:
    boxes = dict(_walk(meta))
    properties = dict(_walk(boxes.get(b"iprp", b"")))
    listed = [_measure_property(*box) for box in _walk(properties.get(b"ipco", b""))]
    primary = boxes.get(b"pitm", b"")
    number = int.from_bytes(primary[4 : 8 if primary[:1] > b"\0" else 6])
    own = [listed[i - 1] for i in _list_associated(properties.get(b"ipma", b""), number) if 0 < i <= len(listed)]
    # A photo assembled from tiles may not state it itself.
    return max(filter(None, own), default=0) or max(filter(None, listed), default=8)


def _measure_property(kind: bytes, body: bytes) -> int:
    """Return the bits per channel that a property of an item states; 0 if it states something else."""
    if kind == b"pixi":
        return max(body[5:], default=0)
    if kind == b"av1C" and len(body) > 2:
        return (12 if body[2] & 0x20 else 10) if body[2] & 0x40 else 8
    if kind == b"hvcC" and len(body) > 17:
        return 8 + (body[17] & 7)
    return 0


def _list_associated(table: bytes, number: int) -> list[int]:
    """List the properties of an item, counted from 1, according to an ``ipma`` box."""
    if len(table) < 8:
        return []
    wide_number, wide_index = table[0] > 0, table[3] & 1
    at = 8
    for _ in range(int.from_bytes(table[4:8])):
        size = 4 if wide_number else 2
        item, count = int.from_bytes(table[at : at + size]), int.from_bytes(table[at + size : at + size + 1])
        at += size + 1
        step = 2 if wide_index else 1
        if item == number:
            indices = (int.from_bytes(table[i : i + step]) for i in range(at, at + step * count, step))
            return [index & (0x7FFF if wide_index else 0x7F) for index in indices]
        at += step * count
        if at >= len(table):
            break
    return []


def _walk(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the boxes in a box: kind and content."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        size = size or len(data) - at
        if size < 8 or at + size > len(data):
            return
        yield kind, data[at + 8 : at + size]
        at += size


def _walk_file(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield the boxes of a file: kind, and where the content begins and ends."""
    end = file.seek(0, 2)
    at = 0
    while at + 8 <= end:
        file.seek(at)
        size, kind = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:
            size, header = int.from_bytes(file.read(8)), 16
        size = size or end - at
        if size < header:
            return
        yield kind, at + header, min(at + size, end)
        at += size
