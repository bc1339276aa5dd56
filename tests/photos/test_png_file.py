"""PNG files that are written band by band are those that every reader understands."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import png
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from random_images import srgb_profile

from hcl_sdk.functional.arrays import BAND
from hcl_sdk.photos import png_file
from hcl_sdk.photos.photo import Photo


def make_values(kind: str, shape: tuple[int, int, int], dtype: str, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, np.iinfo(dtype).max + 1, shape)
    if kind == "smooth":
        values = np.add.outer(np.arange(shape[0]), np.arange(shape[1]))[..., None] * 3 + np.arange(shape[2])
    elif kind == "flat":
        values = np.broadcast_to(values[:1, :1], shape)
    return values.astype(dtype)


@given(
    st.sampled_from(["noise", "smooth", "flat"]),
    st.tuples(st.integers(1, 30), st.integers(1, 30), st.integers(1, 4)),
    st.sampled_from(["uint8", "uint16"]),
    st.integers(1, 5),
)
def test_other_readers_find_the_values(kind: str, shape: tuple[int, int, int], dtype: str, rows: int) -> None:
    values, file = make_values(kind, shape, dtype), io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(png_file, "cut_bands", lambda h, w: [slice(y, min(h, y + rows)) for y in range(0, h, rows)])
        png_file.write_png(file, values, icc_profile=None, exif=None, dpi=None)
    width, height, lines, _ = png.Reader(bytes=file.getvalue()).read()
    assert np.array_equal(np.array([list(line) for line in lines]).reshape(height, width, -1), values)
    if dtype == "uint8":
        assert np.array_equal(np.asarray(Image.open(file)).reshape(shape), values)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_a_large_photo_is_saved_with_all_that_it_has(mode: str, tmp_path: Path) -> None:
    values = make_values("smooth", (1100, 1000, len(mode)), "uint8")
    assert values.shape[0] * values.shape[1] > BAND
    exif = Image.Exif()
    exif[315] = "Ada"
    profile = None if mode in ("L", "LA") else srgb_profile()
    image = Image.fromarray(values.squeeze())
    image.save(tmp_path / "in.png", icc_profile=profile, exif=exif.tobytes(), dpi=(300, 150))
    photo = Photo.open(tmp_path / "in.png")
    assert photo.mode == mode
    photo.save(tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as saved:
        assert saved.mode == mode
        assert np.array_equal(np.asarray(saved), values.squeeze())
        assert saved.info.get("icc_profile") == profile
        assert saved.getexif()[315] == "Ada"
        assert saved.info["dpi"] == pytest.approx((300, 150), abs=0.02)
    again = Photo.open(tmp_path / "out.png")
    assert np.array_equal(again.pixels, photo.pixels)


def test_smooth_photos_become_small_files() -> None:
    """Of the filters, that is: without them nothing would be gained here."""
    file = io.BytesIO()
    values = make_values("smooth", (300, 300, 3), "uint8")
    png_file.write_png(file, values, icc_profile=None, exif=None, dpi=None)
    assert len(file.getvalue()) < values.size / 50
