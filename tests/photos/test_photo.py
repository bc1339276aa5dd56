import dataclasses
import functools
import io
import itertools
import os
import struct
import zlib

import numpy as np
import png
import pytest
import tifffile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageChops, ImageCms, ImageOps
from torch import nn

from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.photos.masks import load_mask
from hcl_sdk.photos.photo import Photo

EIGHT_BIT_MODES = ("L", "LA", "RGB", "RGBA", "RGBX", "RGBa", "La", "CMYK", "YCbCr", "LAB", "HSV")
PIL_MODES = (*EIGHT_BIT_MODES, "1", "P", "PA", "I", "F", "I;16", "I;16B")
COMES_BACK_AS = {"1": "L", "P": "RGB", "PA": "RGBA", "I;16B": "I;16"}
WITH_ALPHA = ("LA", "RGBA", "PA")

shapes = st.tuples(st.integers(1, 12), st.integers(1, 12))
seeds = st.integers(0, 10_000)


def random_image(mode, shape, seed=0):
    rng = np.random.default_rng(seed)
    height, width = shape
    if mode in EIGHT_BIT_MODES:
        bands = len(Image.new(mode, (1, 1)).getbands())
        return Image.frombytes(mode, (width, height), rng.bytes(height * width * bands))
    if mode in ("P", "PA"):
        image = Image.frombytes("P", (width, height), rng.bytes(height * width))
        image.putpalette(rng.bytes(768))
        return image if mode == "P" else image.convert("PA")
    if mode == "1":
        return Image.fromarray(rng.random(shape) < 0.5)
    if mode == "F":
        return Image.fromarray(rng.random(shape, dtype=np.float32))
    values = rng.integers(0, 65536, shape)
    if mode == "I":
        return Image.fromarray(values.astype(np.int32))
    return Image.frombytes(mode, (width, height), values.astype(">u2" if mode == "I;16B" else "<u2").tobytes())


def random_fill(shape, seed=0):
    return torch.rand(1, 3, *shape, generator=torch.Generator().manual_seed(seed))


def random_alpha(shape, seed=0):
    """0 in many places, 1 in many, something between in the rest."""
    return (torch.rand(1, 1, *shape, generator=torch.Generator().manual_seed(seed + 1)) * 3 - 1).clamp(0, 1)


def as_rgb(array):
    return torch.from_numpy(np.array(array, dtype=np.float32)).permute(2, 0, 1)[None]


# --- What comes in -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", PIL_MODES)
@given(shape=shapes, seed=seeds)
@settings(max_examples=5, deadline=None)
def test_every_mode_is_given_back_with_the_same_values(mode, shape, seed):
    image = random_image(mode, shape, seed)
    photo = Photo.open(image)
    back = photo.native()

    assert photo.size == shape
    assert photo.rgb.dtype == torch.float32
    assert photo.rgb.shape == (1, 3, *shape)
    assert back.mode == COMES_BACK_AS.get(mode, mode)
    expected = image if mode == "I;16B" else image.convert(back.mode)
    assert np.array_equal(np.asarray(back), np.asarray(expected))


@pytest.mark.parametrize("mode", [m for m in PIL_MODES if m not in ("I", "F", "I;16", "I;16B", "RGBa", "La")])
def test_rgb_is_what_pillow_makes_of_it(mode):
    image = random_image(mode, (9, 7))
    torch.testing.assert_close(Photo.open(image).rgb, as_rgb(image.convert("RGB")) / 255, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("mode", "white"), [("I", 65535), ("I;16", 65535), ("I;16B", 65535), ("F", 1)])
def test_grey_of_more_than_8_bits_keeps_its_precision(mode, white):
    image = random_image(mode, (9, 7))
    grey = torch.from_numpy(np.array(image).astype(np.float64) / white).float()
    torch.testing.assert_close(Photo.open(image).rgb, grey.expand(1, 3, 9, 7), atol=1e-7, rtol=0)


def test_premultiplied_alpha_is_divided_out():
    straight = Image.new("RGBA", (2, 1), (200, 100, 50, 128))
    rgb = Photo.open(straight.convert("RGBa")).rgb
    torch.testing.assert_close(rgb[0, :, 0, 0] * 255, torch.tensor([200.0, 100, 50]), atol=2, rtol=0)


