from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import socket
import struct
import subprocess
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageFile, ImageFilter, ImageOps
from random_images import encode
from torch import Tensor

from hcl_sdk.photos import png_text
from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.photos.masks import read_mask
from hcl_sdk.photos.photo import Photo
from hcl_sdk.photos.read import read_rgb

MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
FORMATS = {"1": "PNG", "L": "PNG", "LA": "PNG", "P": "PNG", "PA": "TIFF", "RGB": "PNG", "RGBA": "PNG"}
OLD_PILLOW = int(PIL.__version__.partition(".")[0]) < 13  # writes YCbCr to TIFF files that it cannot read


def draw_smooth(size: tuple[int, int] = (24, 36), seed: int = 0) -> Any:
    noise = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    return Image.fromarray(noise).filter(ImageFilter.GaussianBlur(2))


JPEG, PNG = encode(draw_smooth(), "JPEG", quality=90), encode(draw_smooth())


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_becomes_rgb(mode: str) -> None:
    data = encode(draw_smooth().convert(mode), FORMATS.get(mode, "JPEG" if mode == "YCbCr" and OLD_PILLOW else "TIFF"))
    with Image.open(io.BytesIO(data)) as opened:
        expected = np.asarray(opened.convert("RGB"))
    photo = read_rgb(data, "photo")
    assert photo.dtype == np.uint8
    np.testing.assert_array_equal(photo, expected)


def test_a_cmyk_jpeg_becomes_rgb() -> None:
    data = encode(draw_smooth().convert("CMYK"), "JPEG", quality=95)
    difference = read_rgb(data, "photo").astype(int) - np.asarray(draw_smooth())
    assert np.abs(difference).mean() < 6


