"""Corruptions as configurations, and parts from scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from corrupting import draw_smooth, no_other
from numpy.typing import NDArray

import hcl_sdk
from hcl_sdk.config import ConfigError, build, describe
from hcl_sdk.corruptions import (
    Blobs,
    CenterBox,
    Corruption,
    Full,
    IrregularMasks,
    Logo,
    Noise,
    RandomColor,
    Rule,
    TextContent,
)


def test_a_corruption_is_its_configuration(tmp_path: Path, folders: dict[str, Any]) -> None:
    corruption = Corruption(
        rules=(
            Rule(shapes=(Blobs(count=(1, 2)), IrregularMasks(folder=str(folders["irregular"]))), contents=(Noise(),)),
            Rule(shapes=(Full(),), contents=(Logo(folder=str(folders["logo"])), TextContent()), weight=0.5),
        ),
        clean=0.25,
    )
    described = describe(corruption)
    assert described["rules"][1]["contents"][0]["use"] == "logo"
    again = build(described, Corruption)
    assert describe(again) == described
    assert repr(again) == repr(corruption)
    image = draw_smooth((48, 48))
    for i in range(5):
        ours, theirs = (c(image, np.random.default_rng(i), lambda: image) for c in (corruption, again))
        assert np.array_equal(ours.image, theirs.image)


def test_all_that_is_wrong_with_a_corruption_is_reported() -> None:
    with pytest.raises(ConfigError) as raised:
        build(
            {
                "clean": 0.7,
                "full": 0.5,
                "blur": [3, 1],
                "rules": [{"shapes": [{"use": "blob"}], "contents": [], "wait": 1}, {"shapes": "box"}],
            },
            Corruption,
        )
    text = str(raised.value)
    for part in (
        "corruption.rules[0].shapes[0].use: unknown shape 'blob'; did you mean 'blobs'?",
        "corruption.rules[0].wait: unknown key; did you mean 'weight'?",
        "corruption.rules[1].shapes: expected a list, each a shape; got 'box' (str)",
        "corruption.rules[1].contents: missing; expected a list, each a content",
        "corruption.full: 'clean' and 'full' must be at most 1 together, as shares of photos: 0.7 + 0.5",
        "corruption.blur: 'blur' must be two numbers in order",
    ):
        assert part in text


def test_a_plain_component_is_read_only_and_must_be_decorated() -> None:
    shape = CenterBox(side=0.5)
    assert repr(shape) == "CenterBox(side=0.5)"
    with pytest.raises(AttributeError, match="read-only"):
        shape.side = 0.3
    assert attrs.evolve(shape, side=0.25).side == 0.25
    with pytest.raises(TypeError, match=r"CenterBox\.side: expected a number, got 'a'"):
        CenterBox(side="a")  # pyright: ignore[reportArgumentType]

    class Undecorated(hcl_sdk.Shape):
        def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[Any]:
            return np.zeros(size, np.bool_)

    with pytest.raises(TypeError, match="not decorated"):
        Undecorated()


def test_a_shape_of_a_script_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    @hcl_sdk.component
    class Corner(hcl_sdk.Shape):
        share: float = 0.5

        def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[Any]:
            mask = np.zeros(size, np.bool_)
            mask[: round(size[0] * self.share), : round(size[1] * self.share)] = True
            return mask

    rule = Rule(shapes=(Corner(),), contents=(RandomColor(),))
    damaged = Corruption(rules=(rule,))(draw_smooth((10, 10)), np.random.default_rng(0), no_other)
    assert damaged.corruption_mask.sum() == 25
    assert [type(shape) for shape in damaged.shapes] == [Corner]
