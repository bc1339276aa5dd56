"""What kind of damage is where."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from corrupting import CONTENT_NAMES, SHAPE_NAMES, draw_smooth, get_number, make_part, make_returning

import hcl_sdk
from hcl_sdk.corruptions import (
    AnotherPhoto,
    CenterBox,
    Constant,
    Corruption,
    Full,
    Half,
    Rule,
)
from hcl_sdk.interfaces import DAMAGE, Damage


@pytest.mark.parametrize(
    ("shape", "content", "damage"),
    [
        ("text", "color", "text"),  # letters are text in any color
        ("text", "photo", "text"),
        ("logos", "noise", "graphic"),
        ("scratches", "color", "scratch"),
        ("blobs", "color", "fill"),
        ("blobs", "photo", "patch"),
        ("full", "caption", "text"),
        ("full", "stickers", "graphic"),
        ("full", "film", "scratch"),
    ],
)
def test_the_kind_comes_from_the_shape_or_else_the_content(shape: str, content: str, damage: Damage) -> None:
    rule = Rule(shapes=(make_part("shape", shape, {}),), contents=(make_part("content", content, {}),))
    image = draw_smooth((64, 64))
    for seed in range(4):
        result = Corruption(rules=(rule,))(image, np.random.default_rng(seed), lambda: draw_smooth((64, 64), 9))
        assert result.damage_map.dtype == np.uint8
        assert np.array_equal(result.damage_map, result.corruption_mask * get_number(damage))


def test_the_damage_of_plugins_that_say_nothing_is_other() -> None:
    assert make_returning(hcl_sdk.Content, None).damage == "other"
    assert make_returning(hcl_sdk.Shape, None).damage is None


def test_a_kind_of_damage_that_there_is_not_is_refused() -> None:
    @hcl_sdk.component
    class Mold(hcl_sdk.Content):
        damage = "mold"  # pyright: ignore[reportAssignmentType]

        def paint(self, image: Any, corruption_mask: Any, rng: Any, another: Any) -> Any:
            return image

    rule = Rule(shapes=(Full(),), contents=(Mold(),))
    with pytest.raises(ValueError, match=r"'damage' of Mold\(\) must be one of text, graphic, .*; got 'mold'"):
        Corruption(rules=(rule,))(draw_smooth((8, 9)), np.random.default_rng(0), lambda: draw_smooth((8, 9)))


def test_the_numbers_of_damage_do_not_change() -> None:
    assert get_args(Damage) == DAMAGE == ("text", "graphic", "scratch", "patch", "fill", "other")


@pytest.mark.parametrize("name", [*SHAPE_NAMES, *CONTENT_NAMES])
def test_built_in_parts_name_known_kinds_of_damage(name: str, folders: dict[str, Any]) -> None:
    if name in SHAPE_NAMES:
        assert make_part("shape", name, folders).damage in (None, *DAMAGE)
    if name in CONTENT_NAMES:
        assert make_part("content", name, folders).damage in DAMAGE


def test_the_kind_comes_from_the_highest_layer() -> None:
    rules = (
        Rule(shapes=(Half(side="left"),), contents=(Constant(color=(9, 9, 9)),)),
        Rule(shapes=(CenterBox(side=0.5),), contents=(AnotherPhoto(),)),
    )
    image = np.full((32, 32, 3), 200, np.uint8)
    seen: set[int] = set()
    for seed in range(12):
        result = Corruption(rules=rules, blur=(0, 0), layers=(2, 2))(
            image, np.random.default_rng(seed), lambda: np.full((40, 40, 3), 99, np.uint8)
        )
        of_color = {9: get_number("fill"), 99: get_number("patch"), 200: 0}
        expected = np.vectorize(of_color.__getitem__)(result.image[..., 0])
        assert np.array_equal(result.damage_map, expected)
        seen |= set(np.unique(result.damage_map).tolist())
    assert seen == {0, get_number("fill"), get_number("patch")}