@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.bool_, np.float16, np.float32, np.float64, ">u2"])
def test_arrays_are_given_back_with_shape_dtype_and_values(channels, dtype):
    rng = np.random.default_rng(0)
    array = rng.random((5, 4) if channels is None else (5, 4, channels))
    dtype = np.dtype(dtype)
    white = {"b": 1, "f": 1, "u": 255 if dtype == np.uint8 else 65535}[dtype.kind]
    array = array > 0.5 if dtype.kind == "b" else (array * white).astype(dtype)
    photo = Photo.open(array)
    back = photo.native()

    assert back.dtype == array.dtype
    assert np.array_equal(back, array)
    colors = array[..., None] if channels is None else array[..., :1] if channels < 3 else array[..., :3]
    expected = as_rgb(np.broadcast_to(colors.astype(np.float64) / white, (5, 4, 3)))
    torch.testing.assert_close(photo.rgb, expected, atol=1e-7, rtol=0)


@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.bool, torch.float16, torch.bfloat16, torch.float32, torch.float64]
)
@pytest.mark.parametrize("shape", [(1, 5, 4), (2, 5, 4), (3, 5, 4), (4, 5, 4), (1, 3, 5, 4), (1, 4, 5, 4)])
def test_tensors_are_given_back_with_shape_dtype_and_values(dtype, shape):
    tensor = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    tensor = tensor > 0.5 if dtype == torch.bool else (tensor * (255 if dtype == torch.uint8 else 1)).to(dtype)
    photo = Photo.open(tensor)
    back = photo.native()

    assert back.dtype == dtype
    assert torch.equal(back, tensor)
    colors = tensor.reshape(shape[-3:])[: 1 if shape[-3] < 3 else 3].float() / (255 if dtype == torch.uint8 else 1)
    torch.testing.assert_close(photo.rgb, colors.expand(1, 3, 5, 4), atol=1e-7, rtol=0)


def test_a_tensor_that_needs_a_gradient_and_a_strange_array_are_fine():
    parameter = nn.Parameter(torch.rand(3, 4, 5))
    assert torch.equal(Photo.open(parameter).native(), parameter.detach())
    array = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)[::-1, ::-2]
    array.flags.writeable = False
    assert np.array_equal(Photo.open(array).native(), array)


def test_the_photo_keeps_its_values_when_the_source_is_written_to():
    array, tensor = np.zeros((2, 2), np.float32), torch.zeros(1, 2, 2)
    photos = Photo.open(array), Photo.open(tensor)
    array[:], tensor[:] = 1, 1
    assert not any(photo.rgb.any() for photo in photos)
    back = photos[0].native()
    back[:] = 1
    assert not photos[0].native().any()


def test_the_colors_are_the_callers_own():
    photo = Photo.open(random_image("RGB", (4, 5)))
    before = photo.rgb.clone()
    photo.rgb.zero_()
    assert torch.equal(photo.rgb, before)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("from_path", [True, False])
def test_orientation_is_applied_and_reset(tmp_path, orientation, suffix, from_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Artist] = "Ada"
    path = tmp_path / f"turned{suffix}"
    random_image("RGB", (5, 8)).save(
        path, exif=exif, dpi=(100, 200), **({"lossless": True} if suffix == ".webp" else {})
    )
    with Image.open(path) as image:
        expected = ImageOps.exif_transpose(image)
        photo = Photo.open(path) if from_path else Photo.open(image)

    back = photo.native()
    assert photo.size == expected.size[::-1]
    assert np.array_equal(np.asarray(back), np.asarray(expected))
    assert back.getexif().get(ExifTags.Base.Orientation, 1) == 1
    assert back.getexif()[ExifTags.Base.Artist] == "Ada"
    # Pillow has turned a TIFF when it is loaded, and does not tell
    if suffix != ".webp" and (from_path or suffix != ".tif"):
        assert back.info["dpi"] == pytest.approx((200, 100) if orientation >= 5 else (100, 200), abs=0.1)
    photo.save(tmp_path / "again.png")
    assert np.array_equal(Photo.open(tmp_path / "again.png").native(), np.asarray(expected))


@pytest.mark.parametrize("orientation", [3, 6])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_orientation_of_16_bit_color(tmp_path, orientation, suffix):
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


