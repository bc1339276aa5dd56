"""The files of a result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from results import draw_noise, draw_two_boxes, read_pixels

from hcl_sdk import Pipeline
from hcl_sdk.photos.photo import Photo


def test_files_are_named_after_the_photo_and_lossless(restorer: Pipeline, tmp_path: Path) -> None:
    Image.fromarray(draw_noise()).save(tmp_path / "my.holiday.jpg", quality=50)
    result = restorer.restore(tmp_path / "my.holiday.jpg", corruption_mask=draw_two_boxes())
    paths = result.save(tmp_path / "new" / "out")
    assert paths == {
        "mask": tmp_path / "new/out/my.holiday_mask.png",
        "restored": tmp_path / "new/out/my.holiday_restored.png",
    }
    before, after = read_pixels(tmp_path / "my.holiday.jpg"), read_pixels(paths["restored"])
    assert np.array_equal(before[~draw_two_boxes()], after[~draw_two_boxes()])
    assert not np.array_equal(before, after)
    assert np.array_equal(read_pixels(paths["mask"]) == 255, draw_two_boxes())


@pytest.mark.parametrize("suffix", ["jpg", ".JPG", "webp"])
def test_another_format_on_request(restorer: Pipeline, tmp_path: Path, suffix: str) -> None:
    paths = restorer.restore(draw_noise(), corruption_mask=draw_two_boxes()).save(tmp_path, format=suffix)
    assert paths["restored"].name == f"photo_restored.{suffix.lower().lstrip('.')}"
    with Image.open(paths["restored"]) as written:
        assert written.size == (60, 40)


def test_a_name_for_the_files_of_photos_that_have_none(restorer: Pipeline, tmp_path: Path) -> None:
    result = restorer.restore(draw_noise(), corruption_mask=draw_two_boxes())
    for name in ("first", "second.one"):
        paths = result.save(tmp_path, name=name)
        assert paths == {
            "mask": tmp_path / f"{name}_mask.png",
            "restored": tmp_path / f"{name}_restored.png",
        }
    assert len(list(tmp_path.iterdir())) == 4
    for wrong in ("", "a/b", "/"):
        with pytest.raises(ValueError, match="name must be a file name"):
            result.save(tmp_path, name=wrong)


def test_neither_the_photo_nor_the_mask_is_overwritten(restorer: Pipeline, tmp_path: Path) -> None:
    Image.fromarray(draw_noise()).save(tmp_path / "a.png")
    Image.fromarray(draw_two_boxes()).convert("L").save(tmp_path / "a_mask.png")
    result = restorer.restore(tmp_path / "a.png", corruption_mask=str(tmp_path / "a_mask.png"))
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}

    def assert_refused(directory: Path, message: str, **options: str) -> None:
        with pytest.raises(FileExistsError, match=message):
            result.save(directory, **options)  # pyright: ignore[reportArgumentType]
        assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before

    assert_refused(tmp_path, "a_mask.png is the mask that was passed in")
    (tmp_path / "link_restored.png").symlink_to(tmp_path / "a.png")
    before[tmp_path / "link_restored.png"] = before[tmp_path / "a.png"]
    assert_refused(tmp_path, "link_restored.png is the photo itself", name="link")
    paths = result.save(tmp_path / "out")
    assert np.array_equal(read_pixels(paths["mask"]) == 255, draw_two_boxes())
    assert result.save(tmp_path / "out") == paths  # results of an earlier run are overwritten


def test_nothing_is_written_in_a_format_that_cannot_hold_the_photo(restorer: Pipeline, tmp_path: Path) -> None:
    result = restorer.restore(Image.fromarray(draw_noise()).convert("RGBA"), corruption_mask=draw_two_boxes())
    with pytest.raises(ValueError, match="RGBA as JPEG"):
        result.save(tmp_path / "out", format="jpg")
    assert list(tmp_path.iterdir()) == []


def test_color_of_16_bits_comes_back_as_an_array_and_is_saved_as_it_is(restorer: Pipeline, tmp_path: Path) -> None:
    deep = draw_noise().astype(np.uint16) * 257 + 3
    Photo.open(deep).save(tmp_path / "deep.png")
    result = restorer.restore(tmp_path / "deep.png", corruption_mask=draw_two_boxes())
    assert isinstance(result.restored, np.ndarray)
    assert result.restored.dtype == np.uint16
    again = Photo.open(result.save(tmp_path / "out")["restored"])
    assert np.array_equal(again.pixels, result.restored)
    assert np.array_equal(again.pixels[~draw_two_boxes()], deep[~draw_two_boxes()])


def test_cmyk_is_written_as_tiff(restorer: Pipeline, tmp_path: Path) -> None:
    source = Image.fromarray(draw_noise()).convert("CMYK")
    paths = restorer.restore(source, corruption_mask=draw_two_boxes()).save(tmp_path)
    assert paths["restored"].name == "photo_restored.tiff"
    with Image.open(paths["restored"]) as written:
        assert written.mode == "CMYK"
    assert np.array_equal(read_pixels(paths["restored"])[~draw_two_boxes()], np.asarray(source)[~draw_two_boxes()])


def test_a_detection_alone_has_no_restored_photo(tiny_pipeline: Pipeline, tmp_path: Path) -> None:
    result = tiny_pipeline.detect(draw_noise())
    assert result.alpha is None
    assert result.raw is None
    with pytest.raises(ValueError, match="from detection only"):
        result.restored  # noqa: B018
    assert list(result.save(tmp_path)) == ["mask"]
    assert [p.name for p in tmp_path.iterdir()] == ["photo_mask.png"]


def test_a_folder_is_not_named_like_a_photo(restorer: Pipeline, tmp_path: Path) -> None:
    result = restorer.restore(draw_noise(), corruption_mask=draw_two_boxes())
    with pytest.raises(ValueError, match=r"restored\.png is named like a photo.*result\.composited\.save\(file\)"):
        result.save(tmp_path / "restored.png")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "there.png").mkdir()
    assert result.save(tmp_path / "there.png")["mask"].is_file()
