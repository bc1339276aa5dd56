from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from photo_files import HEIGHT, WIDTH, draw, draw_mask, list_files, read_pixels
from PIL import Image

from hcl_sdk import Detection, Pipeline, PyramidSpec, Restorer, component
from hcl_sdk.cli import main
from hcl_sdk.photos.formats import FORMATS
from hcl_sdk.photos.read import decode_file
from hcl_sdk.plugins import registry


def test_detect_writes_the_mask_that_the_pipeline_finds(hcl: Callable[..., Result], pipeline: Pipeline) -> None:
    draw("a.png")
    hcl("detect", "a.png", "-o", "out")
    assert list_files("out") == {"a_mask.png"}
    mask = read_pixels("out/a_mask.png")
    expected = pipeline.detect("a.png").corruption_mask[0, 0].numpy()
    assert 0 < expected.mean() < 1
    np.testing.assert_array_equal(mask, np.where(expected, 255, 0))


def test_restore_writes_the_photo_that_the_pipeline_restores_and_keeps_the_rest(
    hcl: Callable[..., Result], pipeline: Pipeline
) -> None:
    draw("a.png")
    hcl("restore", "a.png")
    assert list_files("hcl_output") == {"a_mask.png", "a_restored.png"}
    restored, mask = read_pixels("hcl_output/a_restored.png"), read_pixels("hcl_output/a_mask.png") == 255
    np.testing.assert_array_equal(restored, np.asarray(pipeline("a.png").restored))
    np.testing.assert_array_equal(restored[~mask], read_pixels("a.png")[~mask])
    assert (restored[mask] != read_pixels("a.png")[mask]).any()


@pytest.mark.parametrize(("sensitivity", "share"), [("1", 1.0), ("0", 0.0)])
def test_the_sensitivity_moves_the_mask(hcl: Callable[..., Result], sensitivity: str, share: float) -> None:
    draw("a.png")
    hcl("restore", "a.png", "--sensitivity", sensitivity)
    assert (read_pixels("hcl_output/a_mask.png") == 255).mean() == share
    unchanged = np.array_equal(read_pixels("hcl_output/a_restored.png"), read_pixels("a.png"))
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
    np.testing.assert_array_equal(read_pixels("small/a_mask.png") == 255, small)
    np.testing.assert_array_equal(read_pixels("small-too/a_mask.png") == 255, small)
    np.testing.assert_array_equal(read_pixels("large/a_mask.png") == 255, native)


def test_dilation_and_feather_are_the_pipelines(hcl: Callable[..., Result], pipeline: Pipeline) -> None:
    draw("a.png")
    draw_mask("m.png")
    hcl("restore", "a.png", "--mask", "m.png", "--dilate", 2, "--feather", 3)
    expected = pipeline.restore("a.png", corruption_mask="m.png", dilate=2.0, feather=3.0)
    np.testing.assert_array_equal(read_pixels("hcl_output/a_restored.png"), np.asarray(expected.restored))


def test_a_configuration_overrides_the_weights(hcl: Callable[..., Result], weights: Path, pipeline: Pipeline) -> None:
    draw("a.png")
    Path("own.yaml").write_text("dilate: 2\nfeather: 1\n")
    hcl("restore", "a.png", "--config", "own.yaml")
    expected = np.asarray(pipeline("a.png", dilate=2, feather=1).restored)
    np.testing.assert_array_equal(read_pixels("hcl_output/a_restored.png"), expected)
    Path("whole.yaml").write_text(f"weights: {weights}\ndilate: 2\n")
    run = CliRunner().invoke(main, ["restore", "a.png", "--config", "whole.yaml", "--feather", "1", "--device", "cpu"])
    assert run.exit_code == 0, run.output
    np.testing.assert_array_equal(read_pixels("hcl_output/a_restored.png"), expected)
    assert "names weights already" in hcl("detect", "a.png", "--config", "whole.yaml", status=2).stderr
    Path("wrong.yaml").write_text("dilat: 2\n")
    assert "wrong.yaml: 1 problem in the" in hcl("detect", "a.png", "--config", "wrong.yaml", status=1).stderr


