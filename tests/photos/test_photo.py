# A photo comes back as what it came: Pillow's, an array or a tensor. Each test knows which.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportIndexIssue=false

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from PIL import ExifTags, Image, ImageOps
from random_images import PIL_MODES, random_image, seeds, shapes, srgb_profile
from scipy import ndimage
from torch import Tensor, nn

from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.photos.photo import Photo

COMES_BACK_AS = {"1": "L", "P": "RGB", "PA": "RGBA", "I;16B": "I;16"}
WITH_ALPHA = ("LA", "RGBA", "PA")


def random_fill(shape: Any, seed: int = 0) -> Tensor:
    return torch.rand(1, 3, *shape, generator=torch.Generator().manual_seed(seed))


def random_alpha(shape: Any, seed: int = 0) -> Any:
    """0 in many places, 1 in many, something between in the rest."""
    return (torch.rand(1, 1, *shape, generator=torch.Generator().manual_seed(seed + 1)) * 3 - 1).clamp(0, 1)


def as_rgb(array: Any) -> Any:
    return torch.from_numpy(np.array(array, dtype=np.float32)).permute(2, 0, 1)[None]


# --- What comes in -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", PIL_MODES)
@given(shape=shapes, seed=seeds)
@settings(max_examples=5, deadline=None)
def test_every_mode_is_given_back_with_the_same_values(mode: Any, shape: Any, seed: Any) -> None:
    image = random_image(mode, shape, seed)
    photo = Photo.open(image)
    back = photo.to_native()

    assert photo.size == shape
    assert photo.rgb.dtype == torch.float32
    assert photo.rgb.shape == (1, 3, *shape)
    assert back.mode == COMES_BACK_AS.get(mode, mode)
    expected = image if mode == "I;16B" else image.convert(back.mode)
    assert np.array_equal(np.asarray(back), np.asarray(expected))


@pytest.mark.parametrize("mode", ["P", "PA", "1", "L", "RGB", "RGBA"])
@pytest.mark.parametrize("shape", [(40, 31), (3, 5), (1, 1)])
def test_models_see_a_palette_without_its_dithering(tmp_path: Path, mode: Any, shape: Any) -> None:
    image = random_image(mode, shape)
    sources: list[Any] = [image]
    if mode != "PA":  # which files do not store
        image.save(tmp_path / "photo.png")
        sources.append(tmp_path / "photo.png")
    for source in sources:
        photo = Photo.open(source)
        expected = photo.rgb_array
        if mode in ("P", "PA", "1"):
            expected = ndimage.gaussian_filter(expected, (0, 0, 1, 1), mode="nearest")
        np.testing.assert_allclose(photo.undithered_array, expected, atol=1e-6)
        rows, columns = slice(shape[0] // 3, shape[0]), slice(0, max(1, shape[1] // 2))
        part = photo.crop_undithered(rows, columns)
        np.testing.assert_allclose(part.numpy(), expected[..., rows, columns], atol=1e-6)


@pytest.mark.parametrize("mode", [m for m in PIL_MODES if m not in ("I", "F", "I;16", "I;16B", "RGBa", "La")])
def test_rgb_matches_pillow(mode: Any) -> None:
    image = random_image(mode, (9, 7))
    torch.testing.assert_close(Photo.open(image).rgb, as_rgb(image.convert("RGB")) / 255, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("mode", "white"), [("I", 65535), ("I;16", 65535), ("I;16B", 65535), ("F", 1)])
def test_gray_of_more_than_8_bits_keeps_its_precision(mode: str, white: int) -> None:
    image = random_image(mode, (9, 7))
    gray = torch.from_numpy(np.array(image).astype(np.float64) / white).float()
    torch.testing.assert_close(Photo.open(image).rgb, gray.expand(1, 3, 9, 7), atol=1e-7, rtol=0)


def test_premultiplied_alpha_is_divided_out() -> None:
    straight = Image.new("RGBA", (2, 1), (200, 100, 50, 128))
    rgb = Photo.open(straight.convert("RGBa")).rgb
    torch.testing.assert_close(rgb[0, :, 0, 0] * 255, torch.tensor([200.0, 100, 50]), atol=2, rtol=0)


@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.bool_, np.float16, np.float32, np.float64, ">u2"])
def test_arrays_are_given_back_with_shape_dtype_and_values(channels: int | None, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    array = rng.random((5, 4) if channels is None else (5, 4, channels))
    dtype = np.dtype(dtype)
    white = {"b": 1, "f": 1, "u": 255 if dtype == np.uint8 else 65535}[dtype.kind]
    array = array > 0.5 if dtype.kind == "b" else (array * white).astype(dtype)
    photo = Photo.open(array)
    back = photo.to_native()

    assert back.dtype == array.dtype
    assert np.array_equal(back, array)
    colors = array[..., None] if channels is None else array[..., :1] if channels < 3 else array[..., :3]
    expected = as_rgb(np.broadcast_to(colors.astype(np.float64) / white, (5, 4, 3)))
    torch.testing.assert_close(photo.rgb, expected, atol=1e-7, rtol=0)


@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.bool, torch.float16, torch.bfloat16, torch.float32, torch.float64]
)
@pytest.mark.parametrize("shape", [(1, 5, 4), (2, 5, 4), (3, 5, 4), (4, 5, 4), (1, 3, 5, 4), (1, 4, 5, 4)])
def test_tensors_are_given_back_with_shape_dtype_and_values(dtype: Any, shape: tuple[int, ...]) -> None:
    tensor = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    tensor = tensor > 0.5 if dtype == torch.bool else (tensor * (255 if dtype == torch.uint8 else 1)).to(dtype)
    photo = Photo.open(tensor)
    back = photo.to_native()

    assert back.dtype == dtype
    assert torch.equal(back, tensor)
    colors = tensor.reshape(shape[-3:])[: 1 if shape[-3] < 3 else 3].float() / (255 if dtype == torch.uint8 else 1)
    torch.testing.assert_close(photo.rgb, colors.expand(1, 3, 5, 4), atol=1e-7, rtol=0)