def test_an_orientation_set_on_a_pil_image_counts_and_the_image_is_left_alone():
    image = random_image("RGB", (3, 5))
    image.getexif()[ExifTags.Base.Orientation] = 6
    assert Photo.open(image).size == (5, 3)
    assert image.size == (5, 3)
    assert image.getexif()[ExifTags.Base.Orientation] == 6


def test_transparency_of_a_palette_becomes_alpha(tmp_path):
    image = random_image("P", (6, 7))
    alphas = bytes(range(256))
    image.save(tmp_path / "palette.png", transparency=alphas)
    back = Photo.open(tmp_path / "palette.png").native()
    assert back.mode == "RGBA"
    assert np.array_equal(np.asarray(back)[..., 3], np.asarray(image))
    assert np.array_equal(np.asarray(back)[..., :3], np.asarray(image.convert("RGB")))


@pytest.mark.parametrize(("mode", "key"), [("1", 255), ("L", 7), ("RGB", (7, 8, 9)), ("I;16", 7)])
def test_a_transparent_color_becomes_alpha(tmp_path, mode, key):
    image = random_image(mode, (6, 7))
    image.putpixel((2, 3), key)
    before = np.array(image.convert("L") if mode == "1" else image).reshape(6, 7, -1)
    image.save(tmp_path / "key.png", transparency=key)
    native = np.asarray(Photo.open(tmp_path / "key.png").native())
    assert np.array_equal(native[..., :-1], before)
    transparent = (before == np.array(key)).all(axis=2)
    assert transparent[3, 2]
    assert np.array_equal(native[..., -1] == 0, transparent)


def write_png16(path, values, exif=None, interlace=False):
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


def write_filtered_png16(path, values, filters):
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
def test_16_bit_png_stays_16_bit(tmp_path, channels, interlace):
    values = np.random.default_rng(0).integers(0, 65536, (6, 9, channels), dtype=np.uint16)
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
def test_16_bit_png_of_any_filters(tmp_path_factory, shape, channels, filters, seed):
    path = tmp_path_factory.mktemp("png") / "filtered.png"
    values = np.random.default_rng(seed).integers(0, 65536, (*shape, channels), dtype=np.uint16)
    write_filtered_png16(path, values, filters)
    assert np.array_equal(Photo.open(path).native(), values)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_16_bit_tiff_stays_16_bit(tmp_path, channels, planar, byteorder):
    values = np.random.default_rng(0).integers(0, 65536, (6, 9, channels), dtype=np.uint16)
    stored = values if planar == "contig" else np.moveaxis(values, -1, 0)
    extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, stored, photometric="rgb", planarconfig=planar, byteorder=byteorder, **extra)
    photo = Photo.open(path)
    assert np.array_equal(photo.native(), values)
    photo.save(tmp_path / "again.tiff")
    assert np.array_equal(tifffile.imread(tmp_path / "again.tiff"), values)


def test_the_first_picture_of_a_phones_jpeg_counts(tmp_path):
    first, second = random_image("RGB", (8, 8), 1), random_image("RGB", (8, 8), 2)
    first.save(tmp_path / "phone.jpg", "MPO", save_all=True, append_images=[second])
    with Image.open(tmp_path / "phone.jpg") as image:
        assert image.n_frames == 2
        expected = np.asarray(image)
    assert np.array_equal(Photo.open(tmp_path / "phone.jpg").native(), expected)


# --- What is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".gif", ".png", ".tif", ".webp"])
def test_animations_and_pages_are_refused(tmp_path, suffix):
    frames = [random_image("RGB", (4, 4), seed) for seed in range(3)]
    path = tmp_path / f"many{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with pytest.raises(PhotoError, match=f"many{suffix}: the file holds 3 photos"):
        Photo.open(path)
    with Image.open(path) as image:  # whoever hands in an image has chosen its frame
        image.seek(1)
        expected = np.asarray(image.convert("RGB"))
        assert np.array_equal(Photo.open(image).native(), expected)


