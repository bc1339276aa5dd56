"""Items: what a model sees of a dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import hcl_sdk
from hcl_sdk import Sample, SampleError
from hcl_sdk.corruptions import AnotherPhoto, CenterBox, Constant, Corruption, Full, IrregularMasks, Logo, Rule
from hcl_sdk.data import FolderDataset, Items


@hcl_sdk.component
class Squares(hcl_sdk.Dataset):
    """Photos that say who they are: red is the index; green and blue are the place."""

    count: int = 7
    height: int = 40
    width: int = 60
    bad: tuple[int, ...] = ()
    pairs: bool = False

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        if index in self.bad:
            raise SampleError(f"number {index} is broken")
        y, x = np.mgrid[: self.height, : self.width]
        image = np.stack([np.full_like(x, index), y * 3, x * 3], axis=-1).astype(np.uint8)
        if not self.pairs:
            return Sample(image=image)
        return Sample(image=image, clean=255 - image, corruption_mask=image[..., 2] > 90)

    def name(self, index: int) -> str:
        return f"square {index}"


def plain(**fields: Any) -> Corruption:
    return Corruption(rules=(Rule(shapes=(CenterBox(),), contents=(Constant(),)),), blur=(0, 0), **fields)


def same(a: Any, b: Any) -> Any:
    return np.array_equal(a.image, b.image) and np.array_equal(a.corruption_mask, b.corruption_mask)


def test_an_item_of_several_layers_is_named_after_all_of_them() -> None:
    rules = tuple(Rule(shapes=(CenterBox(),), contents=(content,)) for content in (Constant(), AnotherPhoto()))
    items = Items(Squares(), 24, corruption=Corruption(rules=rules, layers=(8, 8)), seed=0)
    assert {(items[i].shape, items[i].content) for i in range(4)} == {("box", "constant+photo")}


def test_items_hold_the_kind_of_each_corrupted_pixel_where_known() -> None:
    item = Items(Squares(), 24, corruption=plain(), seed=0)[0]
    assert item.damage_map is not None
    assert item.corruption_mask is not None
    assert np.array_equal(item.damage_map, item.corruption_mask * 5)  # a constant is a fill
    clean = Items(Squares(), 24, corruption=None, seed=0)[0]
    assert clean.damage_map is not None
    assert not clean.damage_map.any()
    assert Items(Squares(pairs=True), 24, corruption=plain(), seed=0)[0].damage_map is None


def test_a_map_of_damage_that_does_not_fit_its_image_is_refused() -> None:
    image, mask = np.zeros((4, 5, 3), np.uint8), np.ones((4, 5), np.bool_)
    wrong: list[Any] = [np.ones((5, 4), np.uint8), np.ones((4, 5), np.int64)]
    for kinds in wrong:
        with pytest.raises(SampleError, match=r"damage map must be uint8 \[4, 5\], .*; got (uint8|int64)"):
            Sample(image=image, corruption_mask=mask, damage_map=kinds)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(0, 500))
def test_an_item_depends_on_seed_and_number_alone(seed: int, number: int) -> None:
    dataset, corruption = Squares(), Corruption()
    items = Items(dataset, 24, corruption=corruption, seed=seed, augment=True)
    others = Items(dataset, 24, corruption=corruption, seed=seed, augment=True)
    others[number + 3]
    assert same(items[number], others[number])
    assert items[number].name == others.name(number)


def test_other_seeds_and_numbers_give_other_items() -> None:
    found = {
        Items(Squares(), 24, corruption=plain(), seed=seed, augment=True)[number].image.tobytes()
        for seed in range(4)
        for number in range(8)
    }
    assert len(found) == 32


def test_each_lap_shows_every_photo_once_in_another_order() -> None:
    items = Items(Squares(), 16, corruption=None, seed=1, augment=True)
    laps = [[items.name(lap * 7 + i) for i in range(7)] for lap in range(5)]
    assert all(sorted(lap) == [f"square {i}" for i in range(7)] for lap in laps)
    assert len({tuple(lap) for lap in laps}) > 1


def test_evaluation_shows_the_middle_of_each_photo() -> None:
    items = Items(Squares(), 40, corruption=plain(), seed=1)
    assert len(items) == 7
    for i in range(7):
        item = items[i]
        assert item.clean[0, 0].tolist() == [i, 0, 30]  # x from 10 to 50
        assert item.clean[39, 39].tolist() == [i, 117, 147]
        assert (item.shape, item.content) == ("box", "constant")
        assert np.array_equal(
            item.image != item.clean, np.repeat(item.corruption_mask[..., None], 3, 2) & (item.clean > 0)
        )


def test_small_photos_are_enlarged() -> None:
    for augment in (False, True):
        item = Items(Squares(height=5, width=9), 32, corruption=None, seed=0, augment=augment)[0]
        assert item.image.shape == (32, 32, 3)
        assert not item.corruption_mask.any()


def test_crops_are_not_smaller_than_they_may_be() -> None:
    items = Items(Squares(height=100, width=100), 20, corruption=None, seed=0, augment=True, min_scale=0.5)
    spans = [int(np.ptp(items[i].image[..., 1])) for i in range(60)]
    assert min(spans) >= 3 * 45
    assert max(spans) > 3 * 80


def test_a_share_of_the_crops_lies_on_its_side() -> None:
    dataset, ways = Squares(height=64, width=64), {"upright": 0, "left": 0, "right": 0}
    for number in range(300):
        image = Items(dataset, 16, corruption=None, seed=0, augment=True, on_side=0.3)[number].image.astype(int)
        if image[-1, 8, 1] > image[0, 8, 1] and image[8, 0, 1] == image[8, -1, 1]:
            ways["upright"] += 1
        else:
            ways["left" if image[8, -1, 1] > image[8, 0, 1] else "right"] += 1
    assert 180 < ways["upright"] < 240
    assert min(ways["left"], ways["right"]) > 25


def test_other_photos_take_the_place_of_those_that_are_not_to_be_enlarged() -> None:
    @hcl_sdk.component
    class Growing(Squares):
        def __getitem__(self, index: int) -> Sample:
            return Sample(image=np.full((10 * (index + 1), 90, 3), index, np.uint8))

    def show(enlarge: bool) -> set[int]:
        items = Items(Growing(), 40, corruption=None, seed=0, augment=True, enlarge=enlarge)
        return {int(items[number].image[0, 0, 0]) for number in range(40)}

    assert show(enlarge=True) == {0, 1, 2, 3, 4, 5, 6}
    assert show(enlarge=False) == {3, 4, 5, 6}
    with pytest.raises(SampleError, match="none of 7 photos has a shorter side of 80 pixels or more; expected larger"):
        Items(Growing(), 80, corruption=None, seed=0, augment=True, enlarge=False)[0]


def test_pairs_are_cut_alike_and_not_corrupted() -> None:
    items = Items(Squares(pairs=True), 24, corruption=plain(), seed=3, augment=True, on_side=0.5)
    mirrored = 0
    for i in range(20):
        item = items[i]
        assert np.abs(item.image.astype(int) + item.clean - 255).max() <= 2
        assert item.corruption_mask.dtype == np.bool_
        clear = np.abs(item.image[..., 2].astype(int) - 90) > 12
        assert np.array_equal(item.corruption_mask[clear], item.image[..., 2][clear] > 90)
        assert (item.shape, item.content) == ("", "")
        mirrored += item.image[0, 0, 2] > item.image[-1, -1, 2]
    assert 3 < mirrored < 17


def test_unreadable_photos_are_replaced_in_training_and_reported() -> None:
    items = Items(Squares(bad=(2, 3)), 16, corruption=plain(), seed=0, augment=True)
    shown, reported = [], set()
    for number in range(14):
        item = items[number]
        shown.append(item.name)
        reported |= {name for name, _ in item.unreadable}
        assert all(why.startswith("number") for _, why in item.unreadable)
    assert not {"square 2", "square 3"} & set(shown)
    assert reported == {"square 2", "square 3"}
    with pytest.raises(SampleError, match="none of 7 photos can be read; the first is square"):
        Items(Squares(bad=tuple(range(7))), 16, corruption=None, seed=0, augment=True)[0]


def test_unreadable_photos_are_an_error_in_evaluation() -> None:
    items = Items(Squares(bad=(2,)), 16, corruption=plain(), seed=0)
    with pytest.raises(SampleError, match="number 2 is broken"):
        items[2]
    assert items.name(2) == "square 2"


@pytest.fixture
def broken_files(tmp_path: Path) -> tuple[Any, dict[str, Rule]]:
    """Of each kind of file that photos are corrupted with, one that can be read, and one that cannot."""
    good = np.zeros((12, 12, 4), np.uint8)
    good[2:6, 2:9] = 255
    for kind in ("masks", "logos", "photos"):
        (tmp_path / kind).mkdir()
        Image.fromarray(good).convert("L" if kind == "masks" else "RGBA").save(tmp_path / kind / "good.png")
        (tmp_path / kind / "bad.png").write_bytes(b"not a photo")
    box, constant = (CenterBox(),), (Constant(),)
    return tmp_path, {
        "masks": Rule(shapes=(IrregularMasks(folder=str(tmp_path / "masks")),), contents=constant),
        "logos": Rule(shapes=(Full(),), contents=(Logo(folder=str(tmp_path / "logos")),)),
        "photos": Rule(shapes=box, contents=(AnotherPhoto(dataset=FolderDataset(path=str(tmp_path / "photos"))),)),
    }


@pytest.mark.parametrize("kind", ["masks", "logos", "photos"])
def test_a_file_to_corrupt_with_that_cannot_be_read_is_reported_and_drawn_again_in_training(
    broken_files: tuple[Any, dict[str, Rule]], kind: str
) -> None:
    root, rules = broken_files
    corruption = Corruption(rules=(rules[kind],))
    items = Items(Squares(), 24, corruption=corruption, seed=0, augment=True)
    made = [items[i] for i in range(30)]
    reported = [problem for item in made for problem in item.unreadable]
    assert 5 < len(reported) < 100
    assert {name for name, _ in reported} == {"bad.png" if kind == "photos" else str(root / kind / "bad.png")}
    assert all("not a photo" in why for _, why in reported)
    assert [item.name for item in made] == [items.name(i) for i in range(30)]  # not one photo is left out for it
    assert all(same(item, items[i]) for i, item in enumerate(made))


@pytest.mark.parametrize("kind", ["masks", "logos", "photos"])
def test_an_item_that_was_to_be_corrupted_with_such_a_file_is_left_out_of_evaluation(
    broken_files: tuple[Any, dict[str, Rule]], kind: str
) -> None:
    root, rules = broken_files
    items = Items(Squares(count=30), 24, corruption=Corruption(rules=(rules[kind],)), seed=0)
    problems = []
    for number in range(30):
        try:
            assert not items[number].unreadable
        except SampleError as error:
            problems.append(str(error))
    assert 3 < len(problems) < 27
    for problem in problems:
        assert "was to be corrupted with cannot be read" in problem
        assert str(root / kind / "bad.png") in problem


def test_where_nothing_to_corrupt_with_can_be_read_training_says_so(broken_files: tuple[Any, dict[str, Rule]]) -> None:
    root, rules = broken_files
    (root / "logos" / "good.png").write_bytes(b"neither")
    items = Items(Squares(), 24, corruption=Corruption(rules=(rules["logos"],)), seed=0, augment=True)
    with pytest.raises(SampleError, match=r"100 draws in a row .* cannot be read; the first: .*logos"):
        items[0]


def test_photos_drawn_as_content_that_cannot_be_read_are_reported() -> None:
    rule = Rule(shapes=(CenterBox(),), contents=(AnotherPhoto(),))
    dataset = Squares(count=8, bad=(3,))
    items = Items(dataset, 24, corruption=Corruption(rules=(rule,)), seed=0, augment=True)
    own = {number for number in range(80) if items.name(number) != "square 3"}
    reported = [problem for number in own for problem in items[number].unreadable]
    assert reported
    assert set(reported) == {("square 3", "number 3 is broken")}


def test_the_clean_photo_is_out_of_reach_of_contents() -> None:
    @hcl_sdk.component
    class Ink(hcl_sdk.Content):
        def paint(
            self,
            image: NDArray[np.uint8],
            corruption_mask: NDArray[np.bool_],
            rng: np.random.Generator,
            another: Callable[[], NDArray[np.uint8]],
        ) -> NDArray[Any]:
            image[:] = 0
            return image

    items = Items(Squares(), 24, corruption=Corruption(rules=(Rule(shapes=(CenterBox(),), contents=(Ink(),)),)), seed=0)
    with pytest.raises(ValueError, match="read-only"):
        items[1]


def test_blur_grows_over_the_first_items() -> None:
    corruption = Corruption(rules=(Rule(shapes=(CenterBox(side=0.5),), contents=(Constant(),)),), blur=(3.0, 3.0))
    flat = Squares(count=1, height=1, width=1)

    def grays(number: Any) -> Any:
        items = Items(flat, 64, corruption=corruption, seed=0, augment=True, soften_over=100)
        item = items[number]
        assert np.array_equal(item.clean[..., 0], np.zeros((64, 64)))
        return item

    hard, soft = grays(0), grays(1000)
    assert np.array_equal(hard.corruption_mask, soft.corruption_mask)

    @hcl_sdk.component
    class White(hcl_sdk.Content):
        def paint(
            self,
            image: NDArray[np.uint8],
            corruption_mask: NDArray[np.bool_],
            rng: np.random.Generator,
            another: Callable[[], NDArray[np.uint8]],
        ) -> NDArray[Any]:
            return np.full_like(image, 255)

    corruption = Corruption(rules=(Rule(shapes=(CenterBox(side=0.5),), contents=(White(),)),), blur=(3.0, 3.0))
    assert set(np.unique(grays(0).image)) == {0, 255}
    assert len(np.unique(grays(50).image)) < len(np.unique(grays(1000).image))


def test_another_photo_is_not_the_same_one() -> None:
    @hcl_sdk.component
    class Other(hcl_sdk.Content):
        def paint(
            self,
            image: NDArray[np.uint8],
            corruption_mask: NDArray[np.bool_],
            rng: np.random.Generator,
            another: Callable[[], NDArray[np.uint8]],
        ) -> NDArray[Any]:
            other = another()
            assert other[0, 0, 0] != image[0, 0, 0]
            return np.asarray(Image.fromarray(other).resize(image.shape[1::-1]))

    rule = Rule(shapes=(CenterBox(),), contents=(Other(),))
    items = Items(Squares(count=2, bad=()), 20, corruption=Corruption(rules=(rule,)), seed=0, augment=True)
    for number in range(20):
        items[number]
