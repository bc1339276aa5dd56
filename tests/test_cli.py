from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

import hcl_sdk
from hcl_sdk import ConvNeXtEncoder, Detector, GatedUNet, Identity, Pipeline, ProjectionHead, SoftKMeans
from hcl_sdk.cli import main
from hcl_sdk.cli.quickstart import damage
from hcl_sdk.photos import read
from hcl_sdk.photos.formats import FORMATS
from hcl_sdk.photos.photo import Photo
from hcl_sdk.photos.read import decode_file
from hcl_sdk.published import settings_to_config
from hcl_sdk.registry import Entry, PluginError, PluginReport, Registry

RECORDED = Path(__file__).parent / "data" / "recorded"
WIDTH, HEIGHT = 30, 22


@pytest.fixture(scope="session")
def pipeline() -> Pipeline:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = Detector(
            encoder=ConvNeXtEncoder(channels=(6, 8), depths=(1, 1), kernel_size=3),
            interaction=Identity(),
            head=ProjectionHead(dim=6),
            clusterer=SoftKMeans(one_class=False),
        )
        return Pipeline(detector, GatedUNet(dim=4, multipliers=(1, 2)), device="cpu")


@pytest.fixture(scope="session")
def weights(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    pipeline.save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the commands run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def hcl(weights: Path) -> Callable[..., Result]:
    """Runs the command on the CPU with small weights; says what it printed where the exit status is another one."""

    def run(command: str, *arguments: object, status: int = 0) -> Result:
        options = ["--weights", weights, "--device", "cpu"] if command in ("detect", "restore", "quickstart") else []
        result = CliRunner().invoke(main, [command, *map(str, [*options, *arguments])])
        unexpected = None if isinstance(result.exception, SystemExit) else result.exception
        assert unexpected is None, result.output
        assert result.exit_code == status, result.output
        return result

    return run


def draw(path: str | Path, seed: int = 0, mode: str = "RGB", size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    """A picture file of noise with a bright box in it."""
    values = np.random.default_rng(seed).integers(0, 100, (size[1], size[0], 3), dtype=np.uint8)
    values[5:12, 8:20] = (250, 20, 240)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).convert(mode).save(path)
    return path


def draw_mask(path: str | Path, box: tuple[int, int, int, int] = (3, 4, 9, 8)) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    left, top, right, bottom = box
    mask[top:bottom, left:right] = True
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)
    return mask


