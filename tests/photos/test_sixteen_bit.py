# A photo comes back as what it came: Pillow's, an array or a tensor. Each test knows which.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportIndexIssue=false

from __future__ import annotations

import contextlib
import io
import lzma
import struct
import sys
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import png
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from random_images import seeds, shapes

from hcl_sdk.photos.depth import measure_heif
from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.photos.masks import load_mask_array
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
    assert photo.to_native().dtype == np.uint16
    assert np.array_equal(photo.to_native(), values)
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
    assert np.array_equal(Photo.open(path).to_native(), values)


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
    assert np.array_equal(photo.to_native(), values)
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
    assert np.array_equal(photo.to_native(), np.rot90(values, {3: 2, 6: -1}[orientation]))
    photo.save(path)
    assert np.array_equal(Photo.open(path).to_native(), photo.to_native())


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
    native = Photo.open(tmp_path / "deep.png").to_native()
    assert np.array_equal(native[..., :3], values)
    assert np.argwhere(native[..., 3] == 0).tolist() == [[2, 3]]
    assert set(native[..., 3].flat) == {0, 65535}


@pytest.mark.parametrize("interlace", [0, 1])
def test_unpacking_stops_at_the_size_in_the_header(codec: Any, tmp_path: Path, interlace: int) -> None:
    header = struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, interlace)
    packed = zlib.compress(bytes(100_000_000))
    with open(tmp_path / "bomb.png", "wb") as file:
        png.write_chunks(file, [(b"IHDR", header), (b"IDAT", packed), (b"IEND", b"")])
    tracemalloc.start()
    try:
        with contextlib.suppress(PhotoError):
            assert not Photo.open(tmp_path / "bomb.png").to_native().any()
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def write_bomb(path: Path, compression: int, tile: int = 0) -> None:
    """A TIFF of 4 x 4 pixels of 3 channels whose one strip or tile unpacks to 100 MB."""
    methods = {8: zlib.compress, 34925: lzma.compress, 1: bytes, 32773: lambda zeros: b"\x81\0" * (len(zeros) // 128)}
    packed = methods[compression](bytes(100_000_000))
    tags = [(256, 4, 4), (257, 4, 4), (258, 3, 16), (259, 3, compression), (262, 3, 2), (277, 3, 3)]
    where = [(322, 4, tile), (323, 4, tile), (324, 4, 8), (325, 4, len(packed))]
    tags += where if tile else [(273, 4, 8), (278, 4, 4), (279, 4, len(packed))]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in sorted(tags))
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    path.write_bytes(b"II*\0" + struct.pack("<I", 8 + len(packed)) + packed + directory)


@pytest.mark.parametrize(("compression", "tile"), [(8, 0), (34925, 0), (32773, 0), (8, 16), (8, 60_000), (1, 60_000)])
def test_unpacking_a_tiff_stops_at_the_size_in_the_header(
    codec: Any, tmp_path: Path, compression: int, tile: int
) -> None:
    write_bomb(tmp_path / "bomb.tif", compression, tile)
    tracemalloc.start()
    try:
        for read in (Photo.open, lambda file: load_mask_array(file, (4, 4))):
            with pytest.raises(PhotoError, match=r"bomb\.tif: the TIFF (file|header) is damaged"):
                read(tmp_path / "bomb.tif")
        assert tracemalloc.get_traced_memory()[1] < 15_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("compression", ["zlib", "lzma", None])
@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("predictor", [False, True])
def test_compressed_16_bit_tiff_is_read(
    codec: Any, tmp_path: Path, compression: str | None, tile: Any, predictor: bool
) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (37, 21, 3), dtype=np.uint16)
    predictor = predictor and compression is not None
    options = {"photometric": "rgb", "compression": compression, "tile": tile, "predictor": predictor}
    tifffile.imwrite(tmp_path / "deep.tif", values, **options)
    assert np.array_equal(Photo.open(tmp_path / "deep.tif").to_native(), values)


def draw_premultiplied(channels: int) -> np.ndarray:
    values = np.random.default_rng(0).integers(0, 256, (9, 7, channels), dtype=np.uint8)
    values[..., :-1] = np.minimum(values[..., :-1], values[..., -1:])
    return values


def fill_middle(photo: Photo, folder: Path) -> tuple[Photo, np.ndarray, np.ndarray]:
    """Fill a part of a photo of 7 x 9 pixels with dark gray, save it as TIFF, and read what the file holds.

    Returns:
        The filled photo, the values in the file, and where nothing was filled.
    """
    alpha = np.zeros((1, 1, 9, 7), np.float32)
    alpha[..., 2:5, 3:6] = 1
    filled = photo.composite(np.full((1, 3, 9, 7), 0.25, np.float32), alpha)
    filled.save(folder / "filled.tif")
    with tifffile.TiffFile(folder / "filled.tif") as tiff:
        page = tiff.pages.first
        assert page.extrasamples == (tifffile.EXTRASAMPLE.ASSOCALPHA,)
        again = page.asarray()
    return filled, again, alpha[0, 0] == 0


