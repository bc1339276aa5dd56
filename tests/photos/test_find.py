from __future__ import annotations

import os
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hcl_sdk.photos.find import is_photo, list_photos, make_natural_key, walk_files


@given(st.lists(st.text(string.ascii_letters + string.digits + "²½٣_.-", max_size=8), unique=True), st.randoms())
def test_the_order_of_names_does_not_depend_on_the_order_in_which_they_are_found(names: list[str], random: Any) -> None:
    expected = sorted(names, key=make_natural_key)
    random.shuffle(names)
    assert sorted(names, key=make_natural_key) == expected


def test_numbers_in_names_count_by_value() -> None:
    names = ["b1.jpg", "a10.jpg", "a2.jpg", "a02.jpg", "a.jpg"]
    assert sorted(names, key=make_natural_key) == ["a02.jpg", "a2.jpg", "a10.jpg", "a.jpg", "b1.jpg"]


def test_photos_are_found_at_every_depth_and_hidden_ones_are_not(
    tmp_path: Path, write_photo: Callable[..., Path]
) -> None:
    for name in ("b/2.PNG", "b/10.png", "a.jpg", "b/c/1.webp", ".hidden/x.jpg", "._a.jpg"):
        write_photo(tmp_path / name)
    (tmp_path / "notes.txt").touch()
    assert list_photos(tmp_path, "photos") == ["a.jpg", "b/2.PNG", "b/10.png", "b/c/1.webp"]


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path: Path, write_photo: Callable[..., Path]) -> None:
    write_photo(tmp_path / "real" / "1.png")
    write_photo(tmp_path / "photos" / "2.png")
    os.symlink(tmp_path / "real", tmp_path / "photos" / "linked")
    os.symlink(tmp_path / "photos", tmp_path / "photos" / "circle")
    os.symlink(tmp_path, tmp_path / "real" / "above")
    assert list_photos(tmp_path / "photos", "photos") == ["2.png", "linked/1.png"]


def test_a_walk_leaves_a_folder_out_under_whatever_name(tmp_path: Path) -> None:
    for name in ("a/1.png", "out/2.png", "a/deep/3.png", "4.txt", ".hidden/5.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "same").symlink_to(tmp_path / "out")
    options = {"follow_links": True, "on_error": pytest.fail, "left_out": tmp_path / "same"}
    found = [file.relative_to(tmp_path).as_posix() for file in walk_files(tmp_path, recursive=True, **options)]
    assert found == ["4.txt", "a/1.png", "a/deep/3.png"]
    assert [file.name for file in walk_files(tmp_path, recursive=False, **options)] == ["4.txt"]


def test_suffixes_that_are_registered_later_count(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_photo("photo.new")
    monkeypatch.setitem(Image.EXTENSION, ".new", "PNG")
    assert is_photo("photo.NEW")
    assert not is_photo(".new")
    assert not is_photo("drawing.eps")
    assert not is_photo("film.mpg")


@pytest.mark.parametrize(
    "written", [("log.jsonl", "training.yaml"), ("log.jsonl", "panels/1.png"), ("metrics.json", "items.jsonl")]
)
def test_files_written_by_training_and_evaluation_are_left_out(tmp_path: Path, written: tuple[str, ...]) -> None:
    for name in ("a.png", "in/b.png", "run/panels/1.png", "run/sheet.png", *(f"run/{name}" for name in written)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert sorted(list_photos(tmp_path, "photos")) == ["a.png", "in/b.png"]


def test_results_in_the_folder_of_the_photos_are_left_out(tmp_path: Path) -> None:
    written = ("log.jsonl", "training.yaml", "metrics.json", "items.jsonl")
    for name in ("a.png", "in/panels/b.png", "panels/1.jpg", "best_detection.jpg", "worst_clean.jpg", *written):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert list_photos(tmp_path, "photos") == ["a.png", "in/panels/b.png"]
    for name in written:
        (tmp_path / name).unlink()
    assert sorted(list_photos(tmp_path, "photos")) == [
        "a.png",
        "best_detection.jpg",
        "in/panels/b.png",
        "panels/1.jpg",
        "worst_clean.jpg",
    ]