def pixels(path: str | Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def files(folder: str | Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()}


def contents(folder: str | Path) -> dict[str, bytes]:
    return {name: (Path(folder) / name).read_bytes() for name in files(folder)}


# What is found and restored


def test_detect_writes_the_mask_that_the_pipeline_finds(hcl, pipeline):
    draw("a.png")
    hcl("detect", "a.png", "-o", "out")
    assert files("out") == {"a_mask.png"}
    mask = pixels("out/a_mask.png")
    expected = pipeline.detect("a.png").corruption_mask[0, 0].numpy()
    assert 0 < expected.mean() < 1
    np.testing.assert_array_equal(mask, np.where(expected, 255, 0))


def test_restore_writes_what_the_pipeline_restores_and_keeps_the_rest(hcl, pipeline):
    draw("a.png")
    hcl("restore", "a.png")
    assert files("hcl_output") == {"a_mask.png", "a_restored.png"}
    restored, mask = pixels("hcl_output/a_restored.png"), pixels("hcl_output/a_mask.png") == 255
    np.testing.assert_array_equal(restored, np.asarray(pipeline("a.png").restored))
    np.testing.assert_array_equal(restored[~mask], pixels("a.png")[~mask])
    assert (restored[mask] != pixels("a.png")[mask]).any()


@pytest.mark.parametrize(("sensitivity", "share"), [("1", 1.0), ("0", 0.0)])
def test_the_sensitivity_moves_the_mask(hcl, sensitivity, share):
    draw("a.png")
    hcl("restore", "a.png", "--sensitivity", sensitivity)
    assert (pixels("hcl_output/a_mask.png") == 255).mean() == share
    unchanged = np.array_equal(pixels("hcl_output/a_restored.png"), pixels("a.png"))
    assert unchanged == (share == 0)


def test_the_detection_size_is_the_pipelines(hcl, weights):
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


def test_dilation_and_feather_are_the_pipelines(hcl, pipeline):
    draw("a.png")
    draw_mask("m.png")
    hcl("restore", "a.png", "--mask", "m.png", "--dilate", 2, "--feather", 3)
    expected = pipeline.restore("a.png", corruption_mask="m.png", dilate=2.0, feather=3.0)
    np.testing.assert_array_equal(pixels("hcl_output/a_restored.png"), np.asarray(expected.restored))


def test_plot_writes_a_comparison(hcl):
    draw("a.png")
    hcl("restore", "a.png", "--plot")
    assert files("hcl_output") == {"a_mask.png", "a_restored.png", "a_plot.png"}
    assert pixels("hcl_output/a_plot.png").shape[1] > 4 * WIDTH


# Which photos, and where their results go


def test_a_folder_is_mirrored_and_what_is_no_picture_is_counted(hcl):
    for name in ("p/a.jpg", "p/in/b.PNG", "p/in/deep/c.bmp", "p/.hidden.png", "p/.hidden/d.png"):
        draw(name)
    Path("p/notes.txt").write_text("no picture")
    Path("p/film.mpg").write_text("no picture")
    result = hcl("detect", "p", "-r")
    assert files("hcl_output") == {"a_mask.png", "in/b_mask.png", "in/deep/c_mask.png"}
    assert "3 photos" in result.stderr
    assert "3 other files ignored" in result.stderr


def test_without_recursive_only_the_folder_itself_is_searched(hcl):
    draw("p/a.jpg")
    draw("p/in/b.jpg")
    hcl("detect", "p")
    assert files("hcl_output") == {"a_mask.png"}


def test_several_folders_keep_their_names(hcl):
    draw("2023/a.jpg")
    draw("2024/a.jpg", seed=1)
    hcl("detect", "2023", "2024")
    assert files("hcl_output") == {"2023/a_mask.png", "2024/a_mask.png"}


def test_what_an_earlier_run_wrote_is_no_input_and_is_overwritten(hcl):
    draw("a.jpg")
    hcl("restore", "-r", ".", "--sensitivity", "1")
    first = contents("hcl_output")
    hcl("restore", "-r", ".", "--sensitivity", "0")
    assert files("hcl_output") == set(first)
    assert all(first[name] != content for name, content in contents("hcl_output").items())


def test_a_file_with_any_name_is_taken_and_one_given_twice_counts_once(hcl):
    draw("a.png").rename("photo")
    result = hcl("detect", "photo", "./photo", Path("photo").resolve())
    assert "1 photo " in result.stderr
    assert files("hcl_output") == {"photo_mask.png"}


def test_photos_that_differ_in_their_suffix_have_results_of_their_own(hcl):
    draw("p/a.jpg")
    draw("p/a.png", seed=1)
    draw("p/b.png", seed=2)
    hcl("restore", "p", "-o", "out")
    assert files("out") == {
        *("a_jpg_mask.png", "a_jpg_restored.png", "a_png_mask.png", "a_png_restored.png"),
        *("b_mask.png", "b_restored.png"),
    }


def test_photos_whose_results_would_have_one_name_fail_and_stop_nothing(hcl):
    for name in ("x/a.png", "y/a.png", "x/b.png"):
        draw(name)
    result = hcl("detect", "x/a.png", "y/a.png", "x/b.png", status=1)
    assert "Error: x/a.png: its results and those of y/a.png would both be called a_png_..." in result.stderr
    assert "Error: y/a.png: its results and those of x/a.png" in result.stderr
    assert files("hcl_output") == {"b_mask.png"}


def test_suffixes_that_differ_in_case_only_fail_and_stop_nothing(hcl):
    for name in ("p/a.jpg", "p/a.png", "p/a.PNG"):
        draw(name)
    if len(files("p")) < 3:
        pytest.skip("the file system knows no case")
    result = hcl("detect", "p", status=1)
    assert result.stderr.count("Error: ") == 2
    assert files("hcl_output") == {"a_jpg_mask.png"}


@pytest.mark.parametrize("output", ["p", "p/../p", "link"])
def test_results_do_not_go_among_the_photos_of_a_folder(hcl, output):
    draw("p/a.png")
    Path("link").symlink_to("p")
    result = hcl("detect", "p", "-o", output, status=2)
    assert "-o" in result.stderr
    assert files("p") == {"a.png"}


def test_an_input_is_never_overwritten(hcl):
    for seed, name in enumerate(["p/a.png", "p/a_mask.png", "p/a_restored.png", "p/b.png"]):
        draw(name, seed=seed)
    before = contents("p")
    result = hcl("restore", *(f"p/{name}" for name in sorted(before)), "-o", "p", status=1)
    assert {name: content for name, content in contents("p").items() if name in before} == before
    assert "Error: p/a.png: the input p/a_mask.png would be overwritten" in result.stderr
    assert {"b_restored.png", "b_mask.png"} <= files("p")


def test_an_input_is_not_overwritten_through_a_link(hcl):
    before = draw("a.png").read_bytes()
    Path("out").mkdir()
    Path("out/a_mask.png").symlink_to("../a.png")
    result = hcl("detect", "a.png", "-o", "out", status=1)
    assert "would be overwritten" in result.stderr
    assert Path("a.png").read_bytes() == before


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
def test_the_format_keeps_every_pixel(hcl, pipeline, name, mode, options, restored):
    draw(name, mode=mode)
    hcl("restore", name, *options)
    assert files("hcl_output") == {"a_mask.png", restored}
    with Image.open(f"hcl_output/{restored}") as image:
        np.testing.assert_array_equal(np.asarray(image), np.asarray(pipeline(name).restored))


def test_what_its_own_format_cannot_hold_becomes_png(hcl):
    grey = np.linspace(0, 65535, WIDTH * HEIGHT).astype(np.uint16).reshape(HEIGHT, WIDTH)
    Image.fromarray(grey).save("a.ppm")
    hcl("restore", "a.ppm", "--sensitivity", "0")
    np.testing.assert_array_equal(pixels("hcl_output/a_restored.png"), grey)


@pytest.mark.parametrize("options", [(), ("--format", "jpg")])
def test_a_photo_is_decoded_once(hcl, monkeypatch, options):
    decoded = []

    def count(file, name):
        decoded.append(name)
        return decode_file(file, name)

    monkeypatch.setattr("hcl_sdk.photos.photo.decode_file", count)
    draw("a.png")
    hcl("restore", "a.png", *options)
    assert decoded == ["a.png"]


def test_the_formats_are_those_that_photos_are_written_in():
    said = " ".join(CliRunner().invoke(main, ["restore", "--help"]).stdout.split())
    assert f"File format of the restored photos: {', '.join(FORMATS).replace('.', '')}." in said


@pytest.mark.parametrize("suffix", [suffix.removeprefix(".") for suffix in FORMATS])
def test_every_format_can_be_asked_for(hcl, suffix):
    draw("a.png")
    hcl("restore", "a.png", "--format", suffix)
    assert pixels(f"hcl_output/a_restored.{suffix}").shape == (HEIGHT, WIDTH, 3)


def test_a_format_that_cannot_hold_a_photo_fails_for_that_photo_alone_before_the_work(hcl, monkeypatch):
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


# Masks of the user's own


def test_an_own_mask_is_what_is_filled(hcl):
    draw("a.png")
    mask = draw_mask("region.png")
    hcl("restore", "a.png", "--mask", "region.png")
    np.testing.assert_array_equal(pixels("hcl_output/a_mask.png") == 255, mask)
    changed = (pixels("hcl_output/a_restored.png") != pixels("a.png")).any(axis=2)
    assert changed.any()
    assert not changed[~mask].any()


def test_masks_in_a_folder_are_found_by_name(hcl):
    for name in ("p/a.jpg", "p/in/b.jpg", "p/c.jpg"):
        draw(name)
    wanted = {
        "a": draw_mask("masks/a_mask.png", (1, 1, 5, 5)),
        "in/b": draw_mask("masks/in/b.gif", (4, 4, 9, 9)),
        "c": draw_mask("masks/c_mask.png", (7, 2, 8, 3)),
    }
    draw_mask("masks/c.png")  # c_mask goes before
    hcl("restore", "-r", "p", "--mask", "masks")
    for name, mask in wanted.items():
        np.testing.assert_array_equal(pixels(f"hcl_output/{name}_mask.png") == 255, mask)


def test_the_mask_of_a_photo_that_had_another_of_its_name_is_found(hcl):
    draw("p/a.jpg")
    mask = draw_mask("masks/a_jpg_mask.png")
    draw_mask("masks/a_png_mask.png", (1, 1, 5, 5))
    hcl("restore", "p/a.jpg", "--mask", "masks")
    np.testing.assert_array_equal(pixels("hcl_output/a_mask.png") == 255, mask)


def test_masks_beside_the_photos_are_not_taken_for_the_photos_own(hcl):
    draw("p/a.jpg")
    mask = draw_mask("p/a_mask.png")
    hcl("restore", "p/a.jpg", "--mask", "p")
    np.testing.assert_array_equal(pixels("hcl_output/a_mask.png") == 255, mask)


def test_a_photo_without_a_mask_does_not_stop_the_rest(hcl):
    draw("p/a.jpg")
    draw("p/b.jpg")
    draw("p/c.jpg")
    draw_mask("masks/b.png")
    draw_mask("masks/c.png")
    draw_mask("masks/c.gif")
    result = hcl("restore", "p", "--mask", "masks", status=1)
    assert "Error: p/a.jpg: there is no mask of it in masks" in result.stderr
    assert "Error: p/c.jpg: several files may be its mask" in result.stderr
    assert files("hcl_output") == {"b_mask.png", "b_restored.png"}


def test_masks_that_were_found_can_be_edited_and_handed_in_again(hcl):
    draw("p/a.jpg")
    draw("p/a.png", seed=1)
    hcl("detect", "p")
    mask = draw_mask("hcl_output/a_jpg_mask.png")
    edited = Path("hcl_output/a_jpg_mask.png").read_bytes()
    for _ in range(2):
        hcl("restore", "p", "--mask", "hcl_output")
        assert Path("hcl_output/a_jpg_mask.png").read_bytes() == edited
    changed = (pixels("hcl_output/a_jpg_restored.png") != pixels("p/a.jpg")).any(axis=2)
    assert changed.any()
    assert not changed[~mask].any()


def test_a_mask_of_another_size_is_an_error_of_that_photo(hcl):
    draw("a.png", size=(20, 20))
    draw_mask("m.png")
    assert f"{WIDTH} x {HEIGHT}" in hcl("restore", "a.png", "--mask", "m.png", status=1).stderr


# What is said


def test_json_has_one_object_per_photo(hcl, pipeline):
    draw("p/a.png")
    Path("p/bad.jpg").write_bytes(b"no picture")
    draw("p/c.png", seed=2)
    result = hcl("restore", "p", "--json", status=1)
    a, bad, c = map(json.loads, result.stdout.splitlines())
    assert [Path(x["path"]).as_posix() for x in (a, bad, c)] == ["p/a.png", "p/bad.jpg", "p/c.png"]
    expected = pipeline.detect("p/a.png")
    assert (a["width"], a["height"]) == (WIDTH, HEIGHT)
    assert a["corrupted_share"] == pytest.approx(expected.corruption_mask.double().mean().item())
    assert [(r["box"], r["area"]) for r in a["regions"]] == [(list(r.box), r.area) for r in expected.regions]
    assert {what: Path(p).is_file() for what, p in a["outputs"].items()} == {"mask": True, "restored": True}
    assert "format" in bad["error"]
    assert "outputs" not in bad


def test_coco_is_one_data_set_over_all_photos(hcl):
    for seed, name in enumerate(["p/a.png", "p/b.png", "p/in/c.png"]):
        draw(name, seed=seed)
    Path("p/bad.jpg").write_bytes(b"")
    hcl("detect", "-r", "p", "--coco", "sets/found.json", status=1)
    coco = json.loads(Path("sets/found.json").read_text())
    assert [image["file_name"] for image in coco["images"]] == ["p/a.png", "p/b.png", "p/in/c.png"]
    assert [category["name"] for category in coco["categories"]] == ["corrupted"]
    ids = [annotation["id"] for annotation in coco["annotations"]]
    assert len(set(ids)) == len(ids) > 0
    for image, name in zip(coco["images"], ["a", "b", "in/c"], strict=True):
        area = sum(x["area"] for x in coco["annotations"] if x["image_id"] == image["id"])
        assert area == (pixels(f"hcl_output/{name}_mask.png") == 255).sum()
    assert files("sets") == {"found.json"}


def test_coco_does_not_overwrite_a_photo(hcl):
    before = draw("a.png").read_bytes()
    assert "would be overwritten" in hcl("detect", "a.png", "--coco", "a.png", status=1).stderr
    assert Path("a.png").read_bytes() == before


@pytest.mark.parametrize("name", ["a_mask.png", "a_plot.png"])
def test_coco_is_not_written_where_a_picture_goes(hcl, name):
    draw("a.png")
    result = hcl("detect", "a.png", "--plot", "--coco", f"./out/{name}", "-o", "out", status=2)
    assert f"out/{name} is where the {name[2:6]} of a.png goes" in result.stderr
    assert not Path("out").exists()


def test_an_output_folder_that_cannot_be_made_is_said_once(hcl):
    for name in ("a.png", "b.png"):
        draw(name)
    result = hcl("detect", "a.png", "b.png", "-o", "a.png/out", status=1)
    assert result.stderr == "Error: the results cannot be written to a.png/out: Not a directory\n"


def test_an_output_folder_that_cannot_be_written_to_is_said_once(hcl, monkeypatch):
    def refuse(dir: Path) -> None:
        raise PermissionError(13, "Permission denied", str(dir))

    for name in ("a.png", "b.png"):
        draw(name)
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    result = hcl("detect", "a.png", "b.png", status=1)
    assert result.stderr == "Error: the results cannot be written to hcl_output: Permission denied\n"


def test_a_file_that_may_not_be_read_is_listed_and_stops_nothing(hcl, monkeypatch):
    draw("a.png")
    draw("b.png")
    opened = read._open

    def refuse(file):
        if os.fspath(file) == "a.png":
            raise PermissionError(13, "Permission denied", "a.png")
        return opened(file)

    monkeypatch.setattr(read, "_open", refuse)
    result = hcl("detect", "a.png", "b.png", status=1)
    assert "Error: a.png: [Errno 13] Permission denied" in result.stderr
    assert files("hcl_output") == {"b_mask.png"}


def test_photos_of_formats_that_are_not_read_are_named(hcl):
    draw("p/a.png")
    for name in ("b.heic", "c.HEIC", "d.cr2", "notes.txt"):
        Path("p", name).write_bytes(b"not read")
    said = hcl("detect", "p").stderr
    assert "; 1 other file ignored; " in said
    assert "1 .cr2 file ignored: convert raw photos to TIFF or PNG first" in said
    assert "2 .heic files ignored: convert to JPEG or PNG first, or use a program that registers pillow-heif" in said
    Path("p/a.png").unlink()
    assert "2 .heic files ignored" in hcl("detect", "p", status=1).stderr


def test_what_cannot_be_read_is_listed_at_the_end_and_stops_nothing(hcl):
    draw("p/a.png")
    Path("p/b.png").write_bytes(Path("p/a.png").read_bytes()[:200])
    draw("p/c.png")
    result = hcl("restore", "p", "gone.jpg", status=1)
    *_, first, second = result.stderr.splitlines()
    assert first.startswith("Error: p/b.png: ")
    assert second == "Error: gone.jpg: there is no such file"
    assert "2 photos" in result.stderr
    assert "2 failed" in result.stderr
    assert files("hcl_output") == {"a_mask.png", "a_restored.png", "c_mask.png", "c_restored.png"}


def test_quiet_leaves_the_errors_alone(hcl):
    draw("a.png")
    result = hcl("detect", "a.png", "gone.jpg", "--quiet", status=1)
    assert result.stdout == ""
    assert result.stderr == "Error: gone.jpg: there is no such file\n"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (torch.OutOfMemoryError("no memory"), "not enough memory on cpu"),
        (MemoryError(), "not enough memory on cpu"),
        (RuntimeError("[enforce fail] . DefaultCPUAllocator: can't allocate memory"), "not enough memory on cpu"),
        (RuntimeError("MPS backend out of memory"), "not enough memory on cpu"),
        (RuntimeError("an error\nof a plugin"), "RuntimeError: an error of a plugin\n"),
        (ValueError("NaN"), "ValueError: NaN\n"),
        (OSError("no space left"), "no space left\n"),
    ],
)
def test_whatever_goes_wrong_with_a_photo_stops_nothing(hcl, monkeypatch, error, said):
    draw("a.png")
    draw("b.png")
    detect = Pipeline.detect

    def failing(self, photo, **options):
        if photo.path.name == "a.png":
            raise error
        return detect(self, photo, **options)

    monkeypatch.setattr(Pipeline, "detect", failing)
    assert f"Error: a.png: {said}" in hcl("detect", "a.png", "b.png", status=1).stderr
    assert files("hcl_output") == {"b_mask.png"}


