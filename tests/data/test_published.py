"""Published sets, as they are unpacked, with their splits."""

from __future__ import annotations

from pathlib import Path

import pytest
from photo_files import draw_gray, list_names, put_mask, read_grays

from hcl_sdk.data import (
    FFHQ,
    ISTD,
    CelebAHQ,
    ImageNet,
    Logo30K,
    ParisStreetView,
    Places365,
    Raindrop,
)
from hcl_sdk.data.logo_30k import STRAY


def test_ffhq_is_split_by_number(tmp_path: Path) -> None:
    for number in (0, 59_999, 60_000, 69_999):
        draw_gray(tmp_path / "images1024x1024" / f"{number // 1000 * 1000:05d}" / f"{number:05d}.png", number % 100)
    assert read_grays(FFHQ(path=str(tmp_path))) == [0, 99]
    assert read_grays(FFHQ(path=str(tmp_path / "images1024x1024"), split="validation")) == [0, 99]
    assert [n[-9:] for n in list_names(FFHQ(path=str(tmp_path), split="validation"))] == ["60000.png", "69999.png"]
    draw_gray(tmp_path / "thumbnails128x128" / "00000" / "00000.png", 5)
    assert read_grays(FFHQ(path=str(tmp_path))) == [0, 99]
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
    with pytest.raises(ValueError, match=r"need CelebA-HQ-to-CelebA-mapping\.txt next to CelebA-HQ-img"):
        CelebAHQ(path=str(tmp_path))
    mapping = tmp_path / "CelebA-HQ-to-CelebA-mapping.txt"
    mapping.write_text("0 119613 119614.jpg\n1 162770 162771.jpg\n2 182637 182638.jpg\n")
    with pytest.raises(ValueError, match=r"does not know 3\.jpg"):
        CelebAHQ(path=str(tmp_path))
    mapping.write_text(f"idx     orig_idx    orig_file\n{mapping.read_text()}3       162769      162770.jpg\n")
    parts = {split: list_names(CelebAHQ(path=str(tmp_path), split=split)) for split in ("train", "validation", "test")}
    assert parts == {"train": ["0.jpg", "3.jpg"], "validation": ["1.jpg"], "test": ["2.jpg"]}
    mapping.write_text("no mapping")
    with pytest.raises(ValueError, match="expected lines 'idx orig_idx orig_file'"):
        CelebAHQ(path=str(tmp_path))


@pytest.mark.parametrize("digits", [1, 5, 6])
def test_leading_zeros_do_not_turn_celeba_hq_numbers_into_celeba_numbers(tmp_path: Path, digits: int) -> None:
    for number in (0, 1, 29_999):
        draw_gray(tmp_path / "CelebA-HQ-img" / f"{number:0{digits}d}.jpg")
    with pytest.raises(ValueError, match="need CelebA-HQ-to-CelebA-mapping"):
        CelebAHQ(path=str(tmp_path))
    mapping = tmp_path / "CelebA-HQ-to-CelebA-mapping.txt"
    mapping.write_text("0 119613 119614.jpg\n1 162770 162771.jpg\n29999 182637 182638.jpg\n")
    parts = [list_names(CelebAHQ(path=str(tmp_path), split=split)) for split in ("train", "validation", "test")]
    assert parts == [[f"{number:0{digits}d}.jpg"] for number in (0, 1, 29_999)]


def test_celeba_hq_renamed_to_celebas_numbers_needs_no_mapping(tmp_path: Path) -> None:
    for number in (4, 162_770, 162_771, 182_637, 182_638, 202_591):
        draw_gray(tmp_path / "CelebA-HQ-img" / f"{number:06d}.jpg")
    parts = {split: list_names(CelebAHQ(path=str(tmp_path), split=split)) for split in ("train", "validation", "test")}
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
    assert list_names(ImageNet(path=str(tmp_path))) == ["n01440764/n01440764_1.JPEG"]
    assert read_grays(ImageNet(path=str(tmp_path), split="validation")) == [2]
    draw_gray(tmp_path / inside / "test" / "ILSVRC2012_test_00000001.JPEG", 3)
    assert read_grays(ImageNet(path=str(tmp_path), split="test")) == [3]


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
    assert read_grays(Places365(path=str(tmp_path))) == [1]
    assert read_grays(Places365(path=str(tmp_path), split="validation")) == [2]
    with pytest.raises(
        ValueError, match=r"one of the folders 'test', 'test_large'.* with Places365's images .*; .* holds "
    ):
        Places365(path=str(tmp_path), split="test")


def test_paris_streetview(tmp_path: Path) -> None:
    draw_gray(tmp_path / "paris_train_original" / "48.842502_2.344968_90_-004.JPG", 1)
    draw_gray(tmp_path / "paris_eval_gt" / "001_im.png", 2)
    assert read_grays(ParisStreetView(path=str(tmp_path))) == [1]
    assert read_grays(ParisStreetView(path=str(tmp_path), split="test")) == [2]
    (tmp_path / "paris_eval").mkdir()
    (tmp_path / "paris_eval_gt").rename(tmp_path / "paris_eval" / "paris_eval_gt")
    assert read_grays(ParisStreetView(path=str(tmp_path), split="test")) == [2]


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
            assert read_grays(dataset) == [10, 11]
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
        assert read_grays(dataset) == [2, 10]
        assert dataset[0].clean[0, 0, 0] == 102
        assert dataset[0].corruption_mask is None
    draw_gray(tmp_path / "train" / "preview" / "x.png")
    assert len(Raindrop(path=str(tmp_path))) == 2
    draw_gray(tmp_path / "train" / "gt" / "3.png")
    with pytest.raises(ValueError, match=r"clean not named \.\.\._clean: 3\.png"):
        Raindrop(path=str(tmp_path))
