import contextlib
import io
import zlib
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile, ImageFilter, ImageOps

from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.photos.masks import read_mask
from hcl_sdk.photos.read import read_rgb

MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
FORMATS = {"1": "PNG", "L": "PNG", "LA": "PNG", "P": "PNG", "PA": "TIFF", "RGB": "PNG", "RGBA": "PNG"}


def smooth(size=(24, 36), seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    return Image.fromarray(noise).filter(ImageFilter.GaussianBlur(2))


def contents(image, file_format="PNG", **options):
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


JPEG, PNG = contents(smooth(), "JPEG", quality=90), contents(smooth())


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_becomes_rgb(mode):
    data = contents(smooth().convert(mode), FORMATS.get(mode, "TIFF"))
    with Image.open(io.BytesIO(data)) as opened:
        expected = np.asarray(opened.convert("RGB"))
    photo = read_rgb(data, "photo")
    assert photo.dtype == np.uint8
    np.testing.assert_array_equal(photo, expected)


def test_a_cmyk_jpeg_becomes_rgb():
    data = contents(smooth().convert("CMYK"), "JPEG", quality=95)
    difference = read_rgb(data, "photo").astype(int) - np.asarray(smooth())
    assert np.abs(difference).mean() < 6


def test_grey_of_16_bits_is_scaled_and_not_clipped():
    values = np.array([[0, 255, 256, 32768, 65535]], np.uint16)
    expected = np.rint(values / 257).astype(np.uint8)
    for file_format in ("PNG", "TIFF"):
        photo = read_rgb(contents(Image.fromarray(values), file_format), "photo")
        np.testing.assert_array_equal(photo, np.stack([expected] * 3, axis=2))


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
@pytest.mark.parametrize(("shorter_side", "size"), [(None, (36, 24)), (12, (18, 12))])
def test_grey_of_16_bits_is_upright(file_format, shorter_side, size):
    exif = Image.Exif()
    exif[274] = 6
    grey = np.arange(24 * 36, dtype=np.uint16).reshape(24, 36) * 70
    photo = read_rgb(contents(Image.fromarray(grey), file_format, exif=exif), "photo", shorter_side)
    assert photo.shape == (*size, 3)
    corners = [int(photo[y, x, 0]) for y, x in ((0, -1), (-1, -1), (0, 0), (-1, 0))]
    assert corners == sorted(corners)  # the first row has become the last column


def test_color_of_16_bits_is_scaled_and_not_clipped():
    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    values = np.array([[[0, 1000, 65535], [257, 32768, 40000]]], ">u2")
    header = (2).to_bytes(4, "big") + (1).to_bytes(4, "big") + bytes([16, 2, 0, 0, 0])
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" + values.tobytes())) + chunk(b"IEND", b"")
    photo = read_rgb(b"\x89PNG\r\n\x1a\n" + body, "photo")
    assert np.abs(photo.astype(float) - values / 257.0).max() <= 1


def test_alpha_is_left_out():
    image = smooth().convert("RGBA")
    image.putalpha(Image.new("L", image.size, 7))
    np.testing.assert_array_equal(read_rgb(contents(image), "photo"), np.asarray(smooth()))


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("shorter_side", [None, 12])
def test_photos_are_upright(file_format, turn, shorter_side):
    exif = Image.Exif()
    exif[274] = turn
    options = {"lossless": True} if file_format == "WEBP" else {"quality": 95} if file_format == "JPEG" else {}
    data = contents(smooth(), file_format, exif=exif, **options)
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
def test_photos_are_shrunk_to_the_shorter_side_and_never_enlarged(size, shorter_side, file_format):
    photo = read_rgb(contents(Image.new("RGB", size[::-1], "red"), file_format), "photo", shorter_side)
    factor = min(1, shorter_side / min(size))
    assert min(photo.shape[:2]) == min(shorter_side, *size)
    assert abs(photo.shape[0] - size[0] * factor) <= 0.5
    assert abs(photo.shape[1] - size[1] * factor) <= 0.5


def test_a_jpeg_is_decoded_at_a_fraction_of_its_size(monkeypatch):
    sizes, resize = [], Image.Image.resize

    def spy(image, *arguments, **options):
        sizes.append(image.size)
        return resize(image, *arguments, **options)

    monkeypatch.setattr(Image.Image, "resize", spy)
    assert read_rgb(contents(smooth((160, 240)), "JPEG"), "photo", 30).shape == (30, 45, 3)
    assert sizes == [(60, 40)]


def test_damaged_exif_is_no_reason_to_refuse_a_photo():
    exif = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\x0e\x01\x02\0\xff\xff\xff\x7f\x10\0\0\0"
    assert read_rgb(contents(smooth(), "JPEG", exif=exif), "photo").shape in ((24, 36, 3), (36, 24, 3))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"<html>404 Not Found</html>", "not a photo in a format"),
        (JPEG[: len(JPEG) * 3 // 4], "truncated"),
        (PNG[: len(PNG) // 2], "photo.jpg: "),
        (JPEG[:30], "photo.jpg: "),
        (contents(smooth(), "WEBP", save_all=True, append_images=[smooth(seed=1)]), "holds 2 photos"),
    ],
)
def test_what_is_no_photo_is_reported_with_the_reason(data, reason):
    with pytest.raises(PhotoError, match=reason):
        read_rgb(data, "photo.jpg")
    with pytest.raises(PhotoError, match=reason):
        read_mask(data, "photo.jpg")


@pytest.mark.parametrize("limit", [24 * 36 - 1, 24 * 36 // 3])  # Pillow warns up to twice the limit, then raises
def test_a_decompression_bomb_is_reported(monkeypatch, limit):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(PhotoError, match="decompression bomb"):
        read_rgb(PNG, "photo")


def test_whatever_a_decoder_raises_is_reported(monkeypatch):
    for error in (TypeError("bad tag"), MemoryError(), IndexError("out of range"), SyntaxError("broken header")):

        def fail(*_, error=error):
            raise error

        monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
        with pytest.raises(PhotoError, match="photo: "):
            read_rgb(PNG, "photo")


def test_missing_files_and_folders_named_like_photos_are_reported(tmp_path):
    with pytest.raises(PhotoError, match="there is no such file"):
        read_rgb(tmp_path / "gone.jpg", "gone.jpg")
    (tmp_path / "folder.jpg").mkdir()
    with pytest.raises(PhotoError, match="this is a folder"):
        read_rgb(tmp_path / "folder.jpg", "folder.jpg")


@given(
    st.sampled_from([JPEG, PNG, contents(smooth(), "TIFF"), contents(smooth(), "WEBP"), contents(smooth(), "BMP")]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8),
    st.floats(0, 1),
    st.sampled_from([None, 5]),
)
def test_a_damaged_file_is_read_or_reported_and_nothing_else(data, changes, kept, shorter_side):
    damaged = bytearray(data)
    for place, value in changes:
        damaged[round(place * (len(damaged) - 1))] = value
    damaged = bytes(damaged[: round(kept * len(damaged))])
    for read, dimensions in ((partial(read_rgb, shorter_side=shorter_side), 3), (read_mask, 2)):
        with contextlib.suppress(PhotoError):
            assert read(damaged, "photo").ndim == dimensions


BOX = np.zeros((6, 9), np.bool_)
BOX[1:3, 2:7] = True


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(BOX),
        Image.fromarray(BOX.astype(np.uint8)),
        Image.fromarray(BOX.astype(np.uint8) * 255),
        Image.fromarray(BOX.astype(np.uint16) * 65535),
        Image.fromarray(BOX.astype(np.uint8) * 255).convert("RGB"),
        Image.fromarray(BOX.astype(np.uint8) * 255).convert("RGBA"),
        Image.fromarray(BOX.astype(np.uint8) * 255).convert("P"),
    ],
    ids=lambda image: image.mode,
)
def test_masks_of_every_kind_are_read(image):
    np.testing.assert_array_equal(read_mask(contents(image), "mask"), BOX)
    np.testing.assert_array_equal(read_mask(contents(image), "mask", "black"), ~BOX)


def test_a_mask_is_turned_as_its_photo_is():
    exif = Image.Exif()
    exif[274] = 6
    data = contents(Image.fromarray(BOX.astype(np.uint8) * 255), exif=exif)
    np.testing.assert_array_equal(read_mask(data, "mask"), np.rot90(BOX, -1))


def test_a_colored_mask_is_refused():
    with pytest.raises(PhotoError, match=r"^red\.png: the mask is colored"):
        read_mask(contents(Image.new("RGB", (4, 4), "red")), "red.png")