@pytest.mark.parametrize(("mode", "suffix"), [("RGB", ".jpg"), *itertools.product(["RGB", "I;16"], [".png", ".tif"])])
def test_a_truncated_file_is_refused(tmp_path, mode, suffix):
    path = tmp_path / f"half{suffix}"
    random_image(mode, (40, 40)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(PhotoError, match=f"half{suffix}: "):
        Photo.open(path)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_16_bit_file_is_refused(tmp_path, suffix, share):
    path = tmp_path / f"half{suffix}"
    Photo.open(np.random.default_rng(0).integers(0, 65536, (40, 40, 3), dtype=np.uint16)).save(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(PhotoError, match=f"half{suffix}: "):
        Photo.open(path)


def test_files_that_are_no_pictures_are_refused(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "iphone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    for name, why in [
        ("empty.png", "empty"),
        ("text.jpg", "not a photo"),
        ("iphone.heic", "HEIC"),
        ("missing.png", "no such file"),
        (".", "folder"),
    ]:
        with pytest.raises(PhotoError, match=why):
            Photo.open(str(tmp_path / name))


@pytest.mark.parametrize("limit", [20, 40])  # beyond twice the limit Pillow raises, below that it warns
def test_decompression_bombs_are_refused(tmp_path, monkeypatch, limit):
    random_image("L", (7, 7)).save(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(PhotoError, match=r"bomb\.png: .*MAX_IMAGE_PIXELS"):
        Photo.open(tmp_path / "bomb.png")


@pytest.mark.parametrize(
    ("source", "error", "said"),
    [
        (None, TypeError, "NoneType"),
        ([1, 2], TypeError, "list"),
        (b"bytes", TypeError, "bytes"),
        (np.zeros((2, 2), np.int64), TypeError, "int64"),
        (np.zeros(4, np.uint8), PhotoError, r"\[4\]"),
        (np.zeros((3, 4, 5), np.uint8), PhotoError, r"\[3, 4, 5\]"),
        (np.zeros((0, 4, 3), np.uint8), PhotoError, "no pixels: 4 x 0"),
        (np.full((2, 2), 1.5), PhotoError, "1.5"),
        (np.full((2, 2), -0.1), PhotoError, "-0.1"),
        (np.full((2, 2), np.nan), PhotoError, "nan"),
        (torch.zeros(3, 4, dtype=torch.uint8), PhotoError, r"\[3, 4\]"),
        (torch.zeros(5, 4, 4), PhotoError, r"\[5, 4, 4\]"),
        (torch.zeros(2, 3, 4, 4), PhotoError, "batch of 2"),
        (torch.zeros(3, 4, 4, dtype=torch.int64), TypeError, "int64"),
        (torch.zeros(3, 0, 4), PhotoError, "no pixels"),
        (torch.full((3, 4, 4), 255.0), PhotoError, "255"),
        (Image.new("RGB", (0, 4)), PhotoError, "no pixels"),
        (Image.new("F", (2, 2), 2.0), PhotoError, "2.0"),
        (Image.new("I", (2, 2), -1), PhotoError, "-1"),
        (Image.new("I", (2, 2), 70000), PhotoError, "70000"),
    ],
)
def test_bad_sources_are_refused(source, error, said):
    with pytest.raises(error, match=said):
        Photo.open(source)


def test_16_bit_ppm_is_refused_rather_than_reduced(tmp_path):
    (tmp_path / "deep.ppm").write_bytes(b"P6 2 1 65535\n" + bytes(12))
    with pytest.raises(PhotoError, match="PNG and TIFF"):
        Photo.open(tmp_path / "deep.ppm")


# --- Compositing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", PIL_MODES)
@given(shape=shapes, seed=seeds)
@settings(max_examples=6, deadline=None)
def test_outside_alpha_every_native_value_is_the_same(mode, shape, seed):
    photo = Photo.open(random_image(mode, shape, seed))
    alpha = random_alpha(shape, seed)
    before = np.asarray(photo.native())
    after = np.asarray(photo.composite(random_fill(shape, seed), alpha).native())
    outside = (alpha == 0)[0, 0].numpy()
    assert after.dtype == before.dtype
    assert after[outside].tobytes() == before[outside].tobytes()
    if mode in WITH_ALPHA:
        assert np.array_equal(after[..., -1], before[..., -1])
    assert np.array_equal(np.asarray(photo.native()), before)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_outside_alpha_tensors_are_the_same(dtype, channels):
    tensor = (torch.rand(1, channels, 9, 11) * (255 if dtype == torch.uint8 else 1)).to(dtype)
    alpha = random_alpha((9, 11))
    after = Photo.open(tensor).composite(random_fill((9, 11)), alpha).native()
    outside = (alpha == 0).expand(1, channels, 9, 11)
    assert torch.equal(after[outside], tensor[outside])
    if channels in (2, 4):
        assert torch.equal(after[:, -1], tensor[:, -1])


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535)])
@pytest.mark.parametrize("channels", [3, 4])
def test_colors_are_blended_and_rounded_to_the_native_depth(dtype, white, channels):
    native = np.random.default_rng(0).integers(0, white + 1, (9, 11, channels)).astype(dtype)
    fill, alpha = random_fill((9, 11)), random_alpha((9, 11))
    after = Photo.open(native).composite(fill, alpha).native()
    weight = alpha[0, 0].double().numpy()[..., None]
    exact = weight * fill[0].double().permute(1, 2, 0).numpy() * white + (1 - weight) * native[..., :3]
    assert np.abs(after[..., :3] - exact).max() <= 0.51
    full = weight[..., 0] == 1
    assert full.any()
    assert np.array_equal(after[full][:, :3], np.rint(fill[0].permute(1, 2, 0).numpy()[full] * white))


