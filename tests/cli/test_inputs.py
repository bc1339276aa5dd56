from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from photo_files import draw, draw_mask, list_files, read_contents, read_pixels
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hcl_sdk import Photo, Pipeline


def test_a_folder_is_mirrored_and_other_files_are_counted(hcl: Callable[..., Result]) -> None:
    for name in ("p/a.jpg", "p/in/b.PNG", "p/in/deep/c.bmp", "p/.hidden.png", "p/.hidden/d.png"):
        draw(name)
    Path("p/notes.txt").write_text("not a photo")
    Path("p/film.mpg").write_text("not a photo")
    result = hcl("detect", "p", "-r")
    assert list_files("hcl_output") == {"a_mask.png", "in/b_mask.png", "in/deep/c_mask.png"}
    assert "3 photos" in result.stderr
    assert "3 other files ignored" in result.stderr


def test_without_recursive_only_the_folder_itself_is_searched(hcl: Callable[..., Result]) -> None:
    draw("p/a.jpg")
    draw("p/in/b.jpg")
    hcl("detect", "p")
    assert list_files("hcl_output") == {"a_mask.png"}


def test_several_folders_keep_their_names(hcl: Callable[..., Result]) -> None:
    draw("2023/a.jpg")
    draw("2024/a.jpg", seed=1)
    hcl("detect", "2023", "2024")
    assert list_files("hcl_output") == {"2023/a_mask.png", "2024/a_mask.png"}


def test_several_folders_of_one_name_are_told_apart_by_their_parents(hcl: Callable[..., Result]) -> None:
    for seed, name in enumerate(("x/in/a.jpg", "y/in/a.jpg", "other/a.jpg")):
        draw(name, seed=seed)
    hcl("detect", "x/in", "y/in", "other", "x/in/../in")
    assert list_files("hcl_output") == {"x/in/a_mask.png", "y/in/a_mask.png", "other/a_mask.png"}
    hcl("restore", "x/in", "y/in", "--mask", "hcl_output", "-o", "again")
    assert list_files("again") == {f"{n}/in/a_{what}.png" for n in "xy" for what in ("mask", "restored")}


def test_results_of_an_earlier_run_are_not_input_and_are_overwritten(hcl: Callable[..., Result]) -> None:
    draw("a.jpg")
    hcl("restore", "-r", ".", "--sensitivity", "1")
    first = read_contents("hcl_output")
    hcl("restore", "-r", ".", "--sensitivity", "0")
    assert list_files("hcl_output") == set(first)
    assert all(first[name] != content for name, content in read_contents("hcl_output").items())


def test_files_written_by_training_and_evaluation_are_not_input(hcl: Callable[..., Result]) -> None:
    for name in ("p/a.png", "p/in/b.png", "p/run/panels/1.png", "p/measured/best_detection.png"):
        draw(name)
    for name in ("run/log.jsonl", "run/training.yaml", "measured/metrics.json", "measured/items.jsonl"):
        Path("p", name).touch()
    result = hcl("detect", "-r", "p")
    assert list_files("hcl_output") == {"a_mask.png", "in/b_mask.png"}
    for folder in ("p/run", "p/measured"):
        assert f"results of training or an evaluation in {folder} ignored" in result.stderr
    hcl("detect", "p/run/panels", "-o", "named")
    assert list_files("named") == {"1_mask.png"}


def test_a_name_with_line_breaks_is_shown_on_one_line(hcl: Callable[..., Result]) -> None:
    draw("p/a.png").rename("p/a\n\x1b[31mb.png")
    result = hcl("detect", "p", "p/no\nthing.png", status=1)
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == [r"p/a\n\x1b[31mb.png"]
    assert r"Error: p/no\nthing.png: there is no such file" in result.stderr.splitlines()


def test_a_file_with_any_name_is_taken_and_one_given_twice_counts_once(hcl: Callable[..., Result]) -> None:
    draw("a.png").rename("photo")
    result = hcl("detect", "photo", "./photo", Path("photo").resolve())
    assert "1 photo " in result.stderr
    assert list_files("hcl_output") == {"photo_mask.png"}


def test_photos_that_differ_only_in_suffix_get_separate_results(hcl: Callable[..., Result]) -> None:
    draw("p/a.jpg")
    draw("p/a.png", seed=1)
    draw("p/b.png", seed=2)
    hcl("restore", "p", "-o", "out")
    assert list_files("out") == {
        *("a_jpg_mask.png", "a_jpg_restored.png", "a_png_mask.png", "a_png_restored.png"),
        *("b_mask.png", "b_restored.png"),
    }