def test_a_tensor_that_needs_a_gradient_and_a_strange_array_are_fine() -> None:
    parameter = nn.Parameter(torch.rand(3, 4, 5))
    assert torch.equal(Photo.open(parameter).to_native(), parameter.detach())
    array = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)[::-1, ::-2]
    array.flags.writeable = False
    assert np.array_equal(Photo.open(array).to_native(), array)


def test_the_photo_keeps_its_values_when_the_source_is_written_to() -> None:
    array, tensor = np.zeros((2, 2), np.float32), torch.zeros(1, 2, 2)
    photos = Photo.open(array), Photo.open(tensor)
    array[:], tensor[:] = 1, 1
    assert not any(photo.rgb.any() for photo in photos)
    back = photos[0].to_native()
    back[:] = 1
    assert not photos[0].to_native().any()


def test_the_colors_are_the_callers_own() -> None:
    photo = Photo.open(random_image("RGB", (4, 5)))
    before = photo.rgb.clone()
    photo.rgb.zero_()
    assert torch.equal(photo.rgb, before)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("from_path", [True, False])
def test_orientation_is_applied_and_reset(tmp_path: Path, orientation: int, suffix: str, from_path: bool) -> None:
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

    back = photo.to_native()
    assert photo.size == expected.size[::-1]
    assert np.array_equal(np.asarray(back), np.asarray(expected))
    assert back.getexif().get(ExifTags.Base.Orientation, 1) == 1
    assert back.getexif()[ExifTags.Base.Artist] == "Ada"
    # Pillow has turned a TIFF when it is loaded, and does not tell
    if suffix != ".webp" and (from_path or suffix != ".tif"):
        assert back.info["dpi"] == pytest.approx((200, 100) if orientation >= 5 else (100, 200), abs=0.1)
    photo.save(tmp_path / "again.png")
    assert np.array_equal(Photo.open(tmp_path / "again.png").to_native(), np.asarray(expected))


def test_an_orientation_set_on_a_pil_image_counts_and_the_image_is_left_alone() -> None:
    image = random_image("RGB", (3, 5))
    image.getexif()[ExifTags.Base.Orientation] = 6
    assert Photo.open(image).size == (5, 3)
    assert image.size == (5, 3)
    assert image.getexif()[ExifTags.Base.Orientation] == 6