def test_gray_of_16_bits_is_scaled_and_not_clipped() -> None:
    values = np.array([[0, 255, 256, 32768, 65535]], np.uint16)
    expected = np.rint(values / 257).astype(np.uint8)
    for file_format in ("PNG", "TIFF"):
        photo = read_rgb(encode(Image.fromarray(values), file_format), "photo")
        np.testing.assert_array_equal(photo, np.stack([expected] * 3, axis=2))


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
@pytest.mark.parametrize(("shorter_side", "size"), [(None, (36, 24)), (12, (18, 12))])
def test_gray_of_16_bits_is_upright(file_format: str, shorter_side: int | None, size: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[274] = 6
    gray = np.arange(24 * 36, dtype=np.uint16).reshape(24, 36) * 70
    photo = read_rgb(encode(Image.fromarray(gray), file_format, exif=exif), "photo", shorter_side)
    assert photo.shape == (*size, 3)
    corners = [int(photo[y, x, 0]) for y, x in ((0, -1), (-1, -1), (0, 0), (-1, 0))]
    assert corners == sorted(corners)  # the first row has become the last column


def test_color_of_16_bits_is_scaled_and_not_clipped() -> None:
    def chunk(kind: Any, data: bytes) -> Any:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    values = np.array([[[0, 1000, 65535], [257, 32768, 40000]]], ">u2")
    header = (2).to_bytes(4, "big") + (1).to_bytes(4, "big") + bytes([16, 2, 0, 0, 0])
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" + values.tobytes())) + chunk(b"IEND", b"")
    photo = read_rgb(b"\x89PNG\r\n\x1a\n" + body, "photo")
    assert np.abs(photo.astype(float) - values / 257.0).max() <= 1


def test_alpha_is_left_out() -> None:
    image = draw_smooth().convert("RGBA")
    image.putalpha(Image.new("L", image.size, 7))
    np.testing.assert_array_equal(read_rgb(encode(image), "photo"), np.asarray(draw_smooth()))


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("shorter_side", [None, 12])
def test_photos_are_upright(file_format: str, turn: int, shorter_side: int | None) -> None:
    exif = Image.Exif()
    exif[274] = turn
    options = {"lossless": True} if file_format == "WEBP" else {"quality": 95} if file_format == "JPEG" else {}
    data = encode(draw_smooth(), file_format, exif=exif, **options)
    with Image.open(io.BytesIO(data)) as opened:
        expected = ImageOps.exif_transpose(opened).convert("RGB")
    photo = read_rgb(data, "photo", shorter_side)
    if shorter_side is None:
        np.testing.assert_array_equal(photo, np.asarray(expected))
    else:
        reference = np.asarray(expected.resize((expected.width // 2, expected.height // 2), Image.Resampling.BICUBIC))
        assert photo.shape == reference.shape
        assert np.abs(photo.astype(int) - reference).mean() < 4


@given(st.tuples(st.integers(1, 70), st.integers(1, 70)), st.integers(1, 80), st.sampled_from(["JPEG", "PNG"]))
def test_photos_are_shrunk_to_the_shorter_side_and_never_enlarged(
    size: tuple[int, int], shorter_side: int, file_format: str
) -> None:
    photo = read_rgb(encode(Image.new("RGB", size[::-1], "red"), file_format), "photo", shorter_side)  # pyright: ignore[reportArgumentType]
    factor = min(1, shorter_side / min(size))
    assert min(photo.shape[:2]) == min(shorter_side, *size)
    assert abs(photo.shape[0] - size[0] * factor) <= 0.5
    assert abs(photo.shape[1] - size[1] * factor) <= 0.5


def test_a_jpeg_is_decoded_at_a_fraction_of_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, resize = [], Image.Image.resize

    def spy(image: Tensor, *arguments: Any, **options: Any) -> Any:
        sizes.append(image.size)
        return resize(image, *arguments, **options)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(Image.Image, "resize", spy)
    assert read_rgb(encode(draw_smooth((160, 240)), "JPEG"), "photo", 30).shape == (30, 45, 3)
    assert sizes == [(60, 40)]


@pytest.mark.filterwarnings("ignore::UserWarning")  # where the process turns them into errors, it is one
def test_photos_with_damaged_exif_are_accepted() -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\x0e\x01\x02\0\xff\xff\xff\x7f\x10\0\0\0"
    assert read_rgb(encode(draw_smooth(), "JPEG", exif=exif), "photo").shape in ((24, 36, 3), (36, 24, 3))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"x", "not a photo in a format"),
        (b"<html>404 Not Found</html>", "not a photo in a format"),
        (JPEG[: len(JPEG) * 3 // 4], r"photo\.jpg: the file is cut short \(truncated\): it ends before the photo does"),
        (PNG[: len(PNG) // 2], "photo.jpg: "),
        (JPEG[:30], "photo.jpg: "),
        (encode(draw_smooth(), "WEBP", save_all=True, append_images=[draw_smooth(seed=1)]), "holds 2 photos"),
    ],
)
def test_other_files_than_photos_are_reported_with_the_reason(data: Any, reason: str) -> None:
    with pytest.raises(PhotoError, match=reason):
        read_rgb(data, "photo.jpg")
    with pytest.raises(PhotoError, match=reason):
        read_mask(data, "photo.jpg")


def test_reading_leaves_warning_filters_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """They belong to all threads of the process: one that changed and restored them would change those of another."""
    before, seen, load = list(warnings.filters), [], ImageFile.ImageFile.load

    def spy(image: ImageFile.ImageFile) -> Any:
        seen.append(list(warnings.filters))
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", spy)
    with ThreadPoolExecutor(4) as pool:
        photos = list(pool.map(lambda data: read_rgb(data, "photo"), [JPEG, PNG] * 8))
    assert len(photos) == 16
    assert len(seen) >= 16
    assert all(filters == before for filters in (*seen, warnings.filters))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "JPEG"])
def test_the_size_limit_is_independent_of_pillows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_format: str
) -> None:
    (tmp_path / "photo").write_bytes(encode(draw_smooth(), file_format))
    for limit in (24 * 36, 10):  # Pillow would warn up to twice its limit, then raise
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        assert Photo.open(tmp_path / "photo").size == (24, 36)
        assert limit == Image.MAX_IMAGE_PIXELS
    assert Photo.open(tmp_path / "photo", max_megapixels=24 * 36 / 1e6).size == (24, 36)
    with pytest.raises(PhotoError, match=r"36 x 24 are 0\.000864 megapixels; expected at most 0\.0008, .*--max-meg"):
        Photo.open(tmp_path / "photo", max_megapixels=0.0008)
    with pytest.raises(PhotoError, match="expected at most nan"):
        Photo.open(tmp_path / "photo", max_megapixels=float("nan"))


def test_too_large_photos_are_not_decoded() -> None:
    """A PNG of 60,000 x 60,000 pixels in some bytes; with 16 bits a channel, too."""
    for depth in (8, 16):
        header = struct.pack(">IIBBBBB", 60_000, 60_000, depth, 2, 0, 0, 0)
        chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")]
        data = b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)
        for read in (read_rgb, read_mask):
            with pytest.raises(PhotoError, match=r"are 3600 megapixels; expected at most 200, .*\. Shrink it"):
                read(data, "photo")


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("size", [(80_000_000, 1), (1, 80_000_000)])
def test_too_long_photos_are_not_decoded(depth: int, size: tuple[int, int]) -> None:
    """Some 80 KB of PNG would be a row of floating-point numbers of 1 GB."""
    header = struct.pack(">IIBBBBB", *size, depth, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)
    with pytest.raises(PhotoError, match=r"80000000( x 1)? pixels; expected at most 1048576 on a side"):
        Photo.open(data)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunks(data: bytes, *chunks: bytes, end: bool = False) -> bytes:
    """A PNG file with more chunks, behind its header or before its end."""
    at = len(data) - 12 if end else 33
    return data[:at] + b"".join(chunks) + data[at:]


BLANK = b"x" * (3 << 20)


@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(BLANK)),
        png_chunk(b"iTXt", b"Comment\0\1\0en\0\0" + zlib.compress(BLANK)),
        png_chunk(b"iTXt", b"Comment\0\0\0en\0\0" + BLANK),
        png_chunk(b"tEXt", b"Comment\0" + BLANK),
    ],
)
@pytest.mark.parametrize("end", [False, True])
def test_large_text_is_left_out_with_a_note(tmp_path: Path, chunk: bytes, end: bool) -> None:
    (tmp_path / "photo.png").write_bytes(with_chunks(PNG, chunk, end=end))
    photo = Photo.open(tmp_path / "photo.png")
    np.testing.assert_array_equal(photo.pixels, np.asarray(draw_smooth()))
    assert photo.notes == ("a text 'Comment' of 1 MB or more is left out",)
    assert read_rgb((tmp_path / "photo.png").read_bytes(), "photo").shape == (24, 36, 3)