@pytest.mark.parametrize("mode", ["L", "LA", "RGBX", "RGBA", "CMYK", "YCbCr", "LAB", "HSV"])
def test_the_fill_is_converted_to_the_mode_as_pillow_does(mode):
    photo = Photo.open(random_image(mode, (9, 11)))
    values = np.random.default_rng(1).integers(0, 256, (9, 11, 3), dtype=np.uint8)
    after = photo.composite(as_rgb(values) / 255, torch.ones(1, 1, 9, 11)).native()
    expected = Image.fromarray(values).convert(mode)
    for band, wanted, name in zip(after.split(), expected.split(), after.getbands(), strict=True):
        if name not in "AX":
            assert np.abs(np.asarray(band).astype(int) - np.asarray(wanted)).max() <= (1 if mode in ("L", "LA") else 0)


@pytest.mark.parametrize(("mode", "white"), [("I", 65535), ("I;16", 65535), ("F", 1)])
def test_deep_grey_is_the_luma_of_the_fill(mode, white):
    fill = random_fill((9, 11))
    after = np.asarray(Photo.open(random_image(mode, (9, 11))).composite(fill, torch.ones(1, 1, 9, 11)).native())
    luma = (0.299 * fill[0, 0].double() + 0.587 * fill[0, 1] + 0.114 * fill[0, 2]).numpy() * white
    assert np.abs(after - luma).max() < (0.51 if white > 1 else 1e-6)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16", "I", "YCbCr", "CMYK"])
def test_filling_with_the_photo_itself_changes_next_to_nothing(mode):
    photo = Photo.open(random_image(mode, (16, 16)))
    again = photo.composite(photo.rgb, torch.full((1, 1, 16, 16), 0.5))
    # YCbCr has colors that RGB has not
    if mode != "YCbCr":
        torch.testing.assert_close(again.rgb, photo.rgb, atol=2 / 255, rtol=0)
    if mode in ("L", "RGB", "RGBA", "I;16", "I"):
        assert np.array_equal(np.asarray(again.native()), np.asarray(photo.native()))


def test_a_composite_keeps_what_the_photo_had():
    image = random_image("RGB", (4, 4))
    image.info["dpi"], image.info["icc_profile"] = (300, 300), srgb_profile()
    photo = Photo.open(image)
    after = photo.composite(random_fill((4, 4)), torch.ones(1, 1, 4, 4))
    assert (after.dpi, after.icc_profile) == ((300, 300), image.info["icc_profile"])
    assert not torch.equal(after.rgb, photo.rgb)


def test_what_is_not_used_of_the_fill_may_be_anything():
    photo = Photo.open(random_image("RGB", (4, 6)))
    alpha = torch.zeros(1, 1, 4, 6)
    alpha[..., 1, 1] = alpha[..., 3, 4] = 1
    fill = torch.where(alpha > 0, 7.0, torch.nan).expand(1, 3, 4, 6)
    after = np.asarray(photo.composite(fill, alpha).native())
    assert (after[1, 1] == 255).all()  # clipped
    with pytest.raises(ValueError, match="NaN"):
        photo.composite(fill, torch.ones(1, 1, 4, 6))


