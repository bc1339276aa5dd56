"""Pairs of damaged and clean photos, with masks or without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from photo_files import draw_gray, list_names, put_mask

from hcl_sdk import SampleError
from hcl_sdk.corruptions import Corruption
from hcl_sdk.data import (
    Items,
    PairsDataset,
)


def pairs(root: Any, white: bool = True) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    for i, name in enumerate(("a", "b/c")):
        draw_gray(root / "damaged" / f"{name}.jpg", 10 + i)
        draw_gray(root / "clean" / f"{name}.png", 20 + i)
        put_mask(root / "masks" / f"{name}.png", white=white)
    return {"damaged": str(root / "damaged")}, {"clean": str(root / "clean")}, {"masks": str(root / "masks")}


def test_pairs_with_and_without_masks(tmp_path: Path) -> None:
    damaged, clean, masks = pairs(tmp_path)
    both = PairsDataset(**damaged, **clean, **masks)
    assert list_names(both) == ["a", "b/c"]
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
    assert list_names(dataset) == ["1"]
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
    with pytest.raises(SampleError, match=r"must be bool \[8, 12\], like its image; got bool \[8, 11\]"):
        PairsDataset(damaged=damaged, masks=str(tmp_path / "masks"))[0]
