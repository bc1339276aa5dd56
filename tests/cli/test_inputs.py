from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from photo_files import contents, draw, files


def test_a_folder_is_mirrored_and_what_is_no_picture_is_counted(hcl: Callable[..., Result]) -> None:
    for name in ("p/a.jpg", "p/in/b.PNG", "p/in/deep/c.bmp", "p/.hidden.png", "p/.hidden/d.png"):
        draw(name)
    Path("p/notes.txt").write_text("no picture")
    Path("p/film.mpg").write_text("no picture")
    result = hcl("detect", "p", "-r")
    assert files("hcl_output") == {"a_mask.png", "in/b_mask.png", "in/deep/c_mask.png"}
    assert "3 photos" in result.stderr
    assert "3 other files ignored" in result.stderr


def test_without_recursive_only_the_folder_itself_is_searched(hcl: Callable[..., Result]) -> None:
    draw("p/a.jpg")
    draw("p/in/b.jpg")
    hcl("detect", "p")
    assert files("hcl_output") == {"a_mask.png"}


def test_several_folders_keep_their_names(hcl: Callable[..., Result]) -> None:
    draw("2023/a.jpg")
    draw("2024/a.jpg", seed=1)
    hcl("detect", "2023", "2024")
    assert files("hcl_output") == {"2023/a_mask.png", "2024/a_mask.png"}


def test_what_an_earlier_run_wrote_is_no_input_and_is_overwritten(hcl: Callable[..., Result]) -> None:
    draw("a.jpg")
    hcl("restore", "-r", ".", "--sensitivity", "1")
    first = contents("hcl_output")
    hcl("restore", "-r", ".", "--sensitivity", "0")
    assert files("hcl_output") == set(first)
    assert all(first[name] != content for name, content in contents("hcl_output").items())


def test_a_file_with_any_name_is_taken_and_one_given_twice_counts_once(hcl: Callable[..., Result]) -> None:
    draw("a.png").rename("photo")
    result = hcl("detect", "photo", "./photo", Path("photo").resolve())
    assert "1 photo " in result.stderr
    assert files("hcl_output") == {"photo_mask.png"}


def test_photos_that_differ_in_their_suffix_have_results_of_their_own(hcl: Callable[..., Result]) -> None:
    draw("p/a.jpg")
    draw("p/a.png", seed=1)
    draw("p/b.png", seed=2)
    hcl("restore", "p", "-o", "out")
    assert files("out") == {
        *("a_jpg_mask.png", "a_jpg_restored.png", "a_png_mask.png", "a_png_restored.png"),
        *("b_mask.png", "b_restored.png"),
    }


def test_photos_whose_results_would_have_one_name_fail_and_stop_nothing(hcl: Callable[..., Result]) -> None:
    for name in ("x/a.png", "y/a.png", "x/b.png"):
        draw(name)
    result = hcl("detect", "x/a.png", "y/a.png", "x/b.png", status=1)
    assert "Error: x/a.png: its results and those of y/a.png would both be called a_png_..." in result.stderr
    assert "Error: y/a.png: its results and those of x/a.png" in result.stderr
    assert files("hcl_output") == {"b_mask.png"}


def test_suffixes_that_differ_in_case_only_fail_and_stop_nothing(hcl: Callable[..., Result]) -> None:
    for name in ("p/a.jpg", "p/a.png", "p/a.PNG"):
        draw(name)
    if len(files("p")) < 3:
        pytest.skip("the file system knows no case")
    result = hcl("detect", "p", status=1)
    assert result.stderr.count("Error: ") == 2
    assert files("hcl_output") == {"a_jpg_mask.png"}


@pytest.mark.parametrize("output", ["p", "p/../p", "link"])
def test_results_do_not_go_among_the_photos_of_a_folder(hcl: Callable[..., Result], output: str) -> None:
    draw("p/a.png")
    Path("link").symlink_to("p")
    result = hcl("detect", "p", "-o", output, status=2)
    assert "-o" in result.stderr
    assert files("p") == {"a.png"}


def test_an_input_is_never_overwritten(hcl: Callable[..., Result]) -> None:
    for seed, name in enumerate(["p/a.png", "p/a_mask.png", "p/a_restored.png", "p/b.png"]):
        draw(name, seed=seed)
    before = contents("p")
    result = hcl("restore", *(f"p/{name}" for name in sorted(before)), "-o", "p", status=1)
    assert {name: content for name, content in contents("p").items() if name in before} == before
    assert "Error: p/a.png: the input p/a_mask.png would be overwritten" in result.stderr
    assert {"b_restored.png", "b_mask.png"} <= files("p")


def test_an_input_is_not_overwritten_through_a_link(hcl: Callable[..., Result]) -> None:
    before = draw("a.png").read_bytes()
    Path("out").mkdir()
    Path("out/a_mask.png").symlink_to("../a.png")
    result = hcl("detect", "a.png", "-o", "out", status=1)
    assert "would be overwritten" in result.stderr
    assert Path("a.png").read_bytes() == before