def test_transparency_of_a_palette_becomes_alpha(tmp_path: Path) -> None:
    image = random_image("P", (6, 7))
    alphas = bytes(range(256))
    image.save(tmp_path / "palette.png", transparency=alphas)
    back = Photo.open(tmp_path / "palette.png").to_native()
    assert back.mode == "RGBA"
    assert np.array_equal(np.asarray(back)[..., 3], np.asarray(image))
    assert np.array_equal(np.asarray(back)[..., :3], np.asarray(image.convert("RGB")))


@pytest.mark.parametrize(("mode", "key"), [("1", 255), ("L", 7), ("RGB", (7, 8, 9)), ("I;16", 7)])
def test_a_transparent_color_becomes_alpha(tmp_path: Path, mode: str, key: int | tuple[int, int, int]) -> None:
    image = random_image(mode, (6, 7))
    image.putpixel((2, 3), key)
    before = np.array(image.convert("L") if mode == "1" else image).reshape(6, 7, -1)
    image.save(tmp_path / "key.png", transparency=key)
    native = np.asarray(Photo.open(tmp_path / "key.png").to_native())
    assert np.array_equal(native[..., :-1], before)
    transparent = (before == np.array(key)).all(axis=2)
    assert transparent[3, 2]
    assert np.array_equal(native[..., -1] == 0, transparent)


def test_the_first_photo_of_a_phones_jpeg_counts(tmp_path: Path) -> None:
    first, second = random_image("RGB", (8, 8), 1), random_image("RGB", (8, 8), 2)
    first.save(tmp_path / "phone.jpg", "MPO", save_all=True, append_images=[second])
    with Image.open(tmp_path / "phone.jpg") as image:
        assert image.n_frames == 2
        expected = np.asarray(image)
    assert np.array_equal(Photo.open(tmp_path / "phone.jpg").to_native(), expected)


# --- What is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".gif", ".png", ".tif", ".webp"])
def test_animations_and_pages_are_refused(tmp_path: Path, suffix: str) -> None:
    frames = [random_image("RGB", (4, 4), seed) for seed in range(3)]
    path = tmp_path / f"many{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with pytest.raises(PhotoError, match=f"many{suffix}: the file holds 3 photos"):
        Photo.open(path)
    with Image.open(path) as image:  # whoever hands in an image has chosen its frame
        image.seek(1)
        expected = np.asarray(image.convert("RGB"))
        assert np.array_equal(Photo.open(image).to_native(), expected)