def test_regions_that_cannot_be_found_stop_nothing(hcl, monkeypatch):
    for name in ("a.png", "b.png"):
        draw(name)
    found = hcl_sdk.Result.regions.func

    def failing(result):
        if result.photo.path.name == "a.png":
            raise MemoryError
        return found(result)

    monkeypatch.setattr(hcl_sdk.Result, "regions", property(failing))
    result = hcl("detect", "a.png", "b.png", "--coco", "coco.json", status=1)
    assert "Error: a.png: not enough memory" in result.stderr
    assert "1 photo examined" in result.stderr
    coco = json.loads(Path("coco.json").read_text())
    assert [(image["id"], image["file_name"]) for image in coco["images"]] == [(1, "b.png")]


def test_memory_that_torch_cannot_get_is_recognized(hcl, monkeypatch):
    draw("a.png")
    monkeypatch.setattr(Pipeline, "detect", lambda *_, **__: torch.empty(2**60))
    assert "Error: a.png: not enough memory" in hcl("detect", "a.png", status=1).stderr


def test_an_interruption_leaves_whole_files_only(hcl, monkeypatch):
    draw("a.png")
    draw("b.png")
    draw("c.png")
    save = Photo.save

    def interrupted(self, path, **options):
        save(self, path, **options)
        if Path(path).name == "b_mask.png":
            raise KeyboardInterrupt

    monkeypatch.setattr(Photo, "save", interrupted)
    result = hcl("detect", "a.png", "b.png", "c.png", "--coco", "coco.json", status=130)
    assert "Traceback" not in result.output
    assert result.stderr.endswith("Interrupted.\n")
    assert files("hcl_output") == {"a_mask.png", "b_mask.png"}
    assert not Path("coco.json").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["a.png", "--weights", "no-such-weights"], 1, "no-such-weights"),
        (["a.png", "--device", "abacus"], 2, "abacus"),
        (["a.png", "--sensitivity", "1.5"], 2, "--sensitivity"),
        (["a.png", "--sensitivity", "nan"], 2, "--sensitivity"),
        (["a.png", "--dilate", "-1"], 2, "--dilate"),
        (["a.png", "--dilate", "inf"], 2, "--dilate"),
        (["a.png", "--feather", "nan"], 2, "--feather"),
        (["a.png", "--detection-size", "0"], 2, "--detection-size"),
        (["a.png", "--precision", "double"], 2, "fp16"),
        (["a.png", "--format", "doc"], 2, "png"),
        (["a.png", "--mask", "gone.png"], 2, "gone.png"),
        (["a.png", "--mask", "a.png", "--sensitivity", "0.4"], 2, "--sensitivity"),
        (["a.png", "b.png", "--mask", "a.png"], 2, "'--mask': one mask for 2 photos"),
        (["a.png", "-o", "a.png"], 2, "a.png"),
        (["a.png", "-o", ""], 2, "expected a path, got an empty text"),
        (["a.png", ""], 2, "expected a path, got an empty text"),
        (["a.png", "--weights", ""], 2, "expected a name, got an empty text"),
        (["a.png", "--device", "meta"], 2, "device 'meta' is not available here"),
        (["a.png", "--weights", "a.png"], 1, "a.png is a file; expected a folder written by save_pretrained or a name"),
        (["a.png", "--weights", "./gone"], 1, "no such folder: ./gone"),
        (["https://x/a.jpg"], 2, "URLs are not read; download it first: https://x/a.jpg"),
        (["empty"], 1, "no photo files in empty (1 other file ignored)"),
        ([], 2, "PATH"),
    ],
)
def test_wrong_options_are_said_in_one_error(hcl, arguments, status, said):
    draw("a.png")
    Path("empty").mkdir()
    Path("empty/notes.txt").write_text("no picture")
    result = hcl("restore", *arguments, status=status)
    assert said in result.stderr
    assert result.stderr.count("Error: ") == 1
    assert not Path("hcl_output").exists()


