"""Folders of photos: their order, lists of names, how photos are decoded, what is missing."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from photo_files import draw_gray, encode_photo, list_names, read_grays, write_shard
from PIL import Image

from hcl_sdk import SampleError
from hcl_sdk.config import ConfigError, build, describe
from hcl_sdk.corruptions import Corruption
from hcl_sdk.data import (
    FFHQ,
    ISTD,
    CelebAHQ,
    FolderDataset,
    ImageNet,
    Items,
    Logo30K,
    PairsDataset,
    ParisStreetView,
    Places365,
    Raindrop,
    WebDataset,
)


def test_a_folder_is_searched_in_natural_order(tmp_path: Path) -> None:
    for i, name in enumerate(("b10.png", "b2.PNG", "a/z.bmp", "a/y/x.webp")):
        draw_gray(tmp_path / name, 10 * i)
    (tmp_path / "notes.txt").write_text("no photo")
    draw_gray(tmp_path / ".hidden" / "c.png")
    dataset = FolderDataset(path=str(tmp_path))
    assert list_names(dataset) == ["a/y/x.webp", "a/z.bmp", "b2.PNG", "b10.png"]
    assert read_grays(dataset) == [30, 20, 10, 0]
    assert pickle.loads(pickle.dumps(dataset))[3].image.shape == (8, 12, 3)
    again: Any = build(describe(dataset), "dataset")
    assert again.path == str(tmp_path)


def test_lists_of_names_choose(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c/d.png"):
        draw_gray(tmp_path / "photos" / name)
    path, names_file = str(tmp_path / "photos"), tmp_path / "names.txt"
    names_file.write_text("b.png\nc/d.png\n")
    assert list_names(FolderDataset(path=path, only=str(names_file))) == ["b.png", "c/d.png"]
    assert list_names(FolderDataset(path=path, exclude=str(names_file))) == ["a.png"]
    names_file.write_text("b.png\nx.png\n")
    with pytest.raises(ValueError, match=r"names\.txt names files that do not exist: x\.png"):
        FolderDataset(path=path, only=str(names_file))
    names_file.write_text("a.png\nb.png\nc/d.png")
    with pytest.raises(ValueError, match="no photo is left"):
        FolderDataset(path=path, exclude=str(names_file))
    with pytest.raises(ValueError, match="expected a text file with names"):
        FolderDataset(path=path, only=str(tmp_path / "nowhere.txt"))
    with pytest.raises(ValueError, match=r"expected a text file with names, one per line: /dev/zero is not a regular"):
        FolderDataset(path=path, only="/dev/zero")


def test_lists_name_files_that_are_not_utf8(tmp_path: Path) -> None:
    strange = os.fsdecode(b"caf\xe9.png")
    for name in ("a.png", strange):
        try:
            draw_gray(tmp_path / "photos" / name)
        except OSError:
            pytest.skip("this file system takes UTF-8 only")
    (tmp_path / "names.txt").write_bytes(b"caf\xe9.png\n")
    assert list_names(FolderDataset(path=str(tmp_path / "photos"), only=str(tmp_path / "names.txt"))) == [strange]


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_photos_are_shrunk_while_they_are_decoded(tmp_path: Path, suffix: str) -> None:
    draw_gray(tmp_path / f"large.{suffix}", 90, (400, 300))
    draw_gray(tmp_path / f"small.{suffix}", 90, (40, 30))
    shapes = [FolderDataset(path=str(tmp_path), shorter_side=60)[i].image.shape for i in range(2)]
    assert shapes == [(60, 80, 3), (30, 40, 3)]


def test_modes_and_orientation(tmp_path: Path) -> None:
    Image.new("L", (5, 4), 7).save(tmp_path / "1.png")
    Image.new("RGBA", (5, 4), (9, 9, 9, 0)).save(tmp_path / "2.png")
    Image.new("P", (5, 4)).save(tmp_path / "3.png")
    Image.new("CMYK", (5, 4)).save(tmp_path / "4.jpg")
    Image.fromarray(np.full((4, 5), 65535, np.uint16)).save(tmp_path / "5.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    draw_gray(tmp_path / "6.jpg", 50, (5, 4), exif=exif)
    dataset = FolderDataset(path=str(tmp_path))
    assert [dataset[i].image.shape for i in range(6)] == [(4, 5, 3)] * 5 + [(5, 4, 3)]
    assert read_grays(dataset) == [7, 9, 0, 255, 255, 50]
    assert all(dataset[i].image.flags.writeable for i in range(6))


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0 not a photo", b"GIF89a"])
def test_undecodable_files_give_the_reason(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.jpg").write_bytes(content)
    draw_gray(tmp_path / "whole.jpg", 3, (200, 200))
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:400])
    dataset = FolderDataset(path=str(tmp_path))
    assert len(dataset) == 3
    for i, name in enumerate(("bad.jpg", "cut.jpg")):
        with pytest.raises(SampleError, match=name):
            dataset[i]
    assert dataset[2].image[0, 0, 0] == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda p: FolderDataset(path=p),
        lambda p: FFHQ(path=p),
        lambda p: CelebAHQ(path=p),
        lambda p: ImageNet(path=p),
        lambda p: Places365(path=p),
        lambda p: ParisStreetView(path=p),
        lambda p: Logo30K(path=p),
        lambda p: ISTD(path=p),
        lambda p: Raindrop(path=p),
        lambda p: PairsDataset(damaged=p, clean=p),
        lambda p: WebDataset(path=p),
    ],
)
def test_missing_and_empty_folders_are_errors(make: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no folder|expected tar files"):
        make(str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="expected"):
        make(str(tmp_path))


def test_errors_say_what_was_found_instead(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match=r"no folder .*fotos/2026'; .* holds notes\.txt"):
        FolderDataset(path=str(tmp_path / "fotos" / "2026"))
    with pytest.raises(ValueError, match=r"notes\.txt' is a file"):
        FolderDataset(path=str(tmp_path / "notes.txt"))
    with pytest.raises(ValueError, match=r"expected photos \(.*\.jpg.*\), got none; .* holds notes\.txt"):
        FolderDataset(path=str(tmp_path))
    for make, folder in (
        (ImageNet, "'train', .* with ImageNet's images"),
        (Places365, "'train', .* with Places365's images"),
        (ParisStreetView, "'paris_train_original'"),
        (CelebAHQ, "'CelebA-HQ-img' with 0.jpg"),
        (ISTD, "'train/train_A' with ISTD's shadow photos"),
        (Raindrop, "'train/data' with 0_rain.png"),
        (Logo30K, "'train_images/image' with watermarked photos"),
    ):
        with pytest.raises(ValueError, match=rf"expected (the folder|one of the folders) {folder}.*holds notes\.txt"):
            make(path=str(tmp_path))
    with pytest.raises(ConfigError, match=r"dataset: expected a folder with photos; there is no folder"):
        build({"use": "folder", "path": str(tmp_path / "gone")}, "dataset")


def test_nothing_is_decoded_for_length_and_names_and_pickles_are_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(50):
        draw_gray(tmp_path / "photos" / f"{number}.png")
    write_shard(tmp_path / "s.tar", {f"{number}.png": encode_photo((1, 1, 1)) for number in range(50)})
    monkeypatch.setattr(Image, "open", None)
    for dataset in (FolderDataset(path=str(tmp_path / "photos")), WebDataset(path=str(tmp_path / "s.tar"))):
        assert (len(dataset), len(list_names(dataset))) == (50, 50)
        assert len(pickle.dumps(dataset)) < 8000
        with pytest.raises(IndexError):
            dataset[50]


def test_worker_processes_read_the_same_samples(tmp_path: Path) -> None:
    for number in range(4):
        draw_gray(tmp_path / "photos" / f"{number}.png", number)
    write_shard(tmp_path / "s.tar", {f"{number}.png": encode_photo((number,) * 3) for number in range(4)})
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        for dataset in (FolderDataset(path=str(tmp_path / "photos")), WebDataset(path=str(tmp_path / "s.tar"))):
            items = Items(dataset, 16, corruption=Corruption(), seed=5, augment=True)
            for source in (dataset, items):
                found = pool.map(source.__getitem__, [3, 0, 2, 1])
                assert all(np.array_equal(f.image, source[i].image) for f, i in zip(found, [3, 0, 2, 1], strict=True))