def test_a_large_profile_is_kept_and_a_bomb_left_out(tmp_path: Path) -> None:
    for megabytes, kept in ((3, True), (40, False)):
        profile = bytes(megabytes << 20)
        chunk = png_chunk(b"iCCP", b"profile\0\0" + zlib.compress(profile))
        (tmp_path / "photo.png").write_bytes(with_chunks(PNG, chunk))
        photo = Photo.open(tmp_path / "photo.png")
        assert photo.icc_profile == (profile if kept else None)
        assert photo.notes == (() if kept else ("a color profile of 16 MB or more is left out",))
        photo.save(tmp_path / "again.png")
        again = Photo.open(tmp_path / "again.png")
        assert again.icc_profile == photo.icc_profile
        np.testing.assert_array_equal(again.pixels, np.asarray(draw_smooth()))


def test_texts_of_usual_size_stay(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Ada"
    data = encode(draw_smooth(), exif=exif, icc_profile=bytes(100_000))
    (tmp_path / "photo.png").write_bytes(with_chunks(data, png_chunk(b"tEXt", b"Comment\0short")))
    photo = Photo.open(tmp_path / "photo.png")
    assert (photo.notes, photo.icc_profile) == ((), bytes(100_000))
    assert photo.exif is not None
    assert b"Ada" in photo.exif


@pytest.mark.parametrize(
    ("kind", "start", "most", "note"),
    [
        (b"zTXt", b"Comment\0\0", 38, "texts beyond 32 MB are left out"),
        (b"iTXt", b"Comment\0\1\0\0\0", 38, "texts beyond 32 MB are left out"),
        (b"iCCP", b"p\0\0", 1, "all color profiles but the first are left out"),
    ],
)
def test_unpacking_texts_and_profiles_is_bounded(
    monkeypatch: pytest.MonkeyPatch, kind: bytes, start: bytes, most: int, note: str
) -> None:
    chunk = png_chunk(kind, start + zlib.compress(b"x" * 900_000))
    unpacked: list[int] = []
    unpack = png_text._unpack

    def count(*arguments: Any) -> bytes:
        text = unpack(*arguments)
        unpacked.append(len(text))
        return text

    monkeypatch.setattr(png_text, "_unpack", count)
    photo = Photo.open(with_chunks(PNG, *[chunk] * 500))
    assert photo.notes == (note,)
    assert len(unpacked) == most
    np.testing.assert_array_equal(photo.pixels, np.asarray(draw_smooth()))


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


class Panic(BaseException):
    """As extension modules written in Rust raise them."""


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (TypeError("int() argument must be a string"), "the PNG data is damaged, or of an unsupported kind"),
        (IndexError("out of range"), "the PNG data is damaged, or of an unsupported kind"),
        (AssertionError(), "the PNG data is damaged, or of an unsupported kind"),
        (OSError(), "it cannot be decoded; it is damaged, or of an unsupported kind"),
        (MemoryError(), "there is not enough memory to decode it"),
        (SyntaxError("broken\nheader"), "broken header"),
        (OSError("decoder error -9"), "the data is damaged, or compressed in a way that this Pillow does not read"),
        (MuteError(), r"\(its message cannot be shown: RuntimeError\)"),
        (Panic("index out of bounds"), "index out of bounds"),
    ],
    ids=repr,
)
def test_any_error_of_a_decoder_is_reported_with_its_cause(
    error: BaseException, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    with pytest.raises(PhotoError, match=f"^photo: {why}$"):
        read_rgb(PNG, "photo")


def test_internals_of_a_reader_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise SyntaxError("b'NAXIS'") from KeyError(b"NAXIS")

    monkeypatch.setitem(Image.OPEN, "PNG", (fail, Image.OPEN["PNG"][1]))
    with pytest.raises(PhotoError, match=r"^photo\.png: the PNG header is damaged, or of an unsupported kind$"):
        read_rgb(PNG, "photo.png")


@pytest.mark.parametrize("error", [ValueError(), KeyError("273"), SyntaxError("no IHDR"), MuteError()], ids=repr)
def test_unreadable_headers_are_reported_as_damaged(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setitem(Image.OPEN, "PNG", (fail, Image.OPEN["PNG"][1]))
    with pytest.raises(PhotoError, match=r"^photo\.png: the PNG header is damaged, or of an unsupported kind"):
        read_rgb(PNG, "photo.png")


def test_missing_files_and_folders_named_like_photos_are_reported(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="there is no such file"):
        read_rgb(tmp_path / "gone.jpg", "gone.jpg")
    (tmp_path / "link.jpg").symlink_to("gone.jpg")
    said = re.escape(f"link.jpg: this is a link to a file that does not exist, {tmp_path.resolve() / 'gone.jpg'}")
    with pytest.raises(PhotoError, match=said):
        read_rgb(tmp_path / "link.jpg", "link.jpg")
    with pytest.raises(PhotoError, match=said):
        Photo.open(str(tmp_path / "link.jpg"))
    (tmp_path / "itself.jpg").symlink_to("itself.jpg")
    with pytest.raises(PhotoError, match=rf"^itself\.jpg: it cannot be read: {os.strerror(errno.ELOOP)}$"):
        read_rgb(tmp_path / "itself.jpg", "itself.jpg")
    (tmp_path / "folder.jpg").mkdir()
    with pytest.raises(PhotoError, match="this is a folder"):
        read_rgb(tmp_path / "folder.jpg", "folder.jpg")


@given(
    st.sampled_from(
        [JPEG, PNG, encode(draw_smooth(), "TIFF"), encode(draw_smooth(), "WEBP"), encode(draw_smooth(), "BMP")]
    ),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8),
    st.floats(0, 1),
    st.sampled_from([None, 5]),
)
def test_a_damaged_file_is_either_read_or_reported(
    data: Any, changes: list[tuple[float, int]], kept: float, shorter_side: int | None
) -> None:
    damaged = bytearray(data)
    for place, value in changes:
        damaged[round(place * (len(damaged) - 1))] = value
    damaged = bytes(damaged[: round(kept * len(damaged))])
    for read, dimensions in ((partial(read_rgb, shorter_side=shorter_side), 3), (read_mask, 2)):
        with contextlib.suppress(PhotoError):
            assert read(damaged, "photo").ndim == dimensions


def test_too_little_memory_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    with pytest.raises(PhotoError, match="photo: there is not enough memory"):
        read_rgb(PNG, "photo")


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.mark.parametrize(
    "head", [b"", b"\xc5\xd0\xd3\xc6" + struct.pack("<6IH", 32, len(EPS), 0, 0, 0, 0, 0xFFFF) + b"\0\0"]
)
def test_drawings_are_refused_and_no_other_program_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: Any
) -> None:
    def start(*_: Any, **__: Any) -> None:
        raise AssertionError("another program was started")

    monkeypatch.setattr(subprocess, "Popen", start)
    (tmp_path / "drawing.jpg").write_bytes(head + EPS)
    with pytest.raises(PhotoError, match=r"drawing\.jpg: this is PostScript"):
        Photo.open(tmp_path / "drawing.jpg")