def test_weights_that_lack_a_part_do_what_they_can(hcl, pipeline):
    Pipeline(restorer=GatedUNet(dim=4, multipliers=(1,)), device="cpu").save_pretrained("restorer")
    Pipeline(pipeline.detector, device="cpu").save_pretrained("detector")
    draw("a.png")
    draw_mask("m.png")
    assert "no detector" in hcl("detect", "a.png", "--weights", "restorer", status=2).stderr
    assert "no detector" in hcl("restore", "a.png", "--weights", "restorer", status=2).stderr
    assert "no restorer" in hcl("restore", "a.png", "--weights", "detector", status=2).stderr
    hcl("detect", "a.png", "--weights", "detector")
    hcl("restore", "a.png", "--weights", "restorer", "--mask", "m.png")
    assert "restorer" in hcl("quickstart", "--weights", "detector", status=2).stderr


def test_damaged_weights_are_said_in_one_error(hcl, weights):
    shutil.copytree(weights, "damaged")
    Path("damaged/config.json").write_text('{"detector": {"encoder": "no-such-encoder"}}')
    draw("a.png")
    result = hcl("detect", "a.png", "--weights", "damaged", status=1)
    assert result.stderr.startswith("Error: ")
    assert "no-such-encoder" in result.stderr


# The other commands


