"""Texts and color profiles in PNG files that exceed Pillow's limits, so that it would refuse the photo."""

from __future__ import annotations

import io
import struct
import zlib
from typing import BinaryIO

# In bytes: one text, which is Pillow's limit; all texts together; a profile; and either as compressed in the file.
_MOST_TEXT = 1 << 20
_MOST_TEXTS = 1 << 25
_MOST_PROFILE = 1 << 24
_MOST_PACKED = 1 << 26
_KINDS = b"tEXt", b"zTXt", b"iTXt", b"iCCP"


def leave_out_large_text(file: BinaryIO) -> tuple[BinaryIO, bytes | None, list[str]]:
    """Drop texts and color profiles that are too large from a PNG file.

    Args:
        file: open for reading.

    Returns:
        The file itself if nothing is too large, otherwise one in memory; the color profile, if it is too large for
        Pillow but not for a profile; and descriptions of what was dropped.
    """
    file.seek(8)
    position, texts, profiles, profile = 8, 0, 0, None
    left_out: list[tuple[int, int]] = []
    notes: dict[str, None] = {}
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        end = position + length + 12
        if kind in _KINDS:
            body = file.read(min(length, _MOST_PACKED))
            name = body.partition(b"\0")[0][:79].decode("latin-1")
            most = _MOST_PROFILE if kind == b"iCCP" else _MOST_TEXT
            profiles += kind == b"iCCP"
            are_many = profiles > 1 if kind == b"iCCP" else texts > _MOST_TEXTS  # unpacking them all would take long
            text = b"" if length > _MOST_PACKED or are_many else _unpack(kind, body, most)
            if are_many:
                what = "all color profiles but the first" if kind == b"iCCP" else f"texts beyond {_MOST_TEXTS >> 20} MB"
                notes[f"{what} are left out"] = None
                left_out.append((position, end))
            elif length > _MOST_PACKED or len(text) >= most:
                what = "color profile" if kind == b"iCCP" else f"text {name!r}"
                notes[f"a {what} of {most >> 20} MB or more is left out"] = None
                texts += len(text)
                left_out.append((position, end))
            elif kind == b"iCCP" and len(text) >= _MOST_TEXT:
                profile = text
                left_out.append((position, end))
            elif kind != b"iCCP":
                texts += len(text)
        if kind == b"IEND":
            break
        position = end
        file.seek(position)
    file.seek(0)
    if not left_out:
        return file, None, []
    kept = io.BytesIO()
    for start, end in left_out:
        kept.write(file.read(start - file.tell()))
        file.seek(end)
    kept.write(file.read())
    kept.seek(0)
    return kept, profile, list(notes)


def _unpack(kind: bytes, body: bytes, most: int) -> bytes:
    """Return the text of a chunk, at most ``most`` bytes; empty for a damaged one, which Pillow skips."""
    rest = body.partition(b"\0")[2]
    if kind == b"tEXt" or (kind == b"iTXt" and rest[:1] == b"\0"):
        return body[:most]
    rest = rest[1:] if kind != b"iTXt" else rest[2:].split(b"\0", 2)[-1]
    try:
        return zlib.decompressobj().decompress(rest, most)
    except zlib.error:
        return b""