def test_bad_layers_are_refused():
    photo = Photo.open(random_image("RGB", (4, 6)))
    fill, alpha = random_fill((4, 6)), torch.ones(1, 1, 4, 6)
    for bad in (fill[0], fill[..., :5], fill[:, :1], (fill * 255).byte()):
        with pytest.raises(ValueError, match=r"fill must be floating-point \[1, 3, 4, 6\]"):
            photo.composite(bad, alpha)
    for bad in (alpha[0], alpha.expand(1, 3, 4, 6), alpha > 0):
        with pytest.raises(ValueError, match=r"alpha must be floating-point \[1, 1, 4, 6\]"):
            photo.composite(fill, bad)
    for bad in (alpha * 1.01, -alpha, alpha * torch.nan):
        with pytest.raises(ValueError, match=r"alpha must lie in \[0, 1\]"):
            photo.composite(fill, bad)


# --- Files ---------------------------------------------------------------------------------------------------------


@functools.cache  # it holds the time
def srgb_profile():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def camera_exif(orientation=1):
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Ada"
    exif[ExifTags.Base.Orientation] = orientation
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:01:02 03:04:05"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    return exif.tobytes()


def check_metadata(image):
    exif = image.getexif()
    assert exif[ExifTags.Base.Artist] == "Ada"
    assert exif.get(ExifTags.Base.Orientation, 1) == 1
    assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] == "2024:01:02 03:04:05"
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
    assert image.info["icc_profile"] == srgb_profile()
    dpi = image.info.get("dpi") or (exif[ExifTags.Base.XResolution], exif[ExifTags.Base.YResolution])
    assert tuple(map(float, dpi)) == pytest.approx((300, 200), abs=0.1)


@pytest.mark.parametrize("source", [".png", ".jpg", ".tif"])
@pytest.mark.parametrize("target", [".png", ".jpg", ".tif", ".webp", ".avif"])
def test_profile_exif_and_resolution_go_from_format_to_format(tmp_path, source, target):
    before, after = tmp_path / f"before{source}", tmp_path / f"after{target}"
    random_image("RGB", (6, 9)).save(before, exif=camera_exif(6), icc_profile=srgb_profile(), dpi=(200, 300))
    photo = Photo.open(before)
    check_metadata(photo.native())
    photo.save(after)
    with Image.open(after) as image:
        check_metadata(image)
        assert image.size == photo.size[::-1]
    Photo.open(after).save(after)
    with Image.open(after) as image:
        assert image.getexif()[ExifTags.Base.Artist] == "Ada"


@pytest.mark.parametrize("source", [".png", ".tif"])
@pytest.mark.parametrize("target", [".png", ".tif"])
def test_16_bit_color_keeps_profile_exif_and_resolution(tmp_path, source, target):
    image = random_image("RGB", (6, 9))
    image.save(tmp_path / f"shallow{source}", exif=camera_exif(), icc_profile=srgb_profile(), dpi=(300, 200))
    shallow = Photo.open(tmp_path / f"shallow{source}")
    deep = Photo.open(np.asarray(image).astype(np.uint16) * 257)
    # The same metadata on 16-bit values, through a first file of 16 bits.
    dataclasses.replace(shallow, pixels=deep.pixels).save(tmp_path / f"deep{source}")
    photo = Photo.open(tmp_path / f"deep{source}")
    photo.save(tmp_path / f"again{target}")
    with Image.open(tmp_path / f"again{target}") as again:
        check_metadata(again)
    assert np.array_equal(Photo.open(tmp_path / f"again{target}").native(), deep.pixels)


def test_the_thumbnail_of_the_photo_before_is_not_kept(tmp_path):
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 274, 3, 1, 1)
    thumbnail = b"\xff\xd8THUMBNAIL\xff\xd9"
    following = 8 + 2 + 12 + 4
    exif += struct.pack("<I", following)
    exif += struct.pack("<HHHIIHHIII", 2, 513, 4, 1, following + 30, 514, 4, 1, len(thumbnail), 0) + thumbnail
    random_image("RGB", (8, 8)).save(tmp_path / "camera.jpg", exif=exif)
    assert b"THUMBNAIL" in (tmp_path / "camera.jpg").read_bytes()
    Photo.open(tmp_path / "camera.jpg").save(tmp_path / "restored.jpg")
    assert b"THUMBNAIL" not in (tmp_path / "restored.jpg").read_bytes()