def test_convert_writes_weights_and_says_what_it_left_out(hcl, monkeypatch):
    settings = json.loads((RECORDED / "legacy2.json").read_text())
    checkpoint = torch.load(RECORDED / "legacy2.pt", weights_only=True)
    torch.save(checkpoint | {"step": 7}, "checkpoint.pt")
    monkeypatch.setattr("hcl_sdk.published.preset", lambda name, version: settings_to_config(settings))
    result = hcl("convert", "checkpoint.pt", "--preset", "small", "-o", "converted")
    assert "step" in result.stdout
    assert "--weights converted" in result.stdout
    pipeline = Pipeline.from_pretrained("converted")
    names = dict(pipeline.detector.named_parameters()) if pipeline.detector else {}
    assert pipeline.detection_size is None
    stored = checkpoint["classifier"]["cls.0.weight"]
    torch.testing.assert_close(names["clusterer.score.0.weight"].detach().cpu(), stored, rtol=0, atol=0)


def test_convert_stores_the_detection_size(hcl, monkeypatch):
    settings = json.loads((RECORDED / "legacy2.json").read_text())
    monkeypatch.setattr("hcl_sdk.published.preset", lambda name, version: settings_to_config(settings))
    hcl("convert", RECORDED / "legacy2.pt", "--preset", "small", "-o", "converted", "--detection-size", 512)
    assert Pipeline.from_pretrained("converted").detection_size == 512