def test_a_preset_is_shown_and_options_go_before_it(hcl: Callable[..., Result], pipeline: Pipeline) -> None:
    draw("a.png")
    said = hcl("restore", "a.png", "--preset", "graffiti", "--dilate", 1).stderr
    assert "Preset graffiti: only all kinds, sensitivity 0.6, dilate 1, feather 2" in said
    assert "do not distinguish kinds of damage" in said
    chosen = pipeline.with_preset("graffiti").replace(dilate=1)
    np.testing.assert_array_equal(read_pixels("hcl_output/a_restored.png"), np.asarray(chosen("a.png").restored))
    assert "'--preset': 'grafiti' is not one of" in hcl("detect", "a.png", "--preset", "grafiti", status=2).stderr
    assert hcl("detect", "a.png", "--preset", "graffiti", "-q").stderr == ""


def test_another_restorer_by_its_name(hcl: Callable[..., Result], pipeline: Pipeline) -> None:
    class Gray(Restorer):
        def build(self, spec: PyramidSpec | None) -> None: ...

        def forward(self, image: torch.Tensor, detection: Detection) -> torch.Tensor:
            return image * 0 + 0.5

    draw("a.png")
    with registry.isolate():
        registry.restorer("gray-of-a-test", component(Gray))
        hcl("restore", "a.png", "--restorer", "gray-of-a-test")
        said = hcl("restore", "a.png", "--restorer", "gray-of-test", status=2).stderr
    mask = read_pixels("hcl_output/a_mask.png") == 255
    assert mask.any()
    assert (read_pixels("hcl_output/a_restored.png")[mask] == 128).all()
    np.testing.assert_array_equal(mask, pipeline.detect("a.png").corruption_mask[0, 0])
    assert "'--restorer': unknown restorer 'gray-of-test'; did you mean" in said
    said = hcl("restore", "a.png", "--restorer", "gated-unet", status=1).stderr
    assert "the restorer GatedUNet is newly created: its weights are random until they are trained or loaded" in said


def test_a_region_is_where_it_is_looked_for(hcl: Callable[..., Result], pipeline: Pipeline) -> None:
    draw("a.png")
    draw_mask("m.png")
    hcl("detect", "a.png", "--region", "3,4,10,8")
    expected = pipeline.detect("a.png", region=(3, 4, 10, 8)).corruption_mask[0, 0].numpy()
    assert expected.any()
    np.testing.assert_array_equal(read_pixels("hcl_output/a_mask.png") == 255, expected)
    assert "nothing of a photo of" in hcl("detect", "a.png", "--region", "4000,4,10,8", status=1).stderr
    for wrong in ("1,2,3", "a", "1,2,0,4", "-1,2,3,4"):
        assert "'--region': expected" in hcl("detect", "a.png", f"--region={wrong}", status=2).stderr
    assert (
        "--region applies to detection"
        in hcl("restore", "a.png", "--region", "1,1,2,2", "--mask", "m.png", status=2).stderr
    )


def run_stream(weights: Path, *arguments: str, contents: bytes) -> Result:
    options = ["--weights", str(weights), "--device", "cpu"]
    return CliRunner().invoke(main, [arguments[0], "-", *options, *arguments[1:]], input=contents)