@pytest.mark.parametrize(("channels", "photometric"), [(4, "rgb"), (2, "minisblack")])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_associated_alpha_of_8_bits_is_preserved(
    tmp_path: Path, channels: int, photometric: str, compression: str | None
) -> None:
    if channels == 2 and int(PIL.__version__.split(".")[0]) < 13:
        pytest.skip("Pillow reads gray with associated alpha from 13.0 on")
    values = draw_premultiplied(channels)
    options = {"photometric": photometric, "planarconfig": "contig", "extrasamples": ["assocalpha"]}
    tifffile.imwrite(tmp_path / "a.tif", values, compression=compression, **options)
    photo = Photo.open(tmp_path / "a.tif")
    _, again, outside = fill_middle(photo, tmp_path)
    assert np.array_equal(again[outside], values[outside])
    assert np.array_equal(again[..., -1], values[..., -1])
    expected = np.rint(values[2:5, 3:6, -1] * 0.25)
    assert np.abs(again[2:5, 3:6, 0] - expected).max() <= 1
    with Image.open(tmp_path / "a.tif") as image:  # shown as Pillow shows it
        shown = image.convert({4: "RGBA", 2: "LA"}[channels])
        for opened in (photo, Photo.open((tmp_path / "a.tif").read_bytes())):
            assert np.array_equal(np.asarray(opened.to_native()), np.asarray(shown))


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_associated_alpha_of_16_bits_is_preserved(
    codec: Any, tmp_path: Path, compression: str | None, planes: str
) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (9, 7, 4), dtype=np.uint16)
    values[..., :3] = np.minimum(values[..., :3], values[..., 3:])
    values[4, 4], values[0, 0] = (0, 0, 0, 0), (1, 2, 3, 3)
    stored = values if planes == "contig" else np.moveaxis(values, -1, 0)
    options: Any = {"photometric": "rgb", "planarconfig": planes, "extrasamples": ["assocalpha"]}
    tifffile.imwrite(tmp_path / "a.tif", stored, compression=compression, **options)
    photo = Photo.open(tmp_path / "a.tif")
    straight = values / np.where(values[..., 3:] > 0, values[..., 3:], 65535)
    assert np.abs(photo.rgb_array[0].transpose(1, 2, 0) - straight[..., :3]).max() < 1e-5
    native = photo.to_native()
    assert isinstance(native, np.ndarray)
    assert np.array_equal(native[..., 3], values[..., 3])
    assert np.abs(native[..., :3] / 65535 - straight[..., :3]).max() < 1e-5
    filled, again, outside = fill_middle(photo, tmp_path)
    assert np.array_equal(again[outside], values[outside])
    assert np.array_equal(again[..., 3], values[..., 3])
    assert np.abs(again[2:5, 3:6, 0] - values[2:5, 3:6, 3] * 0.25).max() <= 1
    filled.save(tmp_path / "filled.png")  # PNG has straight alpha
    kept = Photo.open(tmp_path / "filled.png").pixels[outside]
    assert np.array_equal(np.rint(kept[:, :3] * (kept[:, 3:] / 65535)), values[outside][:, :3])


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_associated_alpha_in_planes_is_refused_rather_than_changed(tmp_path: Path, compression: str | None) -> None:
    planes = np.moveaxis(draw_premultiplied(4), -1, 0)
    options = {"photometric": "rgb", "planarconfig": "separate", "extrasamples": ["assocalpha"]}
    tifffile.imwrite(tmp_path / "a.tif", planes, compression=compression, **options)
    with pytest.raises(PhotoError, match="save it with interleaved channels"):
        Photo.open(tmp_path / "a.tif")