def test_convert_refuses_what_is_no_checkpoint(hcl):
    Path("text.pt").write_text("no checkpoint")
    assert "places256" in hcl("convert", "text.pt", "--preset", "places", "-o", "x", status=2).stderr
    assert "--version" in hcl("convert", "text.pt", "--preset", "ffhq256", "--version", 1, "-o", "x", status=2).stderr
    assert "text.pt is not a checkpoint" in hcl("convert", "text.pt", "--preset", "ffhq256", "-o", "x", status=1).stderr
    assert "gone.pt" in hcl("convert", "gone.pt", "--preset", "ffhq256", "-o", "x", status=2).stderr


def test_convert_lists_what_does_not_fit(hcl, monkeypatch):
    settings = json.loads((RECORDED / "legacy2.json").read_text())
    torch.save({"inpaintnet": {}}, "empty.pt")
    monkeypatch.setattr("hcl_sdk.published.preset", lambda name, version: settings_to_config(settings))
    result = hcl("convert", "empty.pt", "--preset", "small", "-o", "x", status=1)
    assert "missing" in result.stderr
    assert not Path("x").exists()


def test_components_lists_every_kind(hcl):
    lines = hcl("components").stdout.splitlines()
    for kind in ("encoder", "interaction", "head", "clusterer", "restorer", "weights"):
        assert kind in lines
    assert any(line.split()[:2] == ["swin", "hcl-sdk"] for line in lines)


def test_components_shows_fields_with_defaults_and_ranges(hcl):
    shown = hcl("components", "convnext").stdout
    rows = {line.split()[0]: line for line in shown.splitlines() if line}
    assert "(32, 64, 128, 192)" in rows["channels"]
    assert "each >= 1" in rows["channels"]
    assert rows["stem_stride"].endswith(">= 1, <= 4")
    assert "ConvNeXt stages" in shown


def test_components_shows_all_that_has_a_name(hcl, monkeypatch):
    registry = Registry()
    registry.encoder("twice", "hcl_sdk.encoders.convnext:ConvNeXtEncoder")
    registry.interaction("twice", "hcl_sdk.interactions.identity:Identity")
    registry.restorer("once", "hcl_sdk.no_such_module:Nothing")
    monkeypatch.setattr("hcl_sdk.cli.listing.registry", registry)
    for name in ("twice", "script/twice", "Script/twice"):
        shown = hcl("components", name).stdout
        assert "encoder script/twice" in shown
        assert "interaction script/twice" in shown
    assert "did you mean 'script/twice'?" in hcl("components", "script/twise", status=1).stderr
    assert "nothing is called 'other/twice'" in hcl("components", "other/twice", status=1).stderr
    assert "no_such_module" in hcl("components", "once", status=1).stderr


def test_a_component_of_two_packages_is_asked_for_by_its_whole_name(hcl, monkeypatch):
    def found(registry: Registry) -> None:
        target = "hcl_sdk.interactions.identity:Identity"
        entries = [Entry(kind="interaction", name="x", distribution=name, target=target) for name in ("one", "two")]
        registry.set_discovered(entries, [])

    monkeypatch.setattr("hcl_sdk.cli.listing.registry", Registry(discover=found))
    assert "write 'one/x' or 'two/x'" in hcl("components", "x", status=1).stderr
    assert "interaction two/x, from two" in hcl("components", "two/x").stdout