def test_damaged_exif_does_not_keep_a_photo_out(tmp_path):
    image = random_image("RGB", (4, 4))
    for i, exif in enumerate([b"Exif\0\0garbage", b"Exif\0\0II*\0\x08\0\0\0\xff\xff", b"Exif\0\0"]):
        image.save(tmp_path / f"{i}.png", exif=exif)
        assert np.array_equal(Photo.open(tmp_path / f"{i}.png").native(), image)


@pytest.mark.parametrize("mode", PIL_MODES)
@given(shape=shapes, seed=seeds)
@settings(max_examples=3, deadline=None)
def test_the_lossless_suffix_is_lossless(tmp_path_factory, mode, shape, seed):
    image = random_image(mode, shape, seed)
    photo = Photo.open(image)
    path = tmp_path_factory.mktemp("saved") / f"photo{photo.lossless_suffix}"
    photo.save(path)
    again = Photo.open(path).native()
    written_as = {"HSV": "RGB", "RGBX": "RGB", "RGBa": "RGBA", "La": "LA"}.get(mode)
    expected = image.convert(written_as) if written_as else photo.native()
    assert np.array_equal(np.asarray(again), np.asarray(expected))


@pytest.mark.parametrize(("mode", "suffix"), [("RGB", ".webp"), ("RGBA", ".webp"), ("L", ".bmp"), ("RGB", ".jp2")])
def test_other_lossless_formats(tmp_path, mode, suffix):
    image = random_image(mode, (7, 5))
    Photo.open(image).save(tmp_path / f"a{suffix}")
    assert np.array_equal(Photo.open(tmp_path / f"a{suffix}").native(), image)


def test_cmyk_jpegs_keep_their_polarity(tmp_path):
    image = Image.new("CMYK", (32, 16), (255, 0, 0, 0))
    image.save(tmp_path / "cyan.jpg", quality=100)
    photo = Photo.open(tmp_path / "cyan.jpg")
    torch.testing.assert_close(photo.rgb[0, :, 4, 4], torch.tensor([0.0, 1.0, 1.0]), atol=0.02, rtol=0)
    photo.save(tmp_path / "again.jpg")
    difference = ImageChops.difference(Photo.open(tmp_path / "again.jpg").native(), image)
    assert max(high for _, high in difference.getextrema()) <= 3


def test_jpegs_are_written_well_unless_asked_otherwise(tmp_path):
    photo = Photo.open(random_image("RGB", (64, 64)))
    photo.save(tmp_path / "good.jpg")
    photo.save(tmp_path / "small.jpeg", quality=20)
    with Image.open(tmp_path / "good.jpg") as image:
        assert [component[1:3] for component in image.layer] == [(1, 1)] * 3  # no chroma subsampling
    assert (tmp_path / "small.jpeg").stat().st_size < (tmp_path / "good.jpg").stat().st_size / 2


