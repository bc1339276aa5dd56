from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from photo_files import HEIGHT, WIDTH, draw, draw_mask, files, pixels
from PIL import Image

from hcl_sdk import Pipeline
from hcl_sdk.cli import main
from hcl_sdk.photos.formats import FORMATS
from hcl_sdk.photos.read import decode_file


def test_detect_writes_the_mask_that_the_pipeline_finds(hcl: Callable[..., Result], pipeline: Pipeline) -> None:
    draw("a.png")
    hcl("detect", "a.png", "-o", "out")
    assert files("out") == {"a_mask.png"}
    mask = pixels("out/a_mask.png")
    expected = pipeline.detect("a.png").corruption_mask[0, 0].numpy()
    assert 0 < expected.mean() < 1
    np.testing.assert_array_equal(mask, np.where(expected, 255, 0))


def test_restore_writes_what_the_pipeline_restores_and_keeps_the_rest(
    hcl: Callable[..., Result], pipeline: Pipeline
) -> None:
    draw("a.png")
    hcl("restore", "a.png")
    assert files("hcl_output") == {"a_mask.png", "a_restored.png"}
    restored, mask = pixels("hcl_output/a_restored.png"), pixels("hcl_output/a_mask.png") == 255
    np.testing.assert_array_equal(restored, np.asarray(pipeline("a.png").restored))
    np.testing.assert_array_equal(restored[~mask], pixels("a.png")[~mask])
    assert (restored[mask] != pixels("a.png")[mask]).any()


@pytest.mark.parametrize(("sensitivity", "share"), [("1", 1.0), ("0", 0.0)])
def test_the_sensitivity_moves_the_mask(hcl: Callable[..., Result], sensitivity: str, share: float) -> None:
    draw("a.png")
    hcl("restore", "a.png", "--sensitivity", sensitivity)
    assert (pixels("hcl_output/a_mask.png") == 255).mean() == share
    unchanged = np.array_equal(pixels("hcl_output/a_restored.png"), pixels("a.png"))
    assert unchanged == (share == 0)


def test_the_detection_size_is_the_pipelines(hcl: Callable[..., Result], weights: Path) -> None:
    draw("a.png")
    hcl("restore", "a.png", "--detection-size", 11, "-o", "small")
    hcl("detect", "a.png", "--detection-size", 11, "-o", "small-too")
    hcl("detect", "a.png", "--detection-size", 4000, "-o", "large")
    pipeline = Pipeline.from_pretrained(weights, device="cpu")
    native = pipeline.detect("a.png").corruption_mask[0, 0].numpy()
    pipeline.detection_size = 11
    small = pipeline.detect("a.png").corruption_mask[0, 0].numpy()
    assert (small != native).any()
    np.testing.assert_array_equal(pixels("small/a_mask.png") == 255, small)
    np.testing.assert_array_equal(pixels("small-too/a_mask.png") == 255, small)
    np.testing.assert_array_equal(pixels("large/a_mask.png") == 255, native)


def test_dilation_and_feather_are_the_pipelines(hcl: Callable[..., Result], pipeline: Pipeline) -> None:
    draw("a.png")
    draw_mask("m.png")
    hcl("restore", "a.png", "--mask", "m.png", "--dilate", 2, "--feather", 3)
    expected = pipeline.restore("a.png", corruption_mask="m.png", dilate=2.0, feather=3.0)
    np.testing.assert_array_equal(pixels("hcl_output/a_restored.png"), np.asarray(expected.restored))


def test_plot_writes_a_comparison(hcl: Callable[..., Result]) -> None:
    draw("a.png")
    hcl("restore", "a.png", "--plot")
    assert files("hcl_output") == {"a_mask.png", "a_restored.png", "a_plot.png"}
    assert pixels("hcl_output/a_plot.png").shape[1] > 4 * WIDTH


@pytest.mark.parametrize(
    ("name", "mode", "options", "restored"),
    [
        ("a.jpg", "RGB", [], "a_restored.png"),
        ("a.webp", "RGB", [], "a_restored.png"),
        ("a.gif", "P", [], "a_restored.png"),
        ("a.tif", "RGB", [], "a_restored.tif"),
        ("a.TIFF", "CMYK", [], "a_restored.tiff"),
        ("a.jpg", "CMYK", [], "a_restored.tiff"),
        ("a.bmp", "L", [], "a_restored.bmp"),
        ("a.ppm", "RGB", [], "a_restored.ppm"),
        ("a.png", "RGB", ["--format", "webp"], "a_restored.webp"),
    ],
)
def test_the_format_keeps_every_pixel(
    hcl: Callable[..., Result], pipeline: Pipeline, name: str, mode: str, options: Sequence[str], restored: str
) -> None:
    draw(name, mode=mode)
    hcl("restore", name, *options)
    assert files("hcl_output") == {"a_mask.png", restored}
    with Image.open(f"hcl_output/{restored}") as image:
        np.testing.assert_array_equal(np.asarray(image), np.asarray(pipeline(name).restored))


def test_what_its_own_format_cannot_hold_becomes_png(hcl: Callable[..., Result]) -> None:
    grey = np.linspace(0, 65535, WIDTH * HEIGHT).astype(np.uint16).reshape(HEIGHT, WIDTH)
    Image.fromarray(grey).save("a.ppm")
    hcl("restore", "a.ppm", "--sensitivity", "0")
    np.testing.assert_array_equal(pixels("hcl_output/a_restored.png"), grey)


@pytest.mark.parametrize("options", [(), ("--format", "jpg")])
def test_a_photo_is_decoded_once(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, options: Sequence[str]
) -> None:
    decoded = []

    def count(file: Any, name: str) -> Any:
        decoded.append(name)
        return decode_file(file, name)

    monkeypatch.setattr("hcl_sdk.photos.photo.decode_file", count)
    draw("a.png")
    hcl("restore", "a.png", *options)
    assert decoded == ["a.png"]


def test_the_formats_are_those_that_photos_are_written_in() -> None:
    said = " ".join(CliRunner().invoke(main, ["restore", "--help"]).stdout.split())
    assert f"File format of the restored photos: {', '.join(FORMATS).replace('.', '')}." in said


@pytest.mark.parametrize("suffix", [suffix.removeprefix(".") for suffix in FORMATS])
def test_every_format_can_be_asked_for(hcl: Callable[..., Result], suffix: str) -> None:
    draw("a.png")
    hcl("restore", "a.png", "--format", suffix)
    assert pixels(f"hcl_output/a_restored.{suffix}").shape == (HEIGHT, WIDTH, 3)


def test_a_format_that_cannot_hold_a_photo_fails_for_that_photo_alone_before_the_work(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("a.png", mode="RGBA")
    draw("b.png")
    restored = []
    run = Pipeline.__call__
    monkeypatch.setattr(Pipeline, "__call__", lambda self, photo: restored.append(photo.path.name) or run(self, photo))
    result = hcl("restore", "a.png", "b.png", "--format", "jpg", status=1)
    assert "Error: a.png: " in result.stderr
    assert "cannot write RGBA as JPEG" in result.stderr
    assert restored == ["b.png"]
    assert files("hcl_output") == {"b_mask.png", "b_restored.jpg"}
