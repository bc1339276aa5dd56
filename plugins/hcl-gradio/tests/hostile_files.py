"""Files that somebody may drop on the page to break it."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image


def make_bomb() -> bytes:
    """A PNG of some kilobytes that says that it is 60,000 x 60,000 pixels."""

    def make_chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + make_chunk(b"IHDR", header)
        + make_chunk(b"IDAT", zlib.compress(bytes(10**6)))
        + make_chunk(b"IEND", b"")
    )


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'


def make_large() -> bytes:
    """A PNG of few bytes with more pixels than the page of the tests takes."""
    file = io.BytesIO()
    Image.new("RGB", (2000, 1500)).save(file, "PNG")
    return file.getvalue()