def test_photos_of_one_name_in_several_folders_have_results_in_folders_of_their_own(
    hcl: Callable[..., Result], pipeline: Pipeline
) -> None:
    for seed, name in enumerate(("p/x/a.png", "p/y/in/a.png", "p/x/b.png", "p/x/a.jpg")):
        draw(name, seed=seed)
    hcl("restore", "p/x/a.png", "p/y/in/a.png", "p/x/b.png", "p/x/a.jpg", "./p/x/a.png")
    names = "x/a", "y/in/a", "b", "a"
    assert list_files("hcl_output") == {f"{name}_{what}.png" for name in names for what in ("mask", "restored")}
    for name, file in zip(names, ("p/x/a.png", "p/y/in/a.png", "p/x/b.png", "p/x/a.jpg"), strict=True):
        np.testing.assert_array_equal(
            read_pixels(f"hcl_output/{name}_mask.png"), np.asarray(pipeline.detect(file).mask)
        )
    assert "4 already done" in hcl("restore", *(f"p/{n}" for n in sorted(list_files("p"))), "--resume").stderr
    # And the masks are found there again.
    hcl("restore", "p/x/a.png", "p/y/in/a.png", "--mask", "hcl_output", "-o", "again")
    assert list_files("again") == {f"{name}_{what}.png" for name in names[:2] for what in ("mask", "restored")}


def test_photos_whose_results_would_share_a_name_fail_without_stopping_the_run(hcl: Callable[..., Result]) -> None:
    for name in ("x/a.png", "y/x/a.png", "y/a.png", "y/b.png"):
        draw(name)
    result = hcl("detect", "y", "-r", "x/a.png", "y/a.png", status=1)
    assert "Error: x/a.png: its results and those of y/x/a.png would both be called x/a_png_..." in result.stderr
    assert "Error: y/x/a.png: its results and those of x/a.png" in result.stderr
    assert list_files("hcl_output") == {"a_mask.png", "b_mask.png"}


def test_results_beside_the_photos_are_not_input(hcl: Callable[..., Result]) -> None:
    for name in ("p/a.png", "p/b.jpg", "p/b.png", "p/in/c.png", "p/other_mask.png", "p/a_b_restored.png"):
        draw(name)
    photos = sorted(list_files("p"))
    hcl("restore", *(f"p/{name}" for name in ("a.png", "b.jpg", "b.png")), "-o", "p", "--plot")
    assert len(list_files("p")) == len(photos) + 9
    result = hcl("detect", "p", "-r")
    assert f"{len(photos)} photos examined" in result.stderr
    assert "9 results of earlier runs ignored; name them to process them anyway" in result.stderr
    hcl("detect", "p/a_mask.png", "-o", "named")
    assert list_files("named") == {"a_mask_mask.png"}
    hcl("restore", "p", "--mask", "p", "-o", "filled", status=1)  # of two there is no mask
    assert {"a_restored.png", "b_jpg_restored.png"} <= list_files("filled")


def test_suffixes_that_differ_in_case_only_fail_and_stop_nothing(hcl: Callable[..., Result]) -> None:
    for name in ("p/a.jpg", "p/a.png", "p/a.PNG"):
        draw(name)
    if len(list_files("p")) < 3:
        pytest.skip("the file system knows no case")
    result = hcl("detect", "p", status=1)
    assert result.stderr.count("Error: ") == 2
    assert list_files("hcl_output") == {"a_jpg_mask.png"}


@pytest.mark.parametrize("output", ["p", "p/../p", "link"])
def test_results_do_not_go_among_the_photos_of_a_folder(hcl: Callable[..., Result], output: str) -> None:
    draw("p/a.png")
    Path("link").symlink_to("p")
    result = hcl("detect", "p", "-o", output, status=2)
    assert "-o" in result.stderr
    assert list_files("p") == {"a.png"}


def test_an_input_is_never_overwritten(hcl: Callable[..., Result]) -> None:
    for seed, name in enumerate(["p/a.png", "p/a_mask.png", "p/a_restored.png", "p/b.png"]):
        draw(name, seed=seed)
    before = read_contents("p")
    result = hcl("restore", *(f"p/{name}" for name in sorted(before)), "-o", "p", status=1)
    assert {name: content for name, content in read_contents("p").items() if name in before} == before
    assert "Error: p/a.png: the input p/a_mask.png would be overwritten" in result.stderr
    assert {"b_restored.png", "b_mask.png"} <= list_files("p")


def test_an_input_named_like_a_rarer_result_is_not_overwritten(hcl: Callable[..., Result]) -> None:
    draw("p/a_restored.tiff")
    draw("p/b_restored.tiff")
    draw("p/b.jpg")
    with Image.open(draw("p/a.jpg")) as image:
        image.convert("CMYK").save("p/a.jpg")
    before = read_contents("p")
    result = hcl("restore", *(f"p/{name}" for name in sorted(before)), "-o", "p", status=1)
    assert {name: content for name, content in read_contents("p").items() if name in before} == before
    assert "Error: p/a.jpg: the input p/a_restored.tiff would be overwritten" in result.stderr
    assert result.stderr.count("Error: ") == 1  # b becomes a PNG
    assert "b_restored.png" in list_files("p")
    assert not list_files("p") & {"a_mask.png", "a_restored.png"}