def test_a_photo_goes_from_standard_input_to_standard_output(weights: Path, pipeline: Pipeline) -> None:
    contents = draw("a.png").read_bytes()
    draw_mask("m.png")
    for arguments, expected in (
        (("restore",), pipeline("a.png").restored),
        (("detect",), pipeline.detect("a.png").mask),
        (("restore", "--mask", "m.png"), pipeline.restore("a.png", corruption_mask="m.png").restored),
        (("restore", "--format", "tiff"), pipeline("a.png").restored),
    ):
        run = run_stream(weights, *arguments, contents=contents)
        assert run.exit_code == 0, run.stderr
        with Image.open(io.BytesIO(run.stdout_bytes)) as image:
            assert image.format == ("TIFF" if "tiff" in arguments else "PNG")
            np.testing.assert_array_equal(np.asarray(image), np.asarray(expected))
        assert "standard input: " in run.stderr
    assert list_files(".") == {"a.png", "m.png"}
    assert run_stream(weights, "detect", "-q", contents=contents).stderr == ""


def test_options_that_conflict_with_standard_input_are_refused(weights: Path, hcl: Callable[..., Result]) -> None:
    run = run_stream(weights, "restore", contents=b"no photo")
    assert (run.exit_code, run.stdout) == (1, "")
    assert "standard input: this is not a photo" in run.stderr
    run = run_stream(weights, "restore", "--max-megapixels", "0.0005", contents=draw("a.png").read_bytes())
    assert (run.exit_code, run.stdout) == (1, "")
    assert "standard input: 30 x 22 are 0.00066 megapixels; expected at most 0.0005" in run.stderr
    assert "it cannot be combined with other paths" in hcl("restore", "-", "a.png", status=2).stderr
    assert "standard output; -o is for files" in hcl("restore", "-", "-o", "out", status=2).stderr
    assert "for standard output: hcl restore - < PHOTO > FILE" in hcl("restore", "a.png", "-o", "-", status=2).stderr
    assert "--plot and --json are for files" in hcl("detect", "-", "--plot", "--json", status=2).stderr
    said = hcl("restore", "-", "--plot", "--json", "-o", "out", status=2).stderr
    assert "-o, --plot and --json are for files" in said


def test_plot_writes_a_comparison(hcl: Callable[..., Result]) -> None:
    draw("a.png")
    hcl("restore", "a.png", "--plot")
    assert list_files("hcl_output") == {"a_mask.png", "a_restored.png", "a_plot.png"}
    assert read_pixels("hcl_output/a_plot.png").shape[1] > 4 * WIDTH


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
    assert list_files("hcl_output") == {"a_mask.png", restored}
    with Image.open(f"hcl_output/{restored}") as image:
        np.testing.assert_array_equal(np.asarray(image), np.asarray(pipeline(name).restored))


def test_results_that_the_format_cannot_hold_become_png(hcl: Callable[..., Result]) -> None:
    gray = np.linspace(0, 65535, WIDTH * HEIGHT).astype(np.uint16).reshape(HEIGHT, WIDTH)
    Image.fromarray(gray).save("a.ppm")
    hcl("restore", "a.ppm", "--sensitivity", "0")
    np.testing.assert_array_equal(read_pixels("hcl_output/a_restored.png"), gray)


@pytest.mark.parametrize("options", [(), ("--format", "jpg")])
def test_a_photo_is_decoded_once(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, options: Sequence[str]
) -> None:
    decoded = []

    def count(file: Any, name: str, **keywords: Any) -> Any:
        decoded.append(name)
        return decode_file(file, name, **keywords)

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
    assert read_pixels(f"hcl_output/a_restored.{suffix}").shape == (HEIGHT, WIDTH, 3)


def test_a_format_that_cannot_hold_a_photo_fails_for_that_photo_alone_before_the_work(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("a.png", mode="RGBA")
    draw("b.png")
    restored = []
    run = Pipeline.__call__
    monkeypatch.setattr(
        Pipeline, "__call__", lambda self, photo, **options: restored.append(photo.path.name) or run(self, photo)
    )
    result = hcl("restore", "a.png", "b.png", "--format", "jpg", status=1)
    assert "Error: a.png: " in result.stderr
    assert "cannot write RGBA as JPEG" in result.stderr
    assert restored == ["b.png"]
    assert list_files("hcl_output") == {"b_mask.png", "b_restored.jpg"}
