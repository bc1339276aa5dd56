"""Results as plots, and in notebooks."""

from __future__ import annotations

import base64
import dataclasses
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from results import draw_noise, draw_two_boxes

from hcl_sdk import Pipeline, Result


def count_panels(result: Result) -> int:
    """How many images the sheet shows side by side: runs of columns that are not white all the way down."""
    sheet = np.asarray(result.plot(height=96).convert("RGB"))
    below_captions = sheet[sheet.shape[0] // 2 :]
    filled = (below_captions != 255).any(axis=(0, 2)).astype(int)
    return int((np.diff(filled, prepend=0) == 1).sum())


def test_the_plot_shows_the_available_parts(tiny_pipeline: Pipeline) -> None:
    dark = draw_noise() // 2
    assert count_panels(tiny_pipeline(dark, sensitivity=0)) == 4
    assert count_panels(tiny_pipeline.detect(dark, sensitivity=0)) == 3


def read_shown(html: str) -> dict[str, Image.Image]:
    """The images of a page in HTML, by what they are called."""
    found = re.findall(r'<img alt="(\w+)"[^>]* src="data:image/(\w+);base64,([^"]+)"', html)
    return {name: Image.open(io.BytesIO(base64.b64decode(data)), formats=[kind.upper()]) for name, kind, data in found}


def test_a_notebook_shows_images_and_numbers(restorer: Pipeline, tmp_path: Path) -> None:
    Image.fromarray(draw_noise()).save(tmp_path / "a<b>&c.png")
    result = restorer.restore(tmp_path / "a<b>&c.png", corruption_mask=draw_two_boxes())
    html = result._repr_html_()
    images = read_shown(html)
    assert list(images) == ["input", "confidence", "mask", "restored"]
    assert np.array_equal(np.asarray(images["mask"].convert("L")) == 255, draw_two_boxes())
    assert np.abs(np.asarray(images["input"]).mean((0, 1)) - draw_noise().mean((0, 1))).max() < 4
    ElementTree.fromstring(html.replace("&times;", "x"))  # is well-formed, whatever the file is called
    assert "a&lt;b&gt;&amp;c.png, 60 &times; 40: 2 regions, 8.8% of the pixels" in html
    assert re.findall(r"<tr>((?:<td>[^<]*</td>)+)", html)[1] == "".join(
        f"<td>{cell}</td>" for cell in (50, 30, 3, 4, "0.50%", "1.00")
    )
    nothing = restorer.restore(draw_noise(), corruption_mask=draw_two_boxes() & False)
    assert list(read_shown(nothing._repr_html_())) == list(images)


def test_the_table_of_a_notebook_has_kinds_if_regions_have(restorer: Pipeline) -> None:
    result = restorer.restore(draw_noise(), corruption_mask=draw_two_boxes())
    assert "<th>kind</th>" not in result._repr_html_()
    large, small = result.regions
    kinds = {"scratch": 0.7, "text": 0.3}
    result.__dict__["regions"] = [dataclasses.replace(large, kinds=kinds), small]
    html = result._repr_html_()
    assert re.findall(r"<th>([^<]*)</th>", html)[-2:] == ["confidence", "kind"]
    rows = [re.findall(r"<td>([^<]*)</td>", row) for row in re.findall(r"<tr>(<td>.*?)</tr>", html)]
    assert [row[6:] for row in rows] == [["scratch"], [""]]


def test_a_notebook_stays_small(restorer: Pipeline) -> None:
    result = restorer.restore(draw_noise(900, 1200), corruption_mask=draw_two_boxes(900, 1200))
    html = result._repr_html_()
    assert all(max(image.size) == 320 for image in read_shown(html).values())
    assert len(html) < 500_000


def test_a_notebook_without_html_shows_the_plot(tiny_pipeline: Pipeline) -> None:
    result = tiny_pipeline.detect(draw_noise() // 2, sensitivity=0)
    with Image.open(io.BytesIO(result._repr_png_()), formats=["PNG"]) as image:
        assert np.array_equal(np.asarray(image), np.asarray(result.plot(height=256)))


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (500, 3), (17, 33)])
def test_a_photo_of_any_shape_can_be_plotted(restorer: Pipeline, size: tuple[int, int]) -> None:
    result = restorer.restore(draw_noise(*size), corruption_mask=np.ones(size, bool))
    assert result._repr_html_()
    sheet = result.plot(height=64)
    assert sheet.mode == "RGB"
    assert sheet.height >= 64
    assert sheet.width < 5000