@pytest.mark.parametrize(("mode", "suffix"), [("RGB", ".jpg"), *itertools.product(["RGB", "I;16"], [".png", ".tif"])])
def test_a_truncated_file_is_refused(tmp_path: Path, mode: Any, suffix: Any) -> None:
    path = tmp_path / f"half{suffix}"
    random_image(mode, (40, 40)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(PhotoError, match=f"half{suffix}: "):
        Photo.open(path)


def test_other_files_than_photos_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("plain text")
    (tmp_path / "iphone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    for name, why in [
        ("empty.png", "empty"),
        ("text.jpg", "not a photo"),
        ("iphone.heic", "pip install pillow-heif|HEIF header is damaged"),
        ("missing.png", "no such file"),
        (".", "folder"),
    ]:
        with pytest.raises(PhotoError, match=why):
            Photo.open(str(tmp_path / name))


def test_pillow_heif_is_recommended_only_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text.heic").write_text("plain text")
    for readable, is_recommended in (frozenset({".jpg"}), True), (frozenset({".jpg", ".heic"}), False):
        monkeypatch.setattr("hcl_sdk.photos.opening.list_readable_suffixes", lambda found=readable: found)
        with pytest.raises(PhotoError, match="not a photo") as caught:
            Photo.open(tmp_path / "text.heic")
        assert ("pip install pillow-heif" in str(caught.value)) == is_recommended


@pytest.mark.parametrize(
    ("source", "error", "said"),
    [
        (None, TypeError, "NoneType"),
        ([1, 2], TypeError, "list"),
        (b"bytes", PhotoError, "the bytes: this is not a photo"),
        (np.zeros((2, 2), np.int64), TypeError, "int64"),
        (np.zeros(4, np.uint8), PhotoError, r"\[4\]"),
        (np.zeros((3, 4, 5), np.uint8), PhotoError, r"\[3, 4, 5\]"),
        (np.zeros((0, 4, 3), np.uint8), PhotoError, r"no pixels: 4 x 0 \(width x height\)"),
        (np.full((2, 2), 1.5), PhotoError, "1.5"),
        (np.full((2, 2), -0.1), PhotoError, "-0.1"),
        (np.full((2, 2), np.nan), PhotoError, "got NaN"),
        (torch.full((3, 2, 2), torch.nan), PhotoError, "got NaN"),
        (torch.zeros(3, 4, dtype=torch.uint8), PhotoError, r"\[3, 4\]"),
        (torch.zeros(5, 4, 4), PhotoError, r"\[5, 4, 4\]"),
        (torch.zeros(2, 3, 4, 4), PhotoError, "batch of 2"),
        (torch.zeros(3, 4, 4, dtype=torch.int64), TypeError, "int64"),
        (torch.zeros(3, 0, 4), PhotoError, r"no pixels: 4 x 0 \(width x height\)"),
        (iter([np.zeros((2, 2))]), TypeError, r"got list_iterator; pass several photos as a list, list\(photos\)"),
        (torch.full((3, 4, 4), 255.0), PhotoError, "255"),
        (Image.new("RGB", (0, 4)), PhotoError, r"no pixels: 0 x 4 \(width x height\)"),
        (Image.new("F", (2, 2), 2.0), PhotoError, "2.0"),
        (Image.new("I", (2, 2), -1), PhotoError, "-1"),
        (Image.new("I", (2, 2), 70000), PhotoError, "70000"),
    ],
)
def test_bad_sources_are_refused(source: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        Photo.open(source)


# --- Compositing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", PIL_MODES)
@given(shape=shapes, seed=seeds)
@settings(max_examples=6, deadline=None)
def test_outside_alpha_every_native_value_is_the_same(mode: Any, shape: Any, seed: Any) -> None:
    photo = Photo.open(random_image(mode, shape, seed))
    alpha = random_alpha(shape, seed)
    before = np.asarray(photo.to_native())
    after = np.asarray(photo.composite(random_fill(shape, seed), alpha).to_native())
    outside = (alpha == 0)[0, 0].numpy()
    assert after.dtype == before.dtype
    assert after[outside].tobytes() == before[outside].tobytes()
    if mode in WITH_ALPHA:
        assert np.array_equal(after[..., -1], before[..., -1])
    assert np.array_equal(np.asarray(photo.to_native()), before)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_outside_alpha_tensors_are_the_same(dtype: Any, channels: int) -> None:
    tensor = (torch.rand(1, channels, 9, 11) * (255 if dtype == torch.uint8 else 1)).to(dtype)
    alpha = random_alpha((9, 11))
    after = Photo.open(tensor).composite(random_fill((9, 11)), alpha).to_native()
    outside = (alpha == 0).expand(1, channels, 9, 11)
    assert torch.equal(after[outside], tensor[outside])
    if channels in (2, 4):
        assert torch.equal(after[:, -1], tensor[:, -1])


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535)])
@pytest.mark.parametrize("channels", [3, 4])
def test_colors_are_blended_and_rounded_to_the_native_depth(dtype: Any, white: int, channels: int) -> None:
    native = np.random.default_rng(0).integers(0, white + 1, (9, 11, channels)).astype(dtype)
    fill, alpha = random_fill((9, 11)), random_alpha((9, 11))
    after = Photo.open(native).composite(fill, alpha).to_native()
    weight = alpha[0, 0].double().numpy()[..., None]
    exact = weight * fill[0].double().permute(1, 2, 0).numpy() * white + (1 - weight) * native[..., :3]
    assert np.abs(after[..., :3] - exact).max() <= 0.51
    full = weight[..., 0] == 1
    assert full.any()
    assert np.array_equal(after[full][:, :3], np.rint(fill[0].permute(1, 2, 0).numpy()[full] * white))


@pytest.mark.parametrize("mode", ["L", "LA", "RGBX", "RGBA", "CMYK", "YCbCr", "LAB", "HSV"])
def test_the_fill_is_converted_to_the_mode_as_pillow_does(mode: str) -> None:
    photo = Photo.open(random_image(mode, (9, 11)))
    values = np.random.default_rng(1).integers(0, 256, (9, 11, 3), dtype=np.uint8)
    after = photo.composite(as_rgb(values) / 255, torch.ones(1, 1, 9, 11)).to_native()
    expected = Image.fromarray(values).convert(mode)
    for band, wanted, name in zip(after.split(), expected.split(), after.getbands(), strict=True):
        if name not in "AX":
            assert np.abs(np.asarray(band).astype(int) - np.asarray(wanted)).max() <= (1 if mode in ("L", "LA") else 0)


