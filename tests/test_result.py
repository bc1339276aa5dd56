from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image

from hcl_sdk import GatedUNet, Pipeline, Result
from hcl_sdk.photos.photo import Photo


@pytest.fixture(scope="module")
def restorer() -> Pipeline:
    torch.manual_seed(0)
    return Pipeline(restorer=GatedUNet(dim=2, multipliers=(1,)), device="cpu")


def two_boxes(height: int = 40, width: int = 60) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[4:14, 5:25] = True
    mask[30:34, 50:53] = True
    return mask


def photo(height: int = 40, width: int = 60) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_the_mask_is_an_image_with_white_for_corrupted(restorer: Pipeline) -> None:
    result = restorer.restore(photo(), corruption_mask=two_boxes())
    assert result.mask.mode == "L"
    assert np.array_equal(np.asarray(result.mask), two_boxes() * np.uint8(255))


def test_regions_are_listed_and_written_as_coco(restorer: Pipeline) -> None:
    result = restorer.restore(photo(), corruption_mask=two_boxes())
    assert [r.box for r in result.regions] == [(5, 4, 20, 10), (50, 30, 3, 4)]
    assert [r.area for r in result.regions] == [200, 12]
    assert [r.confidence for r in result.regions] == [1.0, 1.0]
    coco = json.loads(json.dumps(result.to_coco()))
    assert [(image["file_name"], image["height"], image["width"]) for image in coco["images"]] == [
        ("photo.png", 40, 60)
    ]
    assert [a["bbox"] for a in coco["annotations"]] == [[5, 4, 20, 10], [50, 30, 3, 4]]


def test_files_are_named_after_the_photo_and_lossless(restorer: Pipeline, tmp_path: Path) -> None:
    Image.fromarray(photo()).save(tmp_path / "my.holiday.jpg", quality=50)
    result = restorer.restore(tmp_path / "my.holiday.jpg", corruption_mask=two_boxes())
    paths = result.save(tmp_path / "new" / "out")
    assert paths == {
        "mask": tmp_path / "new/out/my.holiday_mask.png",
        "restored": tmp_path / "new/out/my.holiday_restored.png",
    }
    before, after = read(tmp_path / "my.holiday.jpg"), read(paths["restored"])
    assert np.array_equal(before[~two_boxes()], after[~two_boxes()])
    assert not np.array_equal(before, after)
    assert np.array_equal(read(paths["mask"]) == 255, two_boxes())


@pytest.mark.parametrize("suffix", ["jpg", ".JPG", "webp"])
def test_another_format_on_request(restorer: Pipeline, tmp_path: Path, suffix: str) -> None:
    paths = restorer.restore(photo(), corruption_mask=two_boxes()).save(tmp_path, format=suffix)
    assert paths["restored"].name == f"photo_restored.{suffix.lower().lstrip('.')}"
    with Image.open(paths["restored"]) as written:
        assert written.size == (60, 40)


def test_a_name_for_the_files_of_photos_that_have_none(restorer: Pipeline, tmp_path: Path) -> None:
    result = restorer.restore(photo(), corruption_mask=two_boxes())
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
    Image.fromarray(photo()).save(tmp_path / "a.png")
    Image.fromarray(two_boxes()).convert("L").save(tmp_path / "a_mask.png")
    result = restorer.restore(tmp_path / "a.png", corruption_mask=str(tmp_path / "a_mask.png"))
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}

    def refused(directory: Path, message: str, **options: str) -> None:
        with pytest.raises(FileExistsError, match=message):
            result.save(directory, **options)  # pyright: ignore[reportArgumentType]
        assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before

    refused(tmp_path, "a_mask.png is the mask that was passed in")
    (tmp_path / "link_restored.png").symlink_to(tmp_path / "a.png")
    before[tmp_path / "link_restored.png"] = before[tmp_path / "a.png"]
    refused(tmp_path, "link_restored.png is the photo itself", name="link")
    paths = result.save(tmp_path / "out")
    assert np.array_equal(read(paths["mask"]) == 255, two_boxes())
    assert result.save(tmp_path / "out") == paths  # results of an earlier run are overwritten


def test_nothing_is_written_in_a_format_that_cannot_hold_the_photo(restorer: Pipeline, tmp_path: Path) -> None:
    result = restorer.restore(Image.fromarray(photo()).convert("RGBA"), corruption_mask=two_boxes())
    with pytest.raises(ValueError, match="RGBA as JPEG"):
        result.save(tmp_path / "out", format="jpg")
    assert list(tmp_path.iterdir()) == []


def test_color_of_16_bits_comes_back_as_an_array_and_is_saved_as_it_is(restorer: Pipeline, tmp_path: Path) -> None:
    deep = photo().astype(np.uint16) * 257 + 3
    Photo.open(deep).save(tmp_path / "deep.png")
    result = restorer.restore(tmp_path / "deep.png", corruption_mask=two_boxes())
    assert isinstance(result.restored, np.ndarray)
    assert result.restored.dtype == np.uint16
    again = Photo.open(result.save(tmp_path / "out")["restored"])
    assert np.array_equal(again.pixels, result.restored)
    assert np.array_equal(again.pixels[~two_boxes()], deep[~two_boxes()])


