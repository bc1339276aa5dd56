# A photo comes back as what it came: Pillow's, an array or a tensor. Each test knows which.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import dataclasses
import os
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pytest
import torch
from hypothesis import given, settings
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageChops
from random_images import PIL_MODES, random_image, seeds, shapes, srgb_profile
from torch import Tensor

from hcl_sdk.functional.arrays import BAND
from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.photos.formats import list_lossless_suffixes
from hcl_sdk.photos.photo import Photo

OLD_PILLOW = int(PIL.__version__.partition(".")[0]) < 13
"""Pillow before version 13 writes YCbCr to TIFF files that it cannot read."""


def camera_exif(orientation: int = 1) -> Any:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Ada"
    exif[ExifTags.Base.Orientation] = orientation
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:01:02 03:04:05"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    return exif.tobytes()


def check_metadata(image: Any) -> None:
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
def test_profile_exif_and_resolution_go_from_format_to_format(tmp_path: Path, source: str, target: str) -> None:
    before, after = tmp_path / f"before{source}", tmp_path / f"after{target}"
    random_image("RGB", (6, 9)).save(before, exif=camera_exif(6), icc_profile=srgb_profile(), dpi=(200, 300))
    photo = Photo.open(before)
    check_metadata(photo.to_native())
    photo.save(after)
    with Image.open(after) as image:
        check_metadata(image)
        assert image.size == photo.size[::-1]
    Photo.open(after).save(after)
    with Image.open(after) as image:
        assert image.getexif()[ExifTags.Base.Artist] == "Ada"


@pytest.mark.parametrize("source", [".png", ".tif"])
@pytest.mark.parametrize("target", [".png", ".tif"])
def test_16_bit_color_keeps_profile_exif_and_resolution(tmp_path: Path, source: str, target: str) -> None:
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
    assert np.array_equal(Photo.open(tmp_path / f"again{target}").to_native(), deep.pixels)


def test_the_thumbnail_of_the_photo_before_is_not_kept(tmp_path: Path) -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 274, 3, 1, 1)
    thumbnail = b"\xff\xd8THUMBNAIL\xff\xd9"
    following = 8 + 2 + 12 + 4
    exif += struct.pack("<I", following)
    exif += struct.pack("<HHHIIHHIII", 2, 513, 4, 1, following + 30, 514, 4, 1, len(thumbnail), 0) + thumbnail
    random_image("RGB", (8, 8)).save(tmp_path / "camera.jpg", exif=exif)
    assert b"THUMBNAIL" in (tmp_path / "camera.jpg").read_bytes()
    Photo.open(tmp_path / "camera.jpg").save(tmp_path / "restored.jpg")
    assert b"THUMBNAIL" not in (tmp_path / "restored.jpg").read_bytes()


def test_damaged_exif_does_not_keep_a_photo_out(tmp_path: Path) -> None:
    image = random_image("RGB", (4, 4))
    for i, exif in enumerate([b"Exif\0\0garbage", b"Exif\0\0II*\0\x08\0\0\0\xff\xff", b"Exif\0\0"]):
        image.save(tmp_path / f"{i}.png", exif=exif)
        assert np.array_equal(Photo.open(tmp_path / f"{i}.png").to_native(), image)


@pytest.mark.parametrize("mode", PIL_MODES)
@given(shape=shapes, seed=seeds)
@settings(max_examples=3, deadline=None)
def test_the_lossless_suffix_is_lossless(
    tmp_path_factory: pytest.TempPathFactory, mode: Any, shape: Any, seed: Any
) -> None:
    image = random_image(mode, shape, seed)
    photo = Photo.open(image)
    path = tmp_path_factory.mktemp("saved") / f"photo{photo.lossless_suffix}"
    if mode == "YCbCr" and OLD_PILLOW:
        with pytest.raises(PhotoError, match=r"cannot write YCbCr as TIFF; YCbCr can be written as \.jpg, \.jpeg"):
            photo.save(path)
        return
    photo.save(path)
    again = Photo.open(path).to_native()
    written_as = {"HSV": "RGB", "RGBX": "RGB", "RGBa": "RGBA", "La": "LA"}.get(mode)
    expected = image.convert(written_as) if written_as else photo.to_native()
    assert np.array_equal(np.asarray(again), np.asarray(expected))


@pytest.mark.parametrize("mode", PIL_MODES)
@pytest.mark.parametrize("own", ["", ".jpg", ".png", ".TIF", ".tiff", ".bmp", ".Ppm", ".webp"])
def test_the_lossless_suffix_is_one_of_those_listed(mode: str, own: str) -> None:
    photo = dataclasses.replace(Photo.open(random_image(mode, (3, 4))), path=Path(f"photo{own}"))
    assert photo.lossless_suffix in list_lossless_suffixes(own)
    if mode == "RGB":
        assert photo.lossless_suffix == list_lossless_suffixes(own)[0]


def test_each_lossless_suffix_that_is_listed_occurs() -> None:
    for own in (".jpg", ".tif", ".bmp"):
        photos = [Photo.open(random_image(mode, (3, 4))) for mode in ("RGB", "RGBA", "CMYK")]
        suffixes = [dataclasses.replace(photo, path=Path(f"photo{own}")).lossless_suffix for photo in photos]
        assert tuple(dict.fromkeys(suffixes)) == list_lossless_suffixes(own)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".TIF", ".webp", ".avif", ".jp2", ".bmp", ".ppm"])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "RGBa", "I;16", "CMYK", "HSV", "deep"])