@pytest.mark.parametrize(("mode", "white"), [("I", 65535), ("I;16", 65535), ("F", 1)])
def test_deep_gray_is_the_luma_of_the_fill(mode: str, white: int) -> None:
    fill = random_fill((9, 11))
    after = np.asarray(Photo.open(random_image(mode, (9, 11))).composite(fill, torch.ones(1, 1, 9, 11)).to_native())
    luma = (0.299 * fill[0, 0].double() + 0.587 * fill[0, 1] + 0.114 * fill[0, 2]).numpy() * white
    assert np.abs(after - luma).max() < (0.51 if white > 1 else 1e-6)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16", "I", "YCbCr", "CMYK"])
def test_filling_with_the_photo_itself_changes_next_to_nothing(mode: str) -> None:
    photo = Photo.open(random_image(mode, (16, 16)))
    again = photo.composite(photo.rgb, torch.full((1, 1, 16, 16), 0.5))
    # YCbCr has colors that RGB has not
    if mode != "YCbCr":
        torch.testing.assert_close(again.rgb, photo.rgb, atol=2 / 255, rtol=0)
    if mode in ("L", "RGB", "RGBA", "I;16", "I"):
        assert np.array_equal(np.asarray(again.to_native()), np.asarray(photo.to_native()))


def test_a_composite_keeps_properties_of_the_photo() -> None:
    image = random_image("RGB", (4, 4))
    image.info["dpi"], image.info["icc_profile"] = (300, 300), srgb_profile()
    photo = Photo.open(image)
    after = photo.composite(random_fill((4, 4)), torch.ones(1, 1, 4, 4))
    assert (after.dpi, after.icc_profile) == ((300, 300), image.info["icc_profile"])
    assert not torch.equal(after.rgb, photo.rgb)


def test_unused_pixels_of_the_fill_may_be_anything() -> None:
    photo = Photo.open(random_image("RGB", (4, 6)))
    alpha = torch.zeros(1, 1, 4, 6)
    alpha[..., 1, 1] = alpha[..., 3, 4] = 1
    fill = torch.where(alpha > 0, 7.0, torch.nan).expand(1, 3, 4, 6)
    after = np.asarray(photo.composite(fill, alpha).to_native())
    assert (after[1, 1] == 255).all()  # clipped
    with pytest.raises(ValueError, match="NaN"):
        photo.composite(fill, torch.ones(1, 1, 4, 6))


def test_bad_layers_are_refused() -> None:
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


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (torch.empty(3, 4, 6, device="meta"), "dense, with its values in memory; got one without values"),
        (torch.rand(3, 4, 6).to_sparse(), "dense, with its values in memory; got one torch.sparse_coo"),
    ],
)
def test_tensors_that_hold_no_plain_values_are_refused(tensor: Tensor, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        Photo.open(tensor)


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        (np.zeros((3, 40, 60), np.uint8), r"; channels come last here: array.transpose\(1, 2, 0\)$"),
        (np.zeros((1, 40, 60, 3), np.uint8), r"; one photo has no batch dimension: array\[0\]$"),
        (np.zeros((40, 60, 5), np.uint8), r"got shape \[40, 60, 5\]$"),
        (torch.zeros(40, 60, 3), r"; channels come first here: tensor.movedim\(-1, -3\)$"),
        (torch.zeros(1, 40, 60, 3), r"; channels come first here: tensor.movedim\(-1, -3\)$"),
        (torch.zeros(40, 60), r"got shape \[40, 60\]$"),
    ],
)
def test_wrong_layouts_are_refused_with_a_remedy(source: Any, hint: str) -> None:
    with pytest.raises(PhotoError, match=hint):
        Photo.open(source)


def test_files_that_give_no_bytes_are_refused(tmp_path: Path) -> None:
    random_image("RGB", (4, 6)).save(tmp_path / "photo.png")
    with open(tmp_path / "photo.png") as file, pytest.raises(TypeError, match=r"mode 'rb'; .*photo\.png gives str"):
        Photo.open(file)
    with open(tmp_path / "new", "wb") as file, pytest.raises(PhotoError, match=r"new: the file is not open for read"):
        Photo.open(file)