@pytest.mark.parametrize(
    ("source", "suffix", "said"),
    [
        (random_image("RGBA", (4, 4)), ".jpg", "RGBA as JPEG; RGBA can be written as .png, .tif, .tiff, .webp"),
        (random_image("CMYK", (4, 4)), ".png", "CMYK as PNG; CMYK can be written as .jpg, .jpeg, .tif, .tiff"),
        (random_image("F", (4, 4)), ".png", "can be written as .tif, .tiff"),
        (random_image("I;16", (4, 4)), ".jpg", "can be written as .png, .tif, .tiff"),
        (np.zeros((4, 4, 3), np.uint16), ".jpg", "RGB;16 can be written as .png, .tif, .tiff"),
        (np.zeros((4, 4, 3), np.uint16), ".webp", "RGB;16 can be written as .png, .tif, .tiff"),
        (random_image("RGB", (4, 4)), ".xyz", "photo.xyz"),
        (random_image("RGB", (4, 4)), "", "'photo'"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(tmp_path, source, suffix, said):
    with pytest.raises(PhotoError, match=said):
        Photo.open(source).save(tmp_path / f"photo{suffix}")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("source", [np.full((3, 4, 3), 0.5, np.float32), torch.full((3, 3, 4), 0.5)])
def test_floating_point_arrays_are_written_with_8_bits(tmp_path, source):
    Photo.open(source).save(tmp_path / "float.png")
    with Image.open(tmp_path / "float.png") as image:
        assert image.mode == "RGB"
        assert set(np.asarray(image).flat) == {128}


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"old")
    image = random_image("RGB", (4, 4))
    with pytest.raises(PhotoError, match=r"photo\.jpg: cannot be written"):
        Photo.open(image).save(path, quality="terrible")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["photo.jpg"]
    with pytest.raises(PhotoError, match="no folder"):
        Photo.open(image).save(tmp_path / "missing" / "photo.jpg")
    Photo.open(image).save(path)
    assert Photo.open(path).size == (4, 4)
    assert os.listdir(tmp_path) == ["photo.jpg"]


def test_saving_through_a_link_writes_the_file_behind_it(tmp_path):
    (tmp_path / "real.png").write_bytes(b"old")
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")
    Photo.open(random_image("L", (3, 3))).save(tmp_path / "link.png")
    assert (tmp_path / "link.png").is_symlink()
    assert Photo.open(tmp_path / "real.png").size == (3, 3)


# --- Masks ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mask():
    return torch.from_numpy(np.kron(np.random.default_rng(0).random((3, 2)) < 0.5, np.ones((8, 8), bool)))[None, None]


@pytest.mark.parametrize(
    "make",
    [
        lambda m: m,
        lambda m: m[0],
        lambda m: m[0, 0],
        lambda m: m.float(),
        lambda m: m.bfloat16(),
        lambda m: m.long(),
        lambda m: m.byte(),
        lambda m: m.byte() * 255,
        lambda m: m.float() * 0.2 + 0.4,
        lambda m: m.numpy(),
        lambda m: m[0, 0].numpy(),
        lambda m: m[0, 0, ..., None].numpy(),
        lambda m: m[0, 0].numpy().astype(np.uint8),
        lambda m: m[0, 0].numpy().astype(np.int64) * 255,
        lambda m: m[0, 0].numpy().astype(np.uint16) * 65535,
        lambda m: m[0, 0].numpy().astype(np.uint8)[..., None].repeat(3, 2) * 200,
        lambda m: Image.fromarray(m[0, 0].numpy()),
        lambda m: Image.fromarray(m[0, 0].numpy()).convert("P"),
        lambda m: Image.fromarray(m[0, 0].numpy()).convert("RGB"),
        lambda m: Image.fromarray(m[0, 0].numpy()).convert("RGBA"),
        lambda m: Image.fromarray(m[0, 0].numpy()).convert("LA"),
        lambda m: Image.fromarray(m[0, 0].numpy().astype(np.uint8)),
    ],
)
def test_masks_of_every_kind_say_the_same(mask, make):
    read = load_mask(make(mask), (24, 16))
    assert read.dtype == torch.bool
    assert torch.equal(read, mask)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".bmp"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_masks_from_files(tmp_path, mask, suffix, mode):
    Image.fromarray(mask[0, 0].numpy()).convert(mode).save(tmp_path / f"mask{suffix}")
    assert torch.equal(load_mask(tmp_path / f"mask{suffix}", (24, 16)), mask)


def test_a_mask_of_one_row_or_pixel():
    assert load_mask(np.array([[True, False, True]]), (1, 3)).tolist() == [[[[True, False, True]]]]
    assert load_mask(torch.ones(1, 1), (1, 1)).tolist() == [[[[True]]]]


def test_masks_that_do_not_fit_are_refused(tmp_path, mask):
    Image.new("L", (16, 24)).save(tmp_path / "mask.png")
    with pytest.raises(PhotoError, match=r"mask\.png: a mask of 16 x 24 pixels does not fit a photo of 20 x 30"):
        load_mask(tmp_path / "mask.png", (30, 20))
    with pytest.raises(PhotoError, match="orientation"):
        load_mask(mask, (16, 24))
    with pytest.raises(PhotoError, match="colored"):
        load_mask(Image.new("RGB", (16, 24), (255, 0, 0)), (24, 16))
    with pytest.raises(PhotoError, match="transparent"):
        load_mask(Image.new("RGBA", (16, 24), (255, 255, 255, 0)), (24, 16))
    with pytest.raises(PhotoError, match="-1"):
        load_mask(mask.long() * -1, (24, 16))
    with pytest.raises(TypeError):
        load_mask([[1, 0]], (1, 2))
