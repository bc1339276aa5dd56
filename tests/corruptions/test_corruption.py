"""Shapes and contents put together: blended, drawn by their shares, laid over each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from corrupting import draw_smooth, make_returning, no_other
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFilter

import hcl_sdk
from hcl_sdk import SampleError
from hcl_sdk.corruptions import (
    AnotherPhoto,
    Blobs,
    CenterBox,
    Constant,
    Corruption,
    Full,
    Graffiti,
    Half,
    Logo,
    Noise,
    Rectangles,
    Rule,
    TextContent,
    blend,
)


@settings(max_examples=30)
@given(st.integers(0, 100), st.floats(0.5, 4))
def test_blending_is_the_published_formula(seed: int, radius: float) -> None:
    rng = np.random.default_rng(seed)
    image, content = draw_smooth((24, 31), seed), draw_smooth((24, 31), seed + 1)
    mask = Blobs().draw((24, 31), rng)
    blurred = Image.fromarray((mask * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
    a = np.asarray(blurred, np.float64)[..., None] / 255
    damaged, changed = blend(image, content, mask, radius)
    assert np.abs(damaged - ((1 - a) * image + a * content)).max() <= 1
    assert np.array_equal(changed, mask)


def test_without_blur_the_edge_is_hard() -> None:
    image, mask = draw_smooth((20, 20)), np.zeros((20, 20), np.bool_)
    mask[5:9, 3:12] = True
    damaged, _ = blend(image, np.zeros_like(image), mask, 0)
    assert np.array_equal(damaged, np.where(mask[..., None], 0, image))


def test_the_mask_of_transparent_content_is_where_the_image_changed() -> None:
    image = np.full((8, 8, 3), 100, np.uint8)
    painted = np.zeros((8, 8, 4), np.uint8)
    painted[..., :3] = 100
    painted[2, 2] = 0, 0, 0, 128  # changes
    painted[3, 3] = 100, 100, 100, 255  # opaque, but of the same color
    painted[4, 4] = 0, 0, 0, 0  # wholly transparent
    damaged, changed = blend(image, painted, np.ones((8, 8), np.bool_), 0)
    assert np.argwhere(changed).tolist() == [[2, 2]]
    assert damaged[2, 2].tolist() == [50, 50, 50]


def test_opacity_matches_the_watermark() -> None:
    image, mask = np.full((64, 64, 3), 255, np.uint8), np.ones((64, 64), np.bool_)
    painted = Logo(opacity=(0.5, 0.5), tiled=0.0).paint(image, mask, np.random.default_rng(0), lambda: image)
    assert painted[..., 3].max() == 128
    assert (Logo(opacity=(1.0, 1.0)).paint(image, mask, np.random.default_rng(0), lambda: image)[..., 3] == 255).any()


def count_shares(corruption: Any, count: int = 400) -> Any:
    image, masks = draw_smooth((16, 16)), []
    for i in range(count):
        masks.append(corruption(image, np.random.default_rng([7, i]), lambda: image))
    return masks


def test_shares_of_clean_and_full_samples() -> None:
    rule = Rule(shapes=(CenterBox(),), contents=(Constant(),))
    results = count_shares(Corruption(rules=(rule,), clean=0.3, full=0.2, blur=(0, 0)))
    clean = [r for r in results if not r.corruption_mask.any()]
    full = [r for r in results if r.corruption_mask.all()]
    assert 90 <= len(clean) <= 150
    assert 55 <= len(full) <= 105
    assert {(r.shapes, r.contents) for r in clean} == {((), ())}
    assert {(*map(type, r.shapes), *r.contents) for r in full} == {(Full, rule.contents[0])}
    assert {tuple(map(type, r.shapes)) for r in results} == {(), (Full,), (CenterBox,)}
    assert all(np.array_equal(r.image, draw_smooth((16, 16))) for r in clean)


def test_full_samples_are_corrupted_everywhere_whatever_their_content() -> None:
    """By default some contents hide only a part of a photo."""
    image = draw_smooth((48, 40))
    results = [Corruption(full=1.0)(image, np.random.default_rng([3, i]), lambda: 255 - image) for i in range(150)]
    assert all(r.corruption_mask.all() for r in results)
    assert len({type(content) for r in results for content in r.contents}) > 4


@pytest.mark.parametrize("content", [Logo(tiled=0.0), TextContent(), Graffiti()])
def test_a_full_sample_of_transparent_content_alone_loses_its_transparency(
    content: Logo | TextContent | Graffiti,
) -> None:
    image = np.full((48, 48, 3), 77, np.uint8)
    corruption = Corruption(full=1.0, rules=(Rule(shapes=(Full(),), contents=(content,)),))
    for i in range(10):
        result = corruption(image, np.random.default_rng(i), lambda: image)
        assert result.corruption_mask.all()
        assert (result.image != 77).any(axis=2).mean() > 0.9


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.full((8, 9), 255, np.uint8), r"uint8 \[8, 9\]"),
        (np.ones((8, 9), np.float32), r"float32 \[8, 9\]"),
        (np.ones((9, 8), np.bool_), r"bool \[9, 8\]"),
        (np.ones((1, 8, 9), np.bool_), r"bool \[1, 8, 9\]"),
        (None, "NoneType"),
    ],
)
def test_an_invalid_mask_is_refused_with_its_shape(mask: NDArray[Any] | None, message: str) -> None:
    rule = Rule(shapes=(make_returning(hcl_sdk.Shape, mask),), contents=(Constant(),))
    with pytest.raises(ValueError, match=rf"Made\(\) must draw bool \[8, 9\], True = corrupted; got {message}"):
        Corruption(rules=(rule,))(draw_smooth((8, 9)), np.random.default_rng(0), no_other)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.ones((8, 9, 3), np.float32), r"float32 \[8, 9, 3\]"),
        (np.full((8, 9, 3), 300), r"int64 \[8, 9, 3\]"),
        (np.ones((4, 5, 3), np.uint8), r"uint8 \[4, 5, 3\]"),
        (np.ones((8, 9), np.uint8), r"uint8 \[8, 9\]"),
        (np.ones((8, 9, 1), np.uint8), r"uint8 \[8, 9, 1\]"),
        ([1], "list"),
    ],
)
def test_invalid_pixels_are_refused_with_their_content(pixels: NDArray[Any] | list[int], message: str) -> None:
    rule = Rule(shapes=(Full(),), contents=(make_returning(hcl_sdk.Content, pixels),))
    with pytest.raises(ValueError, match=rf"Made\(\) must paint uint8 \[8, 9, 3\], or 4 .*; got {message}"):
        Corruption(rules=(rule,))(draw_smooth((8, 9)), np.random.default_rng(0), no_other)


@pytest.mark.parametrize("argument", [0, 1])
def test_contents_cannot_modify_the_photo_or_the_mask(argument: int) -> None:
    @hcl_sdk.component
    class Ink(hcl_sdk.Content):
        def paint(self, image: Any, corruption_mask: Any, rng: Any, another: Any) -> NDArray[Any]:
            (image, corruption_mask)[argument][:] = 0
            return image

    image = draw_smooth((8, 9))
    with pytest.raises(ValueError, match="read-only"):
        Corruption(rules=(Rule(shapes=(Full(),), contents=(Ink(),)),))(image, np.random.default_rng(0), no_other)
    assert image.flags.writeable


def test_an_error_that_does_not_name_a_file_is_reported_under_its_parts() -> None:
    @hcl_sdk.component
    class Fails(hcl_sdk.Content):
        def paint(
            self,
            image: NDArray[np.uint8],
            corruption_mask: NDArray[np.bool_],
            rng: np.random.Generator,
            another: Callable[[], NDArray[np.uint8]],
        ) -> NDArray[Any]:
            raise SampleError("out of paint")

    rule = Rule(shapes=(Full(),), contents=(Fails(), Constant()))
    results = [Corruption(rules=(rule,))(draw_smooth((8, 9)), np.random.default_rng(i), no_other) for i in range(20)]
    assert {tuple(map(type, r.contents)) for r in results} == {(Constant,)}
    reported = {problem for r in results for problem in r.unreadable}
    assert reported == {("Full() with Fails()", "out of paint")}


def test_rules_are_drawn_by_their_weights() -> None:
    rules = (
        Rule(shapes=(CenterBox(),), contents=(Constant(),), weight=3),
        Rule(shapes=(Half(),), contents=(Noise(),), weight=1),
    )
    results = count_shares(Corruption(rules=rules))
    assert 260 <= sum(r.shapes[0] is rules[0].shapes[0] for r in results) <= 340
    assert {(r.shapes, r.contents) for r in results} == {(rule.shapes, rule.contents) for rule in rules}


def test_the_area_is_kept_where_it_can_be() -> None:
    rule = Rule(shapes=(Rectangles(count=(1, 4), side=(0.1, 0.8)),), contents=(Constant(),))
    areas = [
        Corruption(rules=(rule,), area=(0.2, 0.3))(draw_smooth((64, 64)), np.random.default_rng(i), no_other)
        for i in range(100)
    ]
    inside = [0.2 <= r.corruption_mask.mean() <= 0.3 for r in areas]
    assert np.mean(inside) > 0.7
    box = Rule(shapes=(CenterBox(),), contents=(Constant(),))  # always 1/16
    result = Corruption(rules=(box,), area=(0.5, 1.0))(draw_smooth((64, 64)), np.random.default_rng(0), no_other)
    assert result.corruption_mask.mean() == 1 / 16


def test_layers_lie_over_each_other() -> None:
    rules = (
        Rule(shapes=(Half(),), contents=(Constant(color=(200, 0, 0)),)),
        Rule(shapes=(CenterBox(),), contents=(Constant(color=(0, 200, 0)),)),
    )
    image = np.full((64, 64, 3), 90, np.uint8)
    corruption = Corruption(rules=rules, blur=(0, 0), layers=(1, 4))
    numbers = set()
    for seed in range(60):
        result = corruption(image, np.random.default_rng(seed), no_other)
        changed = (result.image != image).any(axis=-1)
        assert np.array_equal(result.corruption_mask, changed)
        numbers.add(len(np.unique(result.image[changed], axis=0)))
        assert 1 <= len(result.shapes) == len(result.contents) <= 4
        of_both = {rule.shapes[0]: rule.contents[0] for rule in rules}
        assert [of_both[shape] for shape in result.shapes] == list(result.contents)
        contents: Any = result.contents
        assert {tuple(color) for color in result.image[changed]} <= {content.color for content in contents}
        assert tuple(result.image[32, 32]) == contents[-1].color or isinstance(result.shapes[-1], Half)
    assert numbers == {1, 2}
    with pytest.raises(ValueError, match="'layers' must be two numbers in order, at least 1"):
        Corruption(layers=(0, 2))


def test_every_layer_reports_what_could_not_be_read() -> None:
    def another() -> Any:
        raise SampleError("gone")

    rules = (
        Rule(shapes=(CenterBox(),), contents=(AnotherPhoto(),)),
        Rule(shapes=(CenterBox(),), contents=(Constant(),)),
    )
    corruption = Corruption(rules=rules, layers=(5, 5))
    result = corruption(draw_smooth((16, 16)), np.random.default_rng(0), another)
    assert result.corruption_mask.any()
    assert len(result.unreadable) > 1


def test_softness_scales_the_blur() -> None:
    rule = Rule(shapes=(CenterBox(),), contents=(Constant(),))
    corruption, image = Corruption(rules=(rule,), blur=(3.0, 3.0)), np.full((64, 64, 3), 200, np.uint8)
    hard, soft = (corruption(image, np.random.default_rng(0), no_other, softness=s).image for s in (0.0, 1.0))
    assert set(np.unique(hard)) == {0, 200}
    assert len(np.unique(soft)) > 10
