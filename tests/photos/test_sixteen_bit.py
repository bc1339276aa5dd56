# A photo comes back as what it came: Pillow's, an array or a tensor. Each test knows which.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportIndexIssue=false

from __future__ import annotations

import contextlib
import io
import struct
import sys
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import png
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from random_images import seeds, shapes

from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.photos.photo import Photo


@pytest.fixture(params=["imagecodecs", "pypng"], scope="module")
def codec(request: pytest.FixtureRequest) -> Iterator[Any]:
    """What decodes PNG: imagecodecs where it is installed, else pypng and numpy."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "imagecodecs":
            pytest.importorskip("imagecodecs")
        else:
            patch.setitem(sys.modules, "imagecodecs", None)
        yield request.param


def write_png16(path: Path, values: Any, exif: Any = None, interlace: bool = False) -> None:
    """By pypng itself; EXIF put in by hand."""
    height, width, channels = values.shape
    writer = png.Writer(width, height, greyscale=channels == 2, alpha=channels != 3, bitdepth=16, interlace=interlace)
    buffer = io.BytesIO()
    writer.write_array(buffer, values.reshape(-1).tolist()) if interlace else writer.write(
        buffer, values.reshape(height, -1).tolist()
    )
    chunks = list(png.Reader(bytes=buffer.getvalue()).chunks())
    if exif is not None:
        chunks.insert(1, (b"eXIf", exif))
    with open(path, "wb") as file:
        png.write_chunks(file, chunks)


def write_filtered_png16(path: Path, values: Any, filters: Any) -> None:
    """A PNG of 16-bit channels whose row y is filtered with ``filters[y]``, byte by byte as the standard defines it."""
    height, width, channels = values.shape
    rows = values.astype(">u2").tobytes()
    stride, back = width * channels * 2, channels * 2
    data = bytearray()
    for y in range(height):
        row = rows[y * stride : (y + 1) * stride]
        above = rows[(y - 1) * stride : y * stride] if y else bytes(stride)
        data.append(filters[y])
        for i, value in enumerate(row):
            a, b, c = (row[i - back] if i >= back else 0), above[i], (above[i - back] if i >= back else 0)
            nearest = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            data.append((value - (0, a, b, (a + b) // 2, nearest)[filters[y]]) % 256)
    color = {2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, 0)
    packed = zlib.compress(bytes(data))
    with open(path, "wb") as file:
        halves = [(b"IDAT", packed[:9]), (b"IDAT", packed[9:])]
        png.write_chunks(file, [(b"IHDR", header), *halves, (b"IEND", b"")])


@pytest.mark.parametrize("channels", [2, 3, 4])
@pytest.mark.parametrize("interlace", [False, True])
@pytest.mark.parametrize("size", [(6, 9), (17, 3), (1, 1), (1, 5), (5, 1)])
def test_16_bit_png_stays_16_bit(
    codec: Any, tmp_path: Path, size: tuple[int, int], channels: int, interlace: bool
) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (*size, channels), dtype=np.uint16)
    write_png16(tmp_path / "deep.png", values, interlace=interlace)
    photo = Photo.open(tmp_path / "deep.png")
    assert photo.native().dtype == np.uint16
    assert np.array_equal(photo.native(), values)
    photo.save(tmp_path / "again.png")
    _, _, rows, info = png.Reader(bytes=(tmp_path / "again.png").read_bytes()).read()
    assert info["bitdepth"] == 16
    assert np.array_equal(np.vstack([np.array(row) for row in rows]).reshape(values.shape), values)


@given(shape=shapes, channels=st.sampled_from([2, 3, 4]), filters=st.lists(st.integers(0, 4), min_size=12), seed=seeds)
@settings(max_examples=25, deadline=None)
def test_16_bit_png_of_any_filters(
    codec: Any, tmp_path_factory: pytest.TempPathFactory, shape: Any, channels: int, filters: list[int], seed: Any
) -> None:
    path = tmp_path_factory.mktemp("png") / "filtered.png"
    values = np.random.default_rng(seed).integers(0, 65536, (*shape, channels), dtype=np.uint16)
    write_filtered_png16(path, values, filters)
    assert np.array_equal(Photo.open(path).native(), values)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_16_bit_tiff_stays_16_bit(tmp_path: Path, channels: int, planar: str, byteorder: str) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (6, 9, channels), dtype=np.uint16)
    stored = values if planar == "contig" else np.moveaxis(values, -1, 0)
    extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, stored, photometric="rgb", planarconfig=planar, byteorder=byteorder, **extra)
    photo = Photo.open(path)
    assert np.array_equal(photo.native(), values)
    photo.save(tmp_path / "again.tiff")
    assert np.array_equal(tifffile.imread(tmp_path / "again.tiff"), values)


@pytest.mark.parametrize("orientation", [3, 6])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_orientation_of_16_bit_color(codec: Any, tmp_path: Path, orientation: int, suffix: str) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (3, 5, 3), dtype=np.uint16)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / f"deep{suffix}"
    if suffix == ".tif":
        tifffile.imwrite(path, values, photometric="rgb", extratags=[(274, 3, 1, orientation, True)])
    else:
        write_png16(path, values, exif=exif.tobytes().removeprefix(b"Exif\0\0"))
    photo = Photo.open(path)
    assert np.array_equal(photo.native(), np.rot90(values, {3: 2, 6: -1}[orientation]))
    photo.save(path)
    assert np.array_equal(Photo.open(path).native(), photo.native())


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_16_bit_file_is_refused(codec: Any, tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"half{suffix}"
    Photo.open(np.random.default_rng(0).integers(0, 65536, (40, 40, 3), dtype=np.uint16)).save(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(PhotoError, match=f"half{suffix}: "):
        Photo.open(path)


def test_16_bit_ppm_is_refused_rather_than_reduced(tmp_path: Path) -> None:
    (tmp_path / "deep.ppm").write_bytes(b"P6 2 1 65535\n" + bytes(12))
    with pytest.raises(PhotoError, match="PNG and TIFF"):
        Photo.open(tmp_path / "deep.ppm")


def test_a_transparent_16_bit_color_becomes_alpha(codec: Any, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (6, 9, 3), dtype=np.uint16)
    writer = png.Writer(9, 6, greyscale=False, bitdepth=16, transparent=tuple(map(int, values[2, 3])))
    with open(tmp_path / "deep.png", "wb") as file:
        writer.write(file, values.reshape(6, -1).tolist())
    native = Photo.open(tmp_path / "deep.png").native()
    assert np.array_equal(native[..., :3], values)
    assert np.argwhere(native[..., 3] == 0).tolist() == [[2, 3]]
    assert set(native[..., 3].flat) == {0, 65535}


@pytest.mark.parametrize("interlace", [0, 1])
def test_no_more_is_unpacked_than_the_header_says(codec: Any, tmp_path: Path, interlace: int) -> None:
    header = struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, interlace)
    packed = zlib.compress(bytes(100_000_000))
    with open(tmp_path / "bomb.png", "wb") as file:
        png.write_chunks(file, [(b"IHDR", header), (b"IDAT", packed), (b"IEND", b"")])
    tracemalloc.start()
    try:
        with contextlib.suppress(PhotoError):
            assert not Photo.open(tmp_path / "bomb.png").native().any()
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
