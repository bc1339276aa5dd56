"""What the runner computes in numpy, compared with what hcl_sdk computes in PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hcl_onnx import arrays
from hcl_onnx.picture import Picture, PictureError
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hcl_sdk.functional.compositing import feathered_alpha
from hcl_sdk.functional.masks import pool_mask, shrink_mask
from hcl_sdk.functional.resize import resize, shrink
from hcl_sdk.photos.photo import Photo

sides = st.integers(1, 40)
quick = settings(max_examples=40, deadline=None)


# Not of one column: there PyTorch 2.13 gives every row the value of the first.
@given(seed=st.integers(0, 99), height=sides, width=st.integers(2, 40), to_height=sides, to_width=st.integers(2, 40))
@quick
def test_shrinking_is_pytorchs_with_antialiasing(seed, height, width, to_height, to_width):
    image = np.random.default_rng(seed).random((2, 3, height, width), dtype=np.float32)
    size = min(height, to_height), min(width, to_width)
    expected = shrink(torch.from_numpy(image), size).numpy()
    np.testing.assert_allclose(arrays.shrink(image, size), expected, atol=1e-5)


@given(seed=st.integers(0, 99), height=sides, width=sides, to_height=sides, to_width=sides)
@quick
def test_enlarging_is_pytorchs_bilinear(seed, height, width, to_height, to_width):
    image = np.random.default_rng(seed).random((1, 2, height, width), dtype=np.float32)
    size = max(height, to_height), max(width, to_width)
    expected = resize(torch.from_numpy(image), size, "bilinear").numpy()
    np.testing.assert_allclose(arrays.enlarge(image, size), expected, atol=1e-5)


@given(seed=st.integers(0, 99), height=sides, width=sides, stride=st.integers(1, 7), share=st.floats(0, 1))
@quick
def test_masks_are_pooled_as_pytorch_does(seed, height, width, stride, share):
    mask = np.random.default_rng(seed).random((2, 1, height, width)) < share**3
    assert (arrays.pool_mask(mask, stride) == pool_mask(torch.from_numpy(mask), stride).numpy()).all()
    size = max(1, height // stride), max(1, width - stride)
    assert (arrays.shrink_mask(mask, size) == shrink_mask(torch.from_numpy(mask), size).numpy()).all()


@given(
    seed=st.integers(0, 99),
    height=sides,
    width=sides,
    dilate=st.sampled_from([0, 1, 2.5, 7]),
    feather=st.sampled_from([0, 1, 3.5]),
)
@quick
def test_alpha_is_the_same_to_the_bit(seed, height, width, dilate, feather):
    mask = np.random.default_rng(seed).random((height, width)) < 0.02
    expected = feathered_alpha(torch.from_numpy(mask)[None, None], dilate, feather)[0, 0].numpy()
    assert (arrays.feathered_alpha(mask, dilate, feather) == expected).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(9, 12), (9, 12, 1), (9, 12, 2), (9, 12, 3), (9, 12, 4), (1, 1, 3)])
def test_compositing_is_that_of_hcl_sdk(dtype, shape):
    rng = np.random.default_rng(1)
    photo = rng.random(shape).astype(np.float32)
    if dtype != np.float32:
        photo = (photo * np.iinfo(dtype).max).astype(dtype)
    fill = rng.random((1, 3, *shape[:2]), dtype=np.float32)
    alpha = (rng.random(shape[:2], dtype=np.float32) - 0.4).clip(0, 1)
    ours = Picture.open(photo).composite(fill, alpha).native
    expected = Photo.open(photo).composite(torch.from_numpy(fill), torch.from_numpy(alpha)[None, None]).native()
    assert ours.dtype == dtype
    np.testing.assert_allclose(ours.astype(float), expected.astype(float), atol=1 if dtype != np.float32 else 1e-6)
    assert (ours[alpha == 0] == photo[alpha == 0]).all()


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1", "I;16"])
def test_files_of_these_modes_are_read_as_hcl_sdk_reads_them(mode, tmp_path):
    values = np.random.default_rng(2).integers(0, 256, (7, 11, 3), dtype=np.uint8)
    image = Image.fromarray(values)
    image = Image.fromarray(values[..., 0].astype(np.uint16) * 200) if mode == "I;16" else image.convert(mode)
    image.save(tmp_path / "photo.png")
    assert (Picture.open(tmp_path / "photo.png").pixels == Photo.open(tmp_path / "photo.png").pixels).all()
    picture = Picture.open(tmp_path / "photo.png")
    picture.save(tmp_path / "again.png")
    assert (Photo.open(tmp_path / "again.png").pixels == picture.pixels).all()


def test_the_orientation_is_applied_and_the_profile_kept(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(np.zeros((4, 9, 3), np.uint8))
    image.save(tmp_path / "photo.jpg", exif=exif, icc_profile=b"profile", dpi=(72, 72))
    picture = Picture.open(tmp_path / "photo.jpg")
    assert picture.size == (9, 4)
    picture.save(tmp_path / "again.png")
    with Image.open(tmp_path / "again.png") as again:
        assert again.info["icc_profile"] == b"profile"
        assert again.getexif().get(0x0112, 1) == 1


def test_what_cannot_be_read_is_refused_with_the_reason(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    deep = np.zeros((3, 4, 3), np.uint16)
    Photo.open(deep).save(tmp_path / "deep.png")
    for source, message in (
        (tmp_path / "none.png", "no such file"),
        (tmp_path / "broken.png", "cannot identify"),
        (tmp_path / "deep.png", "16 bits a channel"),
        (np.zeros((2, 2, 5), np.uint8), "C = 1, 2, 3 or 4"),
        (np.zeros((0, 2), np.uint8), "an array must be"),
        (np.full((2, 2), 1.5), r"in \[0, 1\]; got 1.5"),
        (np.zeros((2, 2), np.int32), "got int32"),
    ):
        with pytest.raises(PictureError, match=message):
            Picture.open(source)
    with pytest.raises(TypeError, match="got NoneType"):
        Picture.open(None)  # type: ignore[arg-type]
    with pytest.raises(PictureError, match="lossless"):
        Picture.open(np.zeros((2, 2), np.uint8)).save(tmp_path / "photo.jpg")