def test_cmyk_is_written_as_tiff(restorer: Pipeline, tmp_path: Path) -> None:
    source = Image.fromarray(photo()).convert("CMYK")
    paths = restorer.restore(source, corruption_mask=two_boxes()).save(tmp_path)
    assert paths["restored"].name == "photo_restored.tiff"
    with Image.open(paths["restored"]) as written:
        assert written.mode == "CMYK"
    assert np.array_equal(read(paths["restored"])[~two_boxes()], np.asarray(source)[~two_boxes()])


def test_a_detection_alone_has_no_restored_photo(tiny_pipeline: Pipeline, tmp_path: Path) -> None:
    result = tiny_pipeline.detect(photo())
    assert result.alpha is None
    assert result.raw is None
    with pytest.raises(ValueError, match="from detection only"):
        result.restored  # noqa: B018
    assert list(result.save(tmp_path)) == ["mask"]
    assert [p.name for p in tmp_path.iterdir()] == ["photo_mask.png"]


def panels(result: Result) -> int:
    """How many images the sheet shows side by side: runs of columns that are not white all the way down."""
    sheet = np.asarray(result.plot(height=96).convert("RGB"))
    below_captions = sheet[sheet.shape[0] // 2 :]
    filled = (below_captions != 255).any(axis=(0, 2)).astype(int)
    return int((np.diff(filled, prepend=0) == 1).sum())


def test_the_plot_shows_what_there_is(tiny_pipeline: Pipeline) -> None:
    dark = photo() // 2
    assert panels(tiny_pipeline(dark, sensitivity=0)) == 4
    assert panels(tiny_pipeline.detect(dark, sensitivity=0)) == 3


def shown(html: str) -> dict[str, Image.Image]:
    """The images of a page in HTML, by what they are called."""
    found = re.findall(r'<img alt="(\w+)"[^>]* src="data:image/(\w+);base64,([^"]+)"', html)
    return {name: Image.open(io.BytesIO(base64.b64decode(data)), formats=[kind.upper()]) for name, kind, data in found}


def test_a_notebook_shows_images_and_numbers(restorer: Pipeline, tmp_path: Path) -> None:
    Image.fromarray(photo()).save(tmp_path / "a<b>&c.png")
    result = restorer.restore(tmp_path / "a<b>&c.png", corruption_mask=two_boxes())
    html = result._repr_html_()
    images = shown(html)
    assert list(images) == ["input", "confidence", "mask", "restored"]
    assert np.array_equal(np.asarray(images["mask"].convert("L")) == 255, two_boxes())
    assert np.abs(np.asarray(images["input"]).mean((0, 1)) - photo().mean((0, 1))).max() < 4
    ElementTree.fromstring(html.replace("&times;", "x"))  # is well-formed, whatever the file is called
    assert "a&lt;b&gt;&amp;c.png, 60 &times; 40: 2 regions, 8.8% of the pixels" in html
    assert re.findall(r"<tr>((?:<td>[^<]*</td>)+)", html)[1] == "".join(
        f"<td>{cell}</td>" for cell in (50, 30, 3, 4, "0.50%", "1.00")
    )
    assert list(shown(restorer.restore(photo(), corruption_mask=two_boxes() & False)._repr_html_())) == list(images)


def test_a_notebook_stays_small(restorer: Pipeline) -> None:
    result = restorer.restore(photo(900, 1200), corruption_mask=two_boxes(900, 1200))
    html = result._repr_html_()
    assert all(max(image.size) == 320 for image in shown(html).values())
    assert len(html) < 500_000


def test_where_there_is_no_html_a_notebook_shows_the_plot(tiny_pipeline: Pipeline) -> None:
    result = tiny_pipeline.detect(photo() // 2, sensitivity=0)
    with Image.open(io.BytesIO(result._repr_png_()), formats=["PNG"]) as image:
        assert np.array_equal(np.asarray(image), np.asarray(result.plot(height=256)))


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (500, 3), (17, 33)])
def test_a_photo_of_any_shape_can_be_plotted(restorer: Pipeline, size: tuple[int, int]) -> None:
    result = restorer.restore(photo(*size), corruption_mask=np.ones(size, bool))
    assert result._repr_html_()
    sheet = result.plot(height=64)
    assert sheet.mode == "RGB"
    assert sheet.height >= 64
    assert sheet.width < 5000


def test_an_edited_mask_keeps_the_confidence_of_the_detection(tiny_pipeline: Pipeline) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    found = tiny_pipeline.detect(photo)
    mask = np.zeros((20, 30), bool)
    mask[3:8, 4:9] = True
    edited = tiny_pipeline.restore(photo, corruption_mask=mask)
    kept = edited.with_confidence(found.confidence)
    assert torch.equal(kept.confidence, found.confidence)
    assert torch.equal(kept.corruption_mask, edited.corruption_mask)
    assert np.array_equal(kept.restored, edited.restored)
    with pytest.raises(ValueError, match=r"expected a confidence \[1, 1, 20, 30\]; got \[1, 1, 30, 20\]"):
        edited.with_confidence(found.confidence.transpose(2, 3))
