"""Datasets, each on a miniature of its layout."""

from __future__ import annotations

import gzip
import io
import multiprocessing
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from photo_files import draw_gray, make_mask, write_shard
from PIL import Image

from hcl_sdk import SampleError
from hcl_sdk.config import ConfigError, build, describe
from hcl_sdk.corruptions import Corruption
from hcl_sdk.data import (
    FFHQ,
    ISTD,
    CelebAHQ,
    FolderDataset,
    HuggingFaceDataset,
    ImageNet,
    Items,
    Logo30K,
    PairsDataset,
    ParisStreetView,
    Places365,
    Raindrop,
    WebDataset,
)
from hcl_sdk.data.logo_30k import STRAY


def put_mask(path: Path, *arguments: Any, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    make_mask(*arguments, **options).save(path)


def names(dataset: Any) -> Any:
    return [dataset.name(i) for i in range(len(dataset))]


def values(dataset: Any) -> Any:
    return [int(dataset[i].image[0, 0, 0]) for i in range(len(dataset))]


# Any folder


def test_a_folder_is_searched_in_natural_order(tmp_path: Path) -> None:
    for i, name in enumerate(("b10.png", "b2.PNG", "a/z.bmp", "a/y/x.webp")):
        draw_gray(tmp_path / name, 10 * i)
    (tmp_path / "notes.txt").write_text("no photo")
    draw_gray(tmp_path / ".hidden" / "c.png")
    dataset = FolderDataset(path=str(tmp_path))
    assert names(dataset) == ["a/y/x.webp", "a/z.bmp", "b2.PNG", "b10.png"]
    assert values(dataset) == [30, 20, 10, 0]
    assert pickle.loads(pickle.dumps(dataset))[3].image.shape == (8, 12, 3)
    again: Any = build(describe(dataset), "dataset")
    assert again.path == str(tmp_path)


def test_lists_of_names_choose(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c/d.png"):
        draw_gray(tmp_path / "photos" / name)
    path, names_file = str(tmp_path / "photos"), tmp_path / "names.txt"
    names_file.write_text("b.png\nc/d.png\n")
    assert names(FolderDataset(path=path, only=str(names_file))) == ["b.png", "c/d.png"]
    assert names(FolderDataset(path=path, exclude=str(names_file))) == ["a.png"]
    names_file.write_text("b.png\nx.png\n")
    with pytest.raises(ValueError, match=r"names\.txt names files that are not there: x\.png"):
        FolderDataset(path=path, only=str(names_file))
    names_file.write_text("a.png\nb.png\nc/d.png")
    with pytest.raises(ValueError, match="leave no photo"):
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
    assert names(FolderDataset(path=str(tmp_path / "photos"), only=str(tmp_path / "names.txt"))) == [strange]


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
    assert values(dataset) == [7, 9, 0, 255, 255, 50]
    assert all(dataset[i].image.flags.writeable for i in range(6))


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0 not a photo", b"GIF89a"])
def test_what_cannot_be_decoded_says_why(tmp_path: Path, content: bytes) -> None:
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


def test_errors_say_what_is_there_instead(tmp_path: Path) -> None:
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
    write_shard(tmp_path / "s.tar", {f"{number}.png": encoded((1, 1, 1)) for number in range(50)})
    monkeypatch.setattr(Image, "open", None)
    for dataset in (FolderDataset(path=str(tmp_path / "photos")), WebDataset(path=str(tmp_path / "s.tar"))):
        assert (len(dataset), len(names(dataset))) == (50, 50)
        assert len(pickle.dumps(dataset)) < 8000
        with pytest.raises(IndexError):
            dataset[50]


def test_worker_processes_read_the_same_samples(tmp_path: Path) -> None:
    for number in range(4):
        draw_gray(tmp_path / "photos" / f"{number}.png", number)
    write_shard(tmp_path / "s.tar", {f"{number}.png": encoded((number,) * 3) for number in range(4)})
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        for dataset in (FolderDataset(path=str(tmp_path / "photos")), WebDataset(path=str(tmp_path / "s.tar"))):
            items = Items(dataset, 16, corruption=Corruption(), seed=5, augment=True)
            for source in (dataset, items):
                found = pool.map(source.__getitem__, [3, 0, 2, 1])
                assert all(np.array_equal(f.image, source[i].image) for f, i in zip(found, [3, 0, 2, 1], strict=True))


# Pairs


def pairs(root: Any, white: bool = True) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    for i, name in enumerate(("a", "b/c")):
        draw_gray(root / "damaged" / f"{name}.jpg", 10 + i)
        draw_gray(root / "clean" / f"{name}.png", 20 + i)
        put_mask(root / "masks" / f"{name}.png", white=white)
    return {"damaged": str(root / "damaged")}, {"clean": str(root / "clean")}, {"masks": str(root / "masks")}


def test_pairs_with_and_without_masks(tmp_path: Path) -> None:
    damaged, clean, masks = pairs(tmp_path)
    both = PairsDataset(**damaged, **clean, **masks)
    assert names(both) == ["a", "b/c"]
    sample = both[1]
    assert (sample.image[0, 0, 0], sample.clean[0, 0, 0]) == (11, 21)
    assert sample.corruption_mask.mean() == 0.25
    assert sample.corruption_mask[0, 0]
    assert PairsDataset(**damaged, **clean)[0].corruption_mask is None
    assert PairsDataset(**damaged, **masks)[0].clean is None
    with pytest.raises(ValueError, match="of clean photos, of masks or both; got neither"):
        PairsDataset(**damaged)


def test_the_polarity_of_masks_is_checked(tmp_path: Path) -> None:
    damaged, _, masks = pairs(tmp_path, white=False)
    with pytest.raises(ValueError, match=r"cover 75 % .* meant with corrupted='black'"):
        PairsDataset(**damaged, **masks)
    assert PairsDataset(**damaged, **masks, corrupted="black")[0].corruption_mask.mean() == 0.25


def test_pairs_that_do_not_match_are_named(tmp_path: Path) -> None:
    damaged, clean, masks = pairs(tmp_path)
    draw_gray(tmp_path / "damaged" / "alone.jpg")
    put_mask(tmp_path / "masks" / "other.png")
    with pytest.raises(ValueError, match="do not match") as raised:
        PairsDataset(**damaged, **clean, **masks)
    for part in (
        "damaged without clean: alone.jpg",
        "damaged without masks: alone.jpg",
        "masks without damaged: other",
    ):
        assert part in str(raised.value)
    draw_gray(tmp_path / "clean" / "alone.jpg")
    draw_gray(tmp_path / "clean" / "alone.png")
    with pytest.raises(ValueError, match=r"clean of the same name: alone\.jpg and alone\.png"):
        PairsDataset(**damaged, **clean)


def test_pairs_become_items_that_are_not_corrupted_again(tmp_path: Path) -> None:
    damaged, clean, masks = pairs(tmp_path)
    for fields in (clean, masks, clean | masks):
        for augment in (False, True):
            item = Items(PairsDataset(**damaged, **fields), 6, corruption=Corruption(), seed=1, augment=augment)[0]
            assert (item.clean is None, item.corruption_mask is None) == ("clean" not in fields, "masks" not in fields)
            assert int(item.image[0, 0, 0]) in (10, 11)
            assert "clean" not in fields or int(item.clean[0, 0, 0]) == int(item.image[0, 0, 0]) + 10
            assert "masks" not in fields or item.corruption_mask.dtype == np.bool_


def test_endings_may_tell_the_folders_apart(tmp_path: Path) -> None:
    draw_gray(tmp_path / "damaged" / "1_rain.png", 1)
    draw_gray(tmp_path / "clean" / "1_dry.jpg", 2)
    put_mask(tmp_path / "masks" / "1_mask.png")
    fields: dict[str, Any] = {what: str(tmp_path / what) for what in ("damaged", "clean", "masks")}
    dataset = PairsDataset(**fields, damaged_ending="_rain", clean_ending="_dry", mask_ending="_mask")
    assert names(dataset) == ["1"]
    assert (dataset[0].image[0, 0, 0], dataset[0].clean[0, 0, 0]) == (1, 2)
    with pytest.raises(ValueError, match=r"clean not named \.\.\._wet: 1_dry\.jpg"):
        PairsDataset(**fields, damaged_ending="_rain", clean_ending="_wet", mask_ending="_mask")


@pytest.mark.parametrize("part", ["damaged/a.jpg", "clean/a.png", "masks/a.png"])
def test_a_bad_part_of_a_pair_is_reported_by_its_sample_alone(tmp_path: Path, part: str) -> None:
    damaged, clean, masks = pairs(tmp_path)
    (tmp_path / part).write_bytes((tmp_path / part).read_bytes()[:40])
    dataset = PairsDataset(**damaged, **clean, **masks)
    with pytest.raises(SampleError, match=part):
        dataset[0]
    assert dataset[1].clean is not None


def test_parts_of_different_sizes_are_unreadable(tmp_path: Path) -> None:
    draw_gray(tmp_path / "damaged" / "a.png", size=(12, 8))
    draw_gray(tmp_path / "clean" / "a.png", size=(12, 9))
    put_mask(tmp_path / "masks" / "a.png", size=(11, 8))
    damaged = str(tmp_path / "damaged")
    with pytest.raises(SampleError, match=r"have the same size; got \[8, 12, 3\] and uint8 \[9, 12, 3\]"):
        PairsDataset(damaged=damaged, clean=str(tmp_path / "clean"))[0]
    with pytest.raises(SampleError, match=r"must be bool \[8, 12\], as its image is; got bool \[8, 11\]"):
        PairsDataset(damaged=damaged, masks=str(tmp_path / "masks"))[0]


# The published ones


def test_ffhq_is_split_by_number(tmp_path: Path) -> None:
    for number in (0, 59_999, 60_000, 69_999):
        draw_gray(tmp_path / "images1024x1024" / f"{number // 1000 * 1000:05d}" / f"{number:05d}.png", number % 100)
    assert values(FFHQ(path=str(tmp_path))) == [0, 99]
    assert values(FFHQ(path=str(tmp_path / "images1024x1024"), split="validation")) == [0, 99]
    assert [n[-9:] for n in names(FFHQ(path=str(tmp_path), split="validation"))] == ["60000.png", "69999.png"]
    draw_gray(tmp_path / "thumbnails128x128" / "00000" / "00000.png", 5)
    assert values(FFHQ(path=str(tmp_path))) == [0, 99]
    draw_gray(tmp_path / "images1024x1024" / "again" / "00000.png")
    with pytest.raises(ValueError, match=r"one image of each number .*; got 00000/00000\.png and again/00000\.png"):
        FFHQ(path=str(tmp_path))
    draw_gray(tmp_path / "images1024x1024" / "portrait.png")
    with pytest.raises(ValueError, match=r"named by five digits, .*; got portrait\.png"):
        FFHQ(path=str(tmp_path))


def test_celeba_hq_is_split_as_celeba_is(tmp_path: Path) -> None:
    for number in range(4):
        draw_gray(tmp_path / "CelebA-HQ-img" / f"{number}.jpg", number)
    assert len(CelebAHQ(path=str(tmp_path), split="all")) == 4
    with pytest.raises(ValueError, match=r"need CelebA-HQ-to-CelebA-mapping\.txt beside CelebA-HQ-img"):
        CelebAHQ(path=str(tmp_path))
    mapping = tmp_path / "CelebA-HQ-to-CelebA-mapping.txt"
    mapping.write_text("0 119613 119614.jpg\n1 162770 162771.jpg\n2 182637 182638.jpg\n")
    with pytest.raises(ValueError, match=r"does not know 3\.jpg"):
        CelebAHQ(path=str(tmp_path))
    mapping.write_text(f"idx     orig_idx    orig_file\n{mapping.read_text()}3       162769      162770.jpg\n")
    parts = {split: names(CelebAHQ(path=str(tmp_path), split=split)) for split in ("train", "validation", "test")}
    assert parts == {"train": ["0.jpg", "3.jpg"], "validation": ["1.jpg"], "test": ["2.jpg"]}
    mapping.write_text("no mapping")
    with pytest.raises(ValueError, match="expected lines 'idx orig_idx orig_file'"):
        CelebAHQ(path=str(tmp_path))


@pytest.mark.parametrize("digits", [1, 5, 6])
def test_leading_zeros_do_not_make_numbers_of_celeba_hq_those_of_celeba(tmp_path: Path, digits: int) -> None:
    for number in (0, 1, 29_999):
        draw_gray(tmp_path / "CelebA-HQ-img" / f"{number:0{digits}d}.jpg")
    with pytest.raises(ValueError, match="need CelebA-HQ-to-CelebA-mapping"):
        CelebAHQ(path=str(tmp_path))
    mapping = tmp_path / "CelebA-HQ-to-CelebA-mapping.txt"
    mapping.write_text("0 119613 119614.jpg\n1 162770 162771.jpg\n29999 182637 182638.jpg\n")
    parts = [names(CelebAHQ(path=str(tmp_path), split=split)) for split in ("train", "validation", "test")]
    assert parts == [[f"{number:0{digits}d}.jpg"] for number in (0, 1, 29_999)]


def test_celeba_hq_renamed_to_celebas_numbers_needs_no_mapping(tmp_path: Path) -> None:
    for number in (4, 162_770, 162_771, 182_637, 182_638, 202_591):
        draw_gray(tmp_path / "CelebA-HQ-img" / f"{number:06d}.jpg")
    parts = {split: names(CelebAHQ(path=str(tmp_path), split=split)) for split in ("train", "validation", "test")}
    assert parts == {
        "train": ["000004.jpg", "162770.jpg"],
        "validation": ["162771.jpg", "182637.jpg"],
        "test": ["182638.jpg", "202591.jpg"],
    }
    draw_gray(tmp_path / "CelebA-HQ-img" / "portrait.jpg")
    with pytest.raises(ValueError, match=r"named by number in .*; got portrait\.jpg"):
        CelebAHQ(path=str(tmp_path), split="all")


@pytest.mark.parametrize("inside", ["", "Data/CLS-LOC", "ILSVRC/Data/CLS-LOC"])
def test_imagenet(tmp_path: Path, inside: str) -> None:
    draw_gray(tmp_path / inside / "train" / "n01440764" / "n01440764_1.JPEG", 1)
    draw_gray(tmp_path / inside / "val" / "ILSVRC2012_val_00000001.JPEG", 2)
    assert names(ImageNet(path=str(tmp_path))) == ["n01440764/n01440764_1.JPEG"]
    assert values(ImageNet(path=str(tmp_path), split="validation")) == [2]
    draw_gray(tmp_path / inside / "test" / "ILSVRC2012_test_00000001.JPEG", 3)
    assert values(ImageNet(path=str(tmp_path), split="test")) == [3]


@pytest.mark.parametrize(
    ("train", "validation"),
    [
        ("train/airfield", "val/airfield"),
        ("data_256/a/airfield", "val_256"),
        ("places365_standard/train/a", "val_large"),
    ],
)
def test_places365(tmp_path: Path, train: str, validation: str) -> None:
    draw_gray(tmp_path / train / "1.jpg", 1)
    draw_gray(tmp_path / validation / "2.jpg", 2)
    assert values(Places365(path=str(tmp_path))) == [1]
    assert values(Places365(path=str(tmp_path), split="validation")) == [2]
    with pytest.raises(
        ValueError, match=r"one of the folders 'test', 'test_large'.* with Places365's images .*; .* holds "
    ):
        Places365(path=str(tmp_path), split="test")


def test_paris_streetview(tmp_path: Path) -> None:
    draw_gray(tmp_path / "paris_train_original" / "48.842502_2.344968_90_-004.JPG", 1)
    draw_gray(tmp_path / "paris_eval_gt" / "001_im.png", 2)
    assert values(ParisStreetView(path=str(tmp_path))) == [1]
    assert values(ParisStreetView(path=str(tmp_path), split="test")) == [2]
    (tmp_path / "paris_eval").mkdir()
    (tmp_path / "paris_eval_gt").rename(tmp_path / "paris_eval" / "paris_eval_gt")
    assert values(ParisStreetView(path=str(tmp_path), split="test")) == [2]


def test_logo_30k_and_its_stray_files(tmp_path: Path) -> None:
    root = tmp_path / "27kpng"
    for i, name in enumerate(("COCO_val2014_000000000042", "COCO_val2014_000000201186")):
        draw_gray(root / "natural" / f"{name}.jpg", 40 + i)
        for part in ("train_images", "val_images"):
            draw_gray(root / part / "image" / f"{name}-Burger_King_Logo-177.png", 10 + i)
            put_mask(root / part / "mask" / f"{name}-Burger_King_Logo-177.png")
            draw_gray(root / part / "wm" / f"{name}-Burger_King_Logo-177.png")
    for name in STRAY:
        draw_gray(root / "val_images" / "image" / name)
    assert len(STRAY) == 4
    for path in (tmp_path, root):
        for split in ("train", "validation"):
            dataset = Logo30K(path=str(path), split=split)
            assert values(dataset) == [10, 11]
            assert [int(dataset[i].clean.mean().round()) for i in range(2)] == [40, 41]
            assert dataset[0].corruption_mask.mean() == 0.25
    for file in (root / "train_images" / "mask").iterdir():
        put_mask(file, white=False)
    with pytest.raises(ValueError, match=r"masks in .*mask' cover 75 % of the photo"):
        Logo30K(path=str(root))
    draw_gray(root / "train_images" / "image" / min(STRAY))  # belongs there as little, and nothing is known of it
    with pytest.raises(ValueError, match="image without mask: COCO_val2014_000000201186"):
        Logo30K(path=str(root))
    draw_gray(root / "val_images" / "image" / "another_wm.png")
    with pytest.raises(ValueError, match=r"image without mask: another_wm\.png"):
        Logo30K(path=str(root), split="validation")
    put_mask(root / "val_images" / "mask" / "another_wm.png")
    with pytest.raises(ValueError, match=r"no clean photo in .* for another_wm"):
        Logo30K(path=str(root), split="validation")


def test_istd(tmp_path: Path) -> None:
    for split in ("train", "test"):
        draw_gray(tmp_path / split / f"{split}_A" / "1-1.png", 1)
        put_mask(tmp_path / split / f"{split}_B" / "1-1.png")
        draw_gray(tmp_path / split / f"{split}_C" / "1-1.png", 3)
        sample = ISTD(path=str(tmp_path), split=split)[0]
        assert (sample.image[0, 0, 0], sample.clean[0, 0, 0], sample.corruption_mask.mean()) == (1, 3, 0.25)
    put_mask(tmp_path / "train" / "train_B" / "1-1.png", white=False)
    with pytest.raises(ValueError, match=r"masks in .*train_B' cover 75 % of the photo"):
        ISTD(path=str(tmp_path))
    draw_gray(tmp_path / "test" / "test_C" / "1-2.png", 3)
    with pytest.raises(ValueError, match=r"clean without shadow: 1-2\.png"):
        ISTD(path=str(tmp_path), split="test")


def test_raindrop(tmp_path: Path) -> None:
    for split, suffix in (("train", "png"), ("test_a", "png"), ("test_b", "jpg")):
        for i in (10, 2):
            draw_gray(tmp_path / split / "data" / f"{i}_rain.{suffix}", i)
            draw_gray(tmp_path / split / "gt" / f"{i}_clean.{suffix}", 100 + i)
        dataset = Raindrop(path=str(tmp_path), split=split)  # pyright: ignore[reportArgumentType]
        assert values(dataset) == [2, 10]
        assert dataset[0].clean[0, 0, 0] == 102
        assert dataset[0].corruption_mask is None
    draw_gray(tmp_path / "train" / "preview" / "x.png")
    assert len(Raindrop(path=str(tmp_path))) == 2
    draw_gray(tmp_path / "train" / "gt" / "3.png")
    with pytest.raises(ValueError, match=r"clean not named \.\.\._clean: 3\.png"):
        Raindrop(path=str(tmp_path))


# Shards


def encoded(value: Any, mode: str = "RGB", suffix: str = "PNG", size: tuple[int, int] = (12, 8)) -> Any:
    file = io.BytesIO()
    Image.new(mode, size, value).save(file, suffix)
    return file.getvalue()


def encoded_mask(area: float = 0.25, white: bool = True) -> Any:
    file = io.BytesIO()
    make_mask(area, white).save(file, "PNG")
    return file.getvalue()


def test_shards_are_read_at_any_place(tmp_path: Path) -> None:
    write_shard(
        tmp_path / "s-0.tar", {f"{i}.png": encoded((i, i, i)) for i in range(3)} | {"0.json": b"{}", "x.cls": b"1"}
    )
    write_shard(tmp_path / "s-10.tar", {"b/7.jpg": encoded((70, 70, 70), suffix="JPEG", size=(64, 48))})
    write_shard(tmp_path / "s-2.tar", {"5.png": encoded((50, 50, 50)), "broken.jpg": b"not a photo"})
    for path in (tmp_path, tmp_path / "s-*.tar"):
        dataset = pickle.loads(pickle.dumps(WebDataset(path=str(path), shorter_side=24)))
        assert names(dataset) == ["s-0.tar/0", "s-0.tar/1", "s-0.tar/2", "s-2.tar/5", "s-2.tar/broken", "s-10.tar/b/7"]
        assert [int(dataset[i].image[0, 0, 0]) for i in (5, 0, 3, 2)] == [70, 0, 50, 2]
        assert dataset[5].image.shape == (24, 32, 3)
        with pytest.raises(SampleError, match=r"s-2\.tar/broken"):
            dataset[4]


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    draw_gray(tmp_path / "photos" / "a.png")
    os.mkfifo(tmp_path / "photos" / "b.png")
    (tmp_path / "photos" / "c.png").symlink_to("/dev/zero")
    dataset = FolderDataset(path=str(tmp_path / "photos"))
    assert dataset[0].image.shape == (8, 12, 3)
    for i in (1, 2):
        with pytest.raises(SampleError, match=r"[bc]\.png: this is not a regular file"):
            dataset[i]
    os.mkfifo(tmp_path / "a.tar")
    with pytest.raises(ValueError, match=r"a\.tar' is not a regular file"):
        WebDataset(path=str(tmp_path / "a.tar"))


def test_shards_of_pairs(tmp_path: Path) -> None:
    files = {
        "1.jpg": encoded((9, 9, 9), suffix="JPEG"),
        "1.mask.png": encoded_mask(),
        "1.clean.png": encoded((5, 5, 5)),
    }
    write_shard(tmp_path / "a.tar", files)
    sample = WebDataset(path=str(tmp_path / "a.tar"))[0]
    assert (sample.image[0, 0, 0], sample.clean[0, 0, 0], sample.corruption_mask.mean()) == (9, 5, 0.25)
    write_shard(tmp_path / "a.tar", files | {"1.mask.png": encoded_mask(white=False)})
    with pytest.raises(ValueError, match=r"masks in .*a\.tar' cover 75 % of the photo .* corrupted='black'"):
        WebDataset(path=str(tmp_path / "a.tar"))
    assert WebDataset(path=str(tmp_path / "a.tar"), corrupted="black")[0].corruption_mask.mean() == 0.25


def test_a_mask_in_a_shard_that_cannot_be_read_is_reported_by_its_sample_alone(tmp_path: Path) -> None:
    files = {"1.png": encoded((1,) * 3), "1.mask.png": b"bad", "2.png": encoded((2,) * 3), "2.mask.png": encoded_mask()}
    write_shard(tmp_path / "a.tar", files)
    dataset = WebDataset(path=str(tmp_path / "a.tar"))
    with pytest.raises(SampleError, match=r"a\.tar/1\.mask"):
        dataset[0]
    assert dataset[1].corruption_mask.mean() == 0.25


def test_shards_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "bad.tar").write_bytes(b"x" * 2000)
    with pytest.raises(ValueError, match="not an uncompressed tar file, or is damaged"):
        WebDataset(path=str(tmp_path))
    write_shard(tmp_path / "bad.tar", {"1.json": b"{}"})
    with pytest.raises(ValueError, match="expected photos"):
        WebDataset(path=str(tmp_path))


def test_a_shard_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.tar").mkdir()
    with pytest.raises(ValueError, match=r"folder\.tar' is not a regular file; expected an uncompressed tar file"):
        WebDataset(path=str(tmp_path / "*.tar"))


def test_shards_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    for number, folder in enumerate(("a", "b")):
        (tmp_path / folder).mkdir()
        write_shard(tmp_path / folder / "s.tar", {"1.png": encoded((number,) * 3)})
    dataset = WebDataset(path=str(tmp_path / "*" / "s.tar"))
    assert names(dataset) == ["a/s.tar/1", "b/s.tar/1"]
    assert values(dataset) == [0, 1]
    (tmp_path / "b" / "s.tar").unlink()
    with pytest.raises(SampleError, match=r"b/s\.tar/1: .*No such file"):
        dataset[1]


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ({"1.jpg": b""}, "two files that are the photo of '1'"),
        ({"2.mask.png": b""}, r"2 of 3 samples are without a mask: s\.tar/1, s\.tar/3"),
        ({"2.png": b"", "2.clean.jpg": b""}, "2 of 3 samples are without a clean"),
        ({"2.json": b"", "4.mask.png": b"", "4.clean.png": b""}, r"1 of 3 samples are without a photo: s\.tar/4"),
    ],
)
def test_shards_whose_samples_lack_parts_are_refused(tmp_path: Path, added: dict[str, bytes], message: str) -> None:
    write_shard(
        tmp_path / "s.tar", {"1.png": b"", "3.png": b"", "2.png" if "2.mask.png" in added else "0.txt": b""} | added
    )
    with pytest.raises(ValueError, match=message):
        WebDataset(path=str(tmp_path))