def test_gray_of_12_bits_is_white_where_it_is(tmp_path: Path) -> None:
    values = np.array([[0, 1, 2048, 4094, 4095, 17]], np.uint16)
    packed = b"".join((int(a) << 12 | int(b)).to_bytes(3, "big") for a, b in values.reshape(-1, 2))
    tags = [(256, 4, 6), (257, 4, 1), (258, 3, 12), (262, 3, 1), (273, 4, 8), (277, 3, 1), (278, 4, 1), (279, 4, 9)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    (tmp_path / "gray.tif").write_bytes(b"II*\0" + struct.pack("<I", 18) + packed + b"\0" + directory)
    pixels = Photo.open(tmp_path / "gray.tif").pixels[..., 0]
    assert np.abs(pixels - values * (65535 / 4095)).max() < 16
    assert pixels[0, 4] == 65535
    assert np.array_equal(pixels >> 4, values)


def scale_to_16_bits(values: Any, bits: int) -> Any:
    return np.rint(values * (65535 / (2**bits - 1)))


@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("channels", [3, 4])
def test_jpeg_2000_is_read_in_full(tmp_path: Path, bits: int, channels: int) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    values = np.random.default_rng(0).integers(0, 2**bits, (40, 30, channels), dtype=np.uint16)
    options = {"level": 0, "bitspersample": bits, "mct": False, "reversible": True}
    (tmp_path / "deep.jp2").write_bytes(imagecodecs.jpeg2k_encode(values, codecformat="jp2", **options))
    assert np.array_equal(Photo.open(tmp_path / "deep.jp2").to_native(), scale_to_16_bits(values, bits))


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("channels", [3, 4])
def test_avif_is_read_in_full(tmp_path: Path, bits: int, channels: int) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    values = np.random.default_rng(0).integers(0, 2**bits, (40, 30, channels), dtype=np.uint16)
    (tmp_path / "deep.avif").write_bytes(imagecodecs.avif_encode(values, level=100, bitspersample=bits))
    assert (
        np.abs(Photo.open(tmp_path / "deep.avif").to_native() - scale_to_16_bits(values, bits)).max() <= 65535 / 2**bits
    )
    (tmp_path / "plain.avif").write_bytes(imagecodecs.avif_encode((values >> bits - 8).astype(np.uint8)))
    assert Photo.open(tmp_path / "plain.avif").pixels.dtype == np.uint8


def test_heic_is_read_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    for name in ("OPEN", "SAVE", "EXTENSION", "MIME", "ID"):  # what is registered in this test alone
        monkeypatch.setattr(Image, name, getattr(Image, name).copy())
    pillow_heif.register_heif_opener()
    values = np.random.default_rng(0).integers(0, 1024, (64, 64, 3), dtype=np.uint16) * 64
    deep = pillow_heif.from_bytes(mode="RGB;16", size=(64, 64), data=values.tobytes())
    deep.save(tmp_path / "deep.heic", quality=-1)
    photo = Photo.open(tmp_path / "deep.heic")
    assert photo.pixels.dtype == np.uint16
    assert len(np.unique(photo.pixels)) > 256
    Image.fromarray((values >> 8).astype(np.uint8)).save(tmp_path / "plain.heic")
    assert Photo.open(tmp_path / "plain.heic").pixels.dtype == np.uint8


# 2 x 1 pixels of three channels of 12 bits: the header alone.
DEEP_JPEG_2000 = struct.pack(">4H8IH", 0xFF4F, 0xFF51, 47, 0, 2, 1, 0, 0, 2, 1, 0, 0, 3) + b"\x0b\1\1" * 3


def test_without_imagecodecs_deep_photos_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    (tmp_path / "deep.j2k").write_bytes(DEEP_JPEG_2000)
    with pytest.raises(PhotoError, match="of 12 bits per channel, of which only 8 would be read; pip install"):
        Photo.open(tmp_path / "deep.j2k")


def test_the_depth_of_avif_and_heic_is_read_from_the_primary_photo() -> None:
    def box(kind: bytes, *parts: bytes) -> bytes:
        return struct.pack(">I", 8 + sum(map(len, parts))) + kind + b"".join(parts)

    def meta(primary: int, *properties: bytes, version: int = 0) -> bytes:
        """Item 1 with the first property, item 2 with the others."""
        others = bytes(range(2, len(properties) + 1))
        number = ">I" if version else ">H"
        rows = struct.pack(number, 1) + b"\1\x81" + struct.pack(number, 2) + bytes([len(others)]) + others
        associated = box(b"ipma", bytes([version, 0, 0, 0]), struct.pack(">I", 2), rows)
        listed = box(b"iprp", box(b"ipco", *properties), associated)
        first = box(b"pitm", bytes([version, 0, 0, 0]), struct.pack(number, primary))
        return box(b"ftyp", b"avif" + bytes(8)) + box(b"meta", bytes(4), first, listed)

    def av1(flags: int) -> bytes:
        return box(b"av1C", bytes([0x81, 0, flags, 0]))

    pixi, hevc = box(b"pixi", bytes(4), b"\3\x0c\x0c\x0c"), box(b"hvcC", bytes(17) + b"\2" + bytes(5))
    size = box(b"ispe", bytes(12))
    for data, depth in (
        (meta(1, av1(0), av1(0x40)), 8),  # the other item has 10 bits, such as a gain map
        (meta(2, av1(0), av1(0x40)), 10),
        (meta(2, av1(0), av1(0x60), version=1), 12),
        (meta(2, size, pixi), 12),
        (meta(1, hevc, size), 10),
        (meta(1, size, hevc), 10),  # tiles, which the photo is put together of
        (meta(1, size, size), 8),
        (b"", 8),
        (meta(1, hevc)[:60], 8),
    ):
        assert measure_heif(io.BytesIO(data)) == depth


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("deep.rgb", b"\x01\xda\0\2\0\3\0\2\0\1\0\3" + bytes(500) + bytes(12)),  # SGI, two bytes a channel
        ("deep.ppm", b"P6 2 1 65535\n" + bytes(12)),
    ],
)
def test_depth_that_no_reader_supports_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(PhotoError, match="color of more than 8 bits per channel is read from PNG and TIFF files"):
        Photo.open(tmp_path / name)