def test_an_input_is_not_overwritten_through_a_link(hcl: Callable[..., Result]) -> None:
    before = draw("a.png").read_bytes()
    Path("out").mkdir()
    Path("out/a_mask.png").symlink_to("../a.png")
    result = hcl("detect", "a.png", "-o", "out", status=1)
    assert "would be overwritten" in result.stderr
    assert Path("a.png").read_bytes() == before


def test_photos_whose_result_would_overwrite_an_input_are_skipped(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("p/a.png", "p/a_mask.png", "p/b.png"):
        draw(name)
    seen, detect = [], Pipeline.detect

    def spy(self: Pipeline, photo: Photo, **options: Any) -> Any:
        seen.append(photo.path)
        return detect(self, photo, **options)

    monkeypatch.setattr(Pipeline, "detect", spy)
    result = hcl("detect", *(f"p/{name}" for name in ("a.png", "a_mask.png", "b.png")), "-o", "p", status=1)
    assert "Error: p/a.png: the input p/a_mask.png would be overwritten" in result.stderr
    assert seen == [Path("p/a_mask.png"), Path("p/b.png")]


def test_photos_that_are_not_regular_files_are_named_at_once(hcl: Callable[..., Result]) -> None:
    draw("p/a.png")
    os.mkfifo("p/pipe.jpg")
    Path("p/zero.png").symlink_to("/dev/zero")
    result = hcl("detect", "p", status=1)
    for name in ("pipe.jpg", "zero.png"):
        assert f"Error: p/{name}: this is not a regular file" in result.stderr
    assert list_files("hcl_output") == {"a_mask.png"}
    draw_mask("m.png")
    os.mkfifo("pipe.png")
    result = hcl("restore", "p/a.png", "--mask", "pipe.png", status=1)
    assert "Error: p/a.png: pipe.png: this is not a regular file" in result.stderr


def test_a_folder_without_photos_is_named(hcl: Callable[..., Result]) -> None:
    draw("p/a.png")
    Path("empty").mkdir()
    Path("notes/deep").mkdir(parents=True)
    Path("notes/deep/b.txt").touch()
    said = hcl("detect", "p", "empty", "notes", "empty", "-r").stderr
    assert "1 photo examined, results in hcl_output; no photos in empty; no photos in notes; 1 other file" in said
    assert "no photos" not in hcl("detect", "p").stderr
    said = hcl("detect", "empty", "notes", "gone.jpg", status=1).stderr
    assert "no photos in empty; no photos in notes" in said


def test_a_pipe_from_the_shell_is_read_to_its_end(hcl: Callable[..., Result]) -> None:
    content = draw("a.png").read_bytes()
    reader, writer = os.pipe()
    with open(reader, "rb"), open(writer, "wb") as file:
        file.write(content)
        file.close()
        hcl("restore", f"/dev/fd/{reader}")
    assert list_files("hcl_output") == {f"{reader}_mask.png", f"{reader}_restored.png"}


def test_larger_photos_are_refused_unless_allowed(hcl: Callable[..., Result]) -> None:
    draw("a.png")  # 660 pixels
    result = hcl("detect", "a.png", "--max-megapixels", "0.0005", status=1)
    assert "Error: a.png: 30 x 22 are 0.00066 megapixels; expected at most 0.0005" in result.stderr
    hcl("detect", "a.png", "--max-megapixels", "0.00066")
    assert list_files("hcl_output") == {"a_mask.png"}
    assert "--max-megapixels" in hcl("detect", "a.png", "--max-megapixels", "0", status=2).stderr


def test_parts_left_out_of_a_photo_are_noted(hcl: Callable[..., Result]) -> None:
    info = PngInfo()
    info.add_text("Comment", "x" * 2_000_000, zip=True)
    with Image.open(draw("a.png")) as image:
        image.save("a.png", pnginfo=info)
    note = "a text 'Comment' of 1 MB or more is left out"
    assert f"Note: a.png: {note}\n" in hcl("detect", "a.png").stderr
    assert json.loads(hcl("detect", "a.png", "--json").stdout)["notes"] == [note]
    assert "Note" not in hcl("detect", "a.png", "-q").stderr


def test_a_photo_whose_result_would_have_too_long_a_name_fails_alone(hcl: Callable[..., Result]) -> None:
    longest = os.pathconf(".", "PC_NAME_MAX")
    draw("p/a.png")
    draw(f"p/{'x' * (longest - 4)}.png")
    for options in ([], ["--resume"]):
        said = hcl("detect", "p", *options, status=1).stderr
        assert f"{'x' * (longest - 4)}_mask.png: cannot be written: File name too long\n" in said
        assert list_files("hcl_output") == {"a_mask.png"}