def test_plugins_shows_broken_ones_with_their_error(hcl, monkeypatch):
    def report(distribution: str, entry_point: str, **fields) -> PluginReport:
        return PluginReport(distribution=distribution, version="1.2", entry_point=entry_point, value="x", **fields)

    reports = [
        report("hcl-good", "a", status="ok", names=("hcl-good/one", "hcl-good/two")),
        report("hcl-mixed", "a", status="ok", names=("hcl-mixed/three",)),
        report("hcl-mixed", "b", status="broken", error="ImportError: no such module"),
        report("hcl-off", "a", status="disabled", error="by HCL_DISABLE_PLUGINS"),
    ]
    registry = Registry(discover=lambda found: found.set_discovered([], reports))
    monkeypatch.setattr("hcl_sdk.cli.listing.registry", registry)
    shown = hcl("plugins").stdout
    cells = [line.split() for line in shown.splitlines()]
    assert ["hcl-good", "1.2", "ok", "hcl-good/one,", "hcl-good/two"] in cells
    assert ["hcl-mixed:b", "1.2", "broken", "-"] in cells
    assert "hcl-mixed:b is broken: ImportError: no such module" in shown
    assert "hcl-off is disabled: by HCL_DISABLE_PLUGINS" in shown
    assert "HCL_STRICT_PLUGINS" in shown
    assert "hcl-mixed" in hcl("components").stdout


def test_plugins_names_what_is_disabled_without_being_there(hcl, monkeypatch):
    monkeypatch.setenv("HCL_DISABLE_PLUGINS", "*, Hcl_Sdk, hcl-absent,")
    shown = hcl("plugins").stdout
    assert "Warning: HCL_DISABLE_PLUGINS names hcl-absent, which is not an installed plugin" in shown
    assert shown.count("Warning") == 1


def test_plugins_are_checked_down_to_what_they_give(hcl, weights, monkeypatch):
    package = Path("package_of_test_cli")
    shutil.copytree(weights, package / "good")
    Path(package, "__init__.py").touch()
    for name, content in (("bad", ""), ("half", "{}")):
        Path(package, name).mkdir()
        Path(package, name, "config.json").write_text(content)
    monkeypatch.syspath_prepend(Path.cwd())
    registry = Registry()
    monkeypatch.setattr("hcl_sdk.cli.listing.registry", registry)
    registry.interaction("nothing", "hcl_sdk.interactions.identity:Identity")
    registry.weights("good", f"{package}:good")
    registry.weights("far", "hub:org/name")
    assert "all 3 components and weights are there" in hcl("plugins", "--check").stdout
    registry.restorer("gone", "hcl_sdk.no_such_module:Nothing")
    registry.weights("no-folder", f"{package}:nowhere")
    registry.weights("bad", f"{package}:bad")
    registry.weights("half", f"{package}:half")
    said = hcl("plugins", "--check", status=1).stderr
    assert said.startswith("Error: 4 broken:")
    for words in ("no_such_module", "there is no folder", "is not JSON", "holds no model.safetensors"):
        assert words in said


def test_checking_plugins_fails_for_a_broken_one(hcl, monkeypatch):
    report = PluginReport(
        distribution="hcl-bad", version="1", entry_point="a", value="x", status="broken", error="ImportError: no"
    )
    registry = Registry(discover=lambda found: found.set_discovered([], [report]))
    monkeypatch.setattr("hcl_sdk.cli.listing.registry", registry)
    assert "hcl-bad: ImportError: no" in hcl("plugins", "--check", status=1).stderr
    hcl("plugins")


def test_plugins_are_strict_on_request(hcl, monkeypatch):
    def fail(_):
        raise PluginError("broken plugins: hcl-broken")

    monkeypatch.setattr("hcl_sdk.cli.listing.registry", Registry(discover=fail))
    monkeypatch.setattr("hcl_sdk.plugins.registry", Registry(discover=fail))
    draw("a.png")
    checkpoint = RECORDED / "legacy2.pt"
    for command in (
        *(["plugins"], ["components"], ["components", "swin"]),
        *(["detect", "a.png"], ["quickstart"], ["convert", checkpoint, "--preset", "ffhq256", "-o", "x"]),
    ):
        assert hcl(*command, status=1).stderr == "Error: broken plugins: hcl-broken\n"


def test_quickstart_damages_and_restores_the_sample(hcl):
    shown = hcl("quickstart", "-o", "quick").stdout
    names = {"sample_damaged.png", "sample_damaged_mask.png", "sample_damaged_restored.png"}
    assert files("quick") == names | {"sample_damaged_comparison.png"}
    assert all(str(Path("quick", name)) in shown for name in names)
    assert "hcl restore PHOTO" in shown
    original = Photo.open(Path(hcl_sdk.__file__).parent / "assets" / "sample.jpg").pixels
    damaged = pixels("quick/sample_damaged.png")
    assert 0.02 < (damaged != original).any(axis=2).mean() < 0.25
    assert min(original.shape[:2]) == 256
    mask, restored = pixels("quick/sample_damaged_mask.png") == 255, pixels("quick/sample_damaged_restored.png")
    np.testing.assert_array_equal(restored[~mask], damaged[~mask])


def test_quickstart_damages_in_the_same_way_every_time():
    photo = Image.new("RGB", (120, 80), "gray")
    first, second = damage(photo), damage(photo)
    assert first.tobytes() == second.tobytes() != photo.tobytes()


# The program