@pytest.mark.parametrize("linked", [False, True])
def test_a_pipe_is_refused_without_waiting(tmp_path: Path, linked: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "photo.png").symlink_to(tmp_path / "pipe")
    with pytest.raises(PhotoError, match="not a regular file"):
        Photo.open(tmp_path / ("photo.png" if linked else "pipe"))
    with pytest.raises(PhotoError, match="not a regular file"):
        read_mask(tmp_path / ("photo.png" if linked else "pipe"), "mask")


def test_sockets_and_devices_are_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "photo.png"))  # the path of a socket has to be short
        (tmp_path / "zero.png").symlink_to("/dev/zero")
        for name in ("photo.png", "zero.png"):
            for read in (Photo.open, lambda file: read_mask(file, "mask"), lambda file: read_rgb(file, "photo")):
                with pytest.raises(PhotoError, match="not a regular file"):
                    read(tmp_path / name)


def test_a_pipe_that_was_inherited_is_read_whole() -> None:
    for read in (lambda file: np.asarray(Photo.open(file).to_native()), lambda file: read_rgb(file, "photo")):
        reader, writer = os.pipe()
        with open(reader, "rb"), open(writer, "wb") as file:
            file.write(PNG)
            file.close()
            np.testing.assert_array_equal(read(f"/dev/fd/{reader}"), np.asarray(draw_smooth()))


def test_no_more_is_taken_out_of_a_pipe_than_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hcl_sdk.photos.opening._LARGEST_PIPE", 100)
    reader, writer = os.pipe()
    with open(reader, "rb"), open(writer, "wb") as file:
        file.write(bytes(101))
        file.close()
        with pytest.raises(PhotoError, match="came out of this pipe"):
            Photo.open(f"/dev/fd/{reader}")


def test_a_photo_that_was_opened_is_handed_back() -> None:
    photo = Photo.open(draw_smooth())
    assert Photo.open(photo) is photo