def test_a_shard_that_is_damaged_in_the_middle_or_cut_is_refused(tmp_path: Path) -> None:
    write_shard(tmp_path / "s.tar", {f"{i}.png": encoded((i, i, i)) for i in range(6)})
    whole = (tmp_path / "s.tar").read_bytes()
    assert len(WebDataset(path=str(tmp_path))) == 6
    step = 512 + -(-len(encoded((1, 1, 1))) // 512) * 512
    for damaged in (
        whole[: 3 * step + 100] + b"\xff" * 60 + whole[3 * step + 160 :],
        whole[: 3 * step - 100],
        gzip.compress(whole),
    ):
        (tmp_path / "s.tar").write_bytes(damaged)
        with pytest.raises(ValueError, match=r"s\.tar' is not an uncompressed tar file, or is damaged"):
            WebDataset(path=str(tmp_path))
    (tmp_path / "s.tar").write_bytes(whole[: 3 * step])  # without the two empty blocks at the end, as some write it
    assert len(WebDataset(path=str(tmp_path))) == 3


# Hugging Face


@pytest.fixture
def datasets() -> Any:
    return pytest.importorskip("datasets")


@pytest.fixture
def rows(datasets: Any) -> Any:
    table = {
        "image": [{"bytes": encoded((i, i, i)), "path": None} for i in range(3)] + [{"bytes": b"bad", "path": None}],
        "truth": [{"bytes": encoded((200, 200, 200)), "path": None}] * 4,
        "hole": [{"bytes": encoded_mask(), "path": None}] * 4,
        "label": [1, 2, 3, 4],
    }
    column = datasets.Image()
    features = {"image": column, "truth": column, "hole": column, "label": datasets.Value("int32")}
    return datasets.Dataset.from_dict(table, features=datasets.Features(features))


def test_a_hugging_face_data_set_in_memory(datasets: Any, rows: Any) -> None:
    dataset = HuggingFaceDataset.wrap(rows, clean="truth", mask="hole")
    assert len(dataset) == 4
    assert (dataset[2].image[0, 0, 0], dataset[2].clean[0, 0, 0]) == (2, 200)
    assert dataset[0].corruption_mask.mean() == 0.25
    with pytest.raises(SampleError, match=r"train\[3\]"):
        dataset[3]
    with pytest.raises(ValueError, match="no column photo; the dataset has image, truth, hole, label"):
        HuggingFaceDataset.wrap(rows, image="photo")
    with pytest.raises(ValueError, match="is empty"):
        HuggingFaceDataset.wrap(rows.select([]))
    with pytest.raises(TypeError, match=r"cannot spell a datasets\.Dataset in memory; save_to_disk it"):
        describe(dataset)
    with pytest.raises(TypeError, match="one split of it; got a DatasetDict"):
        HuggingFaceDataset.wrap(datasets.DatasetDict(train=rows))
    with pytest.raises(ValueError, match=r"contents or paths in the column 'label'; got Value\('int32'\)"):
        HuggingFaceDataset.wrap(rows, mask="label")
    with pytest.raises(ValueError, match=r"masks in '\(in memory\), column hole' cover 75 % .* corrupted='white'"):
        HuggingFaceDataset.wrap(rows, mask="hole", corrupted="black")
    rows = rows.map(lambda _: {"hole": {"bytes": encoded_mask(white=False), "path": None}})
    assert HuggingFaceDataset.wrap(rows, mask="hole", corrupted="black")[0].corruption_mask.mean() == 0.25
    assert pickle.loads(pickle.dumps(dataset))[2].image[0, 0, 0] == 2


def test_a_hugging_face_data_set_on_the_disk(datasets: Any, rows: Any, tmp_path: Path) -> None:
    rows.save_to_disk(str(tmp_path / "saved"))
    dataset = HuggingFaceDataset(path=str(tmp_path / "saved"))
    assert len(dataset) == 4
    assert dataset[1].image[0, 0, 0] == 1
    again: Any = build(describe(dataset), "dataset")
    assert again[1].image[0, 0, 0] == 1
    with pytest.raises(ValueError, match="cannot be loaded"):
        HuggingFaceDataset(path=str(tmp_path / "nowhere"))
    datasets.DatasetDict(test=rows, other=rows.select([2])).save_to_disk(str(tmp_path / "splits"))
    assert HuggingFaceDataset(path=str(tmp_path / "splits"), split="other")[0].image[0, 0, 0] == 2
    with pytest.raises(ValueError, match="split 'train', cannot be loaded: there are the splits test, other"):
        HuggingFaceDataset(path=str(tmp_path / "splits"))


def test_a_folder_of_photos_or_parquet_files_is_a_hugging_face_data_set(
    datasets: Any, rows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    for number in (1, 2):
        draw_gray(tmp_path / "photos" / "train" / f"{number}.png", number)
    dataset = pickle.loads(pickle.dumps(HuggingFaceDataset(path=str(tmp_path / "photos"))))
    assert values(dataset) == [1, 2]
    (tmp_path / "parquet").mkdir()
    rows.to_parquet(str(tmp_path / "parquet" / "test-00000.parquet"))
    dataset = HuggingFaceDataset(path=str(tmp_path / "parquet"), split="test[:2]", clean="truth", mask="hole")
    assert values(dataset) == [0, 1]
    assert dataset[1].corruption_mask.mean() == 0.25
    assert len(pickle.dumps(dataset)) < 20_000
    with pytest.raises(ValueError, match="split 'train', cannot be loaded"):
        HuggingFaceDataset(path=str(tmp_path / "parquet"))


def test_the_library_datasets_is_asked_for_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ImportError, match=r"pip install hcl_sdk\[datasets\]"):
        HuggingFaceDataset(path="somebody/photos")