def test_help_and_version_import_nothing_heavy():
    program = """
import sys
from hcl_sdk.cli import main

imported = []
for arguments in (["--version"], ["restore", "--help"], ["convert", "--help"], ["--help"]):
    try:
        main(arguments)
    except SystemExit as end:
        assert end.code == 0, arguments
    imported += {"torch", "numpy", "PIL", "pluggy", "attrs", "tqdm"} & set(sys.modules)
print(imported)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    *_, imported = done.stdout.splitlines()
    assert imported == "['pluggy']"  # for the list of all commands, which has those of plugins
    assert "NAME_restored.EXT" in done.stdout
    assert any(line.startswith("hcl ") and line.split()[1][0].isdigit() for line in done.stdout.splitlines())


def launched(*arguments: object) -> subprocess.CompletedProcess[str]:
    """``accelerate launch`` of two processes, whose option for several is called --multi_gpu on a CPU as well."""
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    command += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    command += ["-m", "hcl_sdk.cli", *map(str, arguments), "--device", "cpu"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def test_processes_of_a_launcher_share_the_photos():
    """2,000 photos of two sizes, some of which cannot be read: each is done once, and all failures listed once."""
    weights = "quick"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = ConvNeXtEncoder(channels=(4,), depths=(1,), kernel_size=3)
        clusterer = SoftKMeans(one_class=False, iterations=1)
        detector = Detector(encoder=encoder, interaction=Identity(), head=ProjectionHead(dim=4), clusterer=clusterer)
        Pipeline(detector, GatedUNet(dim=2, multipliers=(1, 2)), device="cpu").save_pretrained(weights)
    for seed in range(20):
        draw(f"drawn/{seed}.png", seed=seed, size=(WIDTH - seed % 2, HEIGHT))
    expected = Pipeline.from_pretrained(weights, device="cpu")
    restored = {seed: np.asarray(expected(f"drawn/{seed}.png").restored) for seed in range(20)}
    bad = {3: b"", 4: b"no picture", 1000: Path("drawn/0.png").read_bytes()[:600], 1998: b"\x89PNG\r\n\x1a\n"}
    Path("p").mkdir()
    for i in range(2000):
        if i in bad:
            Path(f"p/{i}.png").write_bytes(bad[i])
        else:
            os.link(f"drawn/{i % 20}.png", f"p/{i}.png")

    done = launched("restore", "p", "--json", "--weights", weights)
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(line["path"] for line in lines) == sorted(f"p/{i}.png" for i in range(2000))
    assert {line["path"] for line in lines if "error" in line} == {f"p/{i}.png" for i in bad}
    assert files("hcl_output") == {f"{i}_{w}.png" for i in range(2000) if i not in bad for w in ("mask", "restored")}
    for i in (0, 1, 2, 5, 19, 999, 1001, 1999):
        np.testing.assert_array_equal(pixels(f"hcl_output/{i}_restored.png"), restored[i % 20])
    assert done.stderr.count("1996 photos restored, results in hcl_output; 4 failed") == 1
    listed = [line.split(": ")[1] for line in done.stderr.splitlines() if line.startswith("Error: p")]
    assert listed == [f"p/{i}.png" for i in bad]

    # Of one process, and of the other: what an earlier run has left undone.
    lost = [f"hcl_output/{name}" for name in ("10_mask.png", "10_restored.png", "21_restored.png")]
    times = {name: os.stat(f"hcl_output/{name}").st_mtime_ns for name in files("hcl_output")}
    for name in lost:
        os.remove(name)
    for i in bad:
        os.remove(f"p/{i}.png")
    done = launched("restore", "p", "--json", "--resume", "--weights", weights)
    assert done.returncode == 0, done.stderr
    assert sorted(json.loads(line)["path"] for line in done.stdout.splitlines()) == ["p/10.png", "p/21.png"]
    assert done.stderr.count("2 photos restored, results in hcl_output; 1994 were there already") == 1
    again = {name for name in files("hcl_output") if os.stat(f"hcl_output/{name}").st_mtime_ns != times[name]}
    assert again == {"10_mask.png", "10_restored.png", "21_mask.png", "21_restored.png"}


def test_a_run_that_was_stopped_goes_on(hcl):
    draw("p/a.png")
    draw("p/b.tif", seed=1)
    draw("p/c.jpg", mode="CMYK", seed=2)
    draw("p/d.bmp", seed=3)
    Path("p/e.png").write_bytes(b"no picture")
    whole = files("hcl_output") if hcl("restore", "p", "--plot", status=1) else set()
    assert {"b_restored.tif", "c_restored.tiff", "d_restored.bmp"} < whole
    for lost in ("a_plot.png", "b_restored.tif", "c_mask.png", "d_restored.bmp"):
        (Path("hcl_output") / lost).unlink()
        result = hcl("restore", "p", "--plot", "--resume", status=1)
        assert "1 photo restored, results in hcl_output; 3 were there already; 1 failed" in result.stderr
        assert files("hcl_output") == whole
    assert "4 were there already" in hcl("detect", "p", "--resume", status=1).stderr
    # A restored JPEG is not what a run without --format writes.
    hcl("restore", "p/a.png", "--format", "jpg", "-o", "small")
    assert "1 photo restored" in hcl("restore", "p/a.png", "--resume", "-o", "small").stderr
    assert "0 photos restored" in hcl("restore", "p/a.png", "--resume", "--format", "jpg", "-o", "small").stderr
    assert "--resume" in hcl("detect", "p", "--coco", "c.json", "--resume", status=2).stderr


def test_several_processes_do_not_write_one_coco_file(hcl, monkeypatch):
    draw("a.png")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "--coco" in hcl("detect", "a.png", "--coco", "c.json", status=2).stderr


def test_a_device_that_is_not_there_is_a_wrong_option(hcl, monkeypatch):
    draw("a.png")
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    for device in ("cuda:2", "mps"):
        result = hcl("detect", "a.png", "--device", device, status=2)
        assert f"'{device}' is not available" in result.stderr