def test_a_photo_is_encoded_as_it_would_be_saved(tmp_path: Path, mode: str, suffix: str) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (40, 30, 3), dtype=np.uint16)
    photo = Photo.open(deep if mode == "deep" else random_image(mode, (40, 30)))
    file = tmp_path / f"a{suffix}"
    try:
        photo.save(file)
    except PhotoError as error:
        refusal = str(error).removeprefix(f"{file}: ")
        with pytest.raises(PhotoError, match=f"^{re.escape(refusal)}$"):
            photo.encode(suffix)
    else:
        assert photo.encode(suffix) == file.read_bytes()


def test_large_photos_and_options_are_encoded_as_they_would_be_saved(tmp_path: Path) -> None:
    photo = Photo.open(np.random.default_rng(0).integers(0, 256, (BAND // 100, 101, 3), dtype=np.uint8))
    photo.save(tmp_path / "a.png")
    assert photo.encode(".png") == (tmp_path / "a.png").read_bytes()
    photo.save(tmp_path / "a.jpg", quality=30)
    assert photo.encode(".jpg", quality=30) == (tmp_path / "a.jpg").read_bytes()
    assert len(photo.encode(".jpg", quality=30)) < len(photo.encode(".jpg"))


def test_unencodable_photos_are_explained() -> None:
    photo = Photo.open(random_image("RGB", (3, 4)))
    for suffix in ("", "png", ".xyz"):
        with pytest.raises(PhotoError, match=f"^cannot write a file with the suffix '{suffix}'; RGB can be written as"):
            photo.encode(suffix)
    with pytest.raises(PhotoError, match=r"^it cannot be written as JPEG: "):
        photo.encode(".jpg", subsampling="none")


@pytest.mark.parametrize(("mode", "suffix"), [("RGB", ".webp"), ("RGBA", ".webp"), ("L", ".bmp"), ("RGB", ".jp2")])
def test_other_lossless_formats(tmp_path: Path, mode: str, suffix: str) -> None:
    image = random_image(mode, (7, 5))
    Photo.open(image).save(tmp_path / f"a{suffix}")
    assert np.array_equal(Photo.open(tmp_path / f"a{suffix}").to_native(), image)


def test_cmyk_jpegs_keep_their_polarity(tmp_path: Path) -> None:
    image = Image.new("CMYK", (32, 16), (255, 0, 0, 0))
    image.save(tmp_path / "cyan.jpg", quality=100)
    photo = Photo.open(tmp_path / "cyan.jpg")
    torch.testing.assert_close(photo.rgb[0, :, 4, 4], torch.tensor([0.0, 1.0, 1.0]), atol=0.02, rtol=0)
    photo.save(tmp_path / "again.jpg")
    difference = ImageChops.difference(Photo.open(tmp_path / "again.jpg").to_native(), image)
    assert max(high for _, high in difference.getextrema()) <= 3


def test_jpegs_are_written_well_unless_asked_otherwise(tmp_path: Path) -> None:
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
def test_unsupported_contents_of_a_format_are_refused(tmp_path: Path, source: Any, suffix: str, said: str) -> None:
    with pytest.raises(PhotoError, match=said):
        Photo.open(source).save(tmp_path / f"photo{suffix}")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("source", [np.full((3, 4, 3), 0.5, np.float32), torch.full((3, 3, 4), 0.5)])
def test_floating_point_arrays_are_written_with_8_bits(tmp_path: Path, source: NDArray[Any] | Tensor) -> None:
    Photo.open(source).save(tmp_path / "float.png")
    with Image.open(tmp_path / "float.png") as image:
        assert image.mode == "RGB"
        assert set(np.asarray(image).flat) == {128}


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
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


def test_saving_through_a_link_writes_the_file_behind_it(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(b"old")
    (tmp_path / "link.png").symlink_to(tmp_path / "real.png")
    Photo.open(random_image("L", (3, 3))).save(tmp_path / "link.png")
    assert (tmp_path / "link.png").is_symlink()
    assert Photo.open(tmp_path / "real.png").size == (3, 3)


@pytest.mark.parametrize("size", [(60, 80), (1100, 1000)])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_mask_is_written_in_black_and_white(size: tuple[int, int], suffix: str, tmp_path: Path) -> None:
    mask = np.random.default_rng(0).random(size) < 0.3
    Photo.from_mask(mask).save(tmp_path / f"mask.{suffix}")
    with Image.open(tmp_path / f"mask.{suffix}") as read:
        assert read.mode == "L"
        assert np.array_equal(np.array(read), mask * np.uint8(255))


def test_a_name_may_be_as_long_as_the_system_takes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = Photo.open(random_image("RGB", (4, 6)))
    longest = os.pathconf(tmp_path, "PC_NAME_MAX")
    file = tmp_path / f"{'x' * (longest - 4)}.png"
    for nameless in (True, False):
        if not nameless:
            monkeypatch.setattr("hcl_sdk.files._writing._open_nameless", lambda _: None)
        photo.save(file)
        with pytest.raises(PhotoError, match=r"y\.png: cannot be written: File name too long$"):
            photo.save(tmp_path / f"{'y' * longest}.png")
    assert list(tmp_path.iterdir()) == [file]


def test_a_tiff_without_resolution_has_none(tmp_path: Path) -> None:
    random_image("RGB", (4, 6)).save(tmp_path / "a.tif")
    photo = Photo.open(tmp_path / "a.tif")
    assert photo.dpi is None
    photo.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert "dpi" not in image.info
