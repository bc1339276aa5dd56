"""Shapes, contents, and how they are put on photos."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFilter

import hcl_sdk
from hcl_sdk import PhotoError, SampleError
from hcl_sdk.config import ConfigError, build, describe
from hcl_sdk.corruptions import (
    AlternateLines,
    AlternatePixels,
    AnotherPhoto,
    Blobs,
    BrushStrokes,
    CenterBox,
    Constant,
    Corruption,
    Full,
    Graffiti,
    Half,
    IrregularMasks,
    Logo,
    Logos,
    Noise,
    RandomColor,
    Rectangles,
    Rule,
    TextContent,
    blend,
)
from hcl_sdk.data import FolderDataset
from hcl_sdk.interfaces import DAMAGE, Damage
from hcl_sdk.plugins import registry

UNUSED: Any = None
"""Of a component that does without it."""


def no_other() -> Any:
    """No other photo, for contents that want none."""


def raise_if_asked() -> Any:
    raise AssertionError("another photo was asked for")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Folders of masks (white = corrupted) and logos, for what needs files."""
    masks, logos = tmp_path_factory.mktemp("masks"), tmp_path_factory.mktemp("logos")
    for i in range(3):
        pixels = np.zeros((40, 50), np.uint8)
        pixels[5 + i : 15, 10:30] = 255
        Image.fromarray(pixels).save(masks / f"{i}.png")
        logo = np.zeros((20, 30, 4), np.uint8)
        logo[4:16, 5:25, 3] = 255
        Image.fromarray(logo).save(logos / f"{i}.png")
    return {"irregular": masks, "logos": logos, "logo": logos}


def made(kind: str, name: str, folders: Any) -> Any:
    return build({"use": name, "folder": str(folders[name])} if name == "irregular" else name, kind)


def photo(size: tuple[int, int], seed: int = 0) -> NDArray[Any]:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(256, size=(4, 4, 3), dtype=np.uint8))
    return np.array(coarse.resize((size[1], size[0]), Image.Resampling.BICUBIC))


SHAPES = [entry.name for entry in registry.list_entries("shape") if entry.distribution is None]
CONTENTS = [entry.name for entry in registry.list_entries("content") if entry.distribution is None]


@pytest.mark.parametrize("name", [n for n in SHAPES if n not in ("box", "lines", "pixels", "full")])
def test_random_shapes_differ_from_draw_to_draw(name: Any, folders: dict[str, Any]) -> None:
    shape = made("shape", name, folders)
    rng = np.random.default_rng(0)
    assert len({shape.draw((64, 64), rng).tobytes() for _ in range(6)}) > 1


@pytest.mark.parametrize("name", [n for n in CONTENTS if n not in ("blur", "constant")])
def test_contents_change_a_photo(name: Any, folders: dict[str, Any]) -> None:
    content, image, mask = made("content", name, folders), photo((64, 64)), np.ones((64, 64), np.bool_)
    damaged, changed = blend(
        image, content.paint(image, mask, np.random.default_rng(3), lambda: photo((80, 90), 7)), mask, 0
    )
    assert (damaged != image).any()
    assert changed.any()


# The published shapes, read from the description once more


def test_the_box_is_in_the_middle() -> None:
    mask = CenterBox().draw((64, 128), np.random.default_rng(0))
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    assert (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1) == (24, 40, 48, 80)
    assert mask.sum() == 16 * 32


@given(st.integers(1, 80), st.integers(1, 80), st.floats(0.01, 1))
def test_the_box_has_its_share_of_each_side_rounded_and_is_never_off_the_middle(
    height: int, width: int, side: float
) -> None:
    mask = CenterBox(side=side).draw((height, width), UNUSED)
    for extent, along in ((height, mask.any(1)), (width, mask.any(0))):
        places = np.nonzero(along)[0]
        assert len(places) == max(1, math.floor(extent * side + 0.5))
        before, after = places[0], extent - 1 - places[-1]
        assert 0 <= after - before <= 1
    assert mask.sum() == mask.any(1).sum() * mask.any(0).sum()


def test_the_published_color_is_uniform() -> None:
    image, mask = np.zeros((2, 3, 3), np.uint8), np.ones((2, 3), np.bool_)
    rng = np.random.default_rng(0)
    paints = [RandomColor(variety="published").paint(image, mask, rng, UNUSED) for _ in range(2000)]
    assert all((p == p[0, 0]).all() for p in paints)
    colors = np.stack([p[0, 0] for p in paints])
    assert abs(colors.mean() - 127.5) < 3
    assert (np.histogram(colors, 16, (0, 256))[0] > 300).all()  # 375 expected
    assert (np.ptp(colors, axis=1) == 0).sum() < 4  # grays: one in 65536
    own = np.stack([RandomColor().paint(image, mask, rng, UNUSED)[0, 0] for _ in range(500)])
    assert (np.ptp(own, axis=1) == 0).mean() > 0.2


def test_lines_and_pixels() -> None:
    lines, pixels = AlternateLines().draw((5, 4), UNUSED), AlternatePixels().draw((5, 4), UNUSED)
    for y in range(5):
        for x in range(4):
            assert lines[y, x] == (y % 2 == 1)
            assert pixels[y, x] == (not (y % 2 == 1 and x % 2 == 1))


@pytest.mark.parametrize(("side", "corner"), [("left", (5, 0)), ("right", (5, 9)), ("top", (0, 5)), ("bottom", (9, 5))])
def test_a_half_is_on_its_side(side: Any, corner: tuple[int, int]) -> None:
    mask = Half(side=side).draw((10, 10), np.random.default_rng(0))
    assert mask.sum() == 50
    assert mask[corner]


def test_rectangles_keep_to_their_numbers_and_sides() -> None:
    rng = np.random.default_rng(0)
    assert not Rectangles(count=(0, 0)).draw((50, 80), rng).any()
    for _ in range(50):
        mask = Rectangles(count=(1, 1)).draw((50, 80), rng)
        height, width = mask.any(1).sum(), mask.any(0).sum()
        assert mask.sum() == height * width
        assert 10 <= height <= 40
        assert 16 <= width <= 64


def test_strokes_are_as_broad_as_they_say() -> None:
    rng = np.random.default_rng(1)
    wide = np.mean([BrushStrokes(count=(1, 1), width=(0.1, 0.1)).draw((100, 100), rng).mean() for _ in range(30)])
    thin = np.mean([BrushStrokes(count=(1, 1), width=(0.02, 0.02)).draw((100, 100), rng).mean() for _ in range(30)])
    assert 2.5 < wide / thin < 7


# Masks from files


def test_masks_of_the_other_polarity_are_refused(folders: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"cover 9\d % of the photo .* seem to be meant with corrupted='white'"):
        IrregularMasks(folder=str(folders["irregular"]), corrupted="black")


def test_dark_masks_can_be_said_to_be_dark(tmp_path: Path, folders: dict[str, Any]) -> None:
    for path in folders["irregular"].iterdir():
        Image.fromarray(255 - np.asarray(Image.open(path))).save(tmp_path / path.name)
    light = IrregularMasks(folder=str(folders["irregular"])).draw((30, 40), np.random.default_rng(2))
    dark = IrregularMasks(folder=str(tmp_path), corrupted="black").draw((30, 40), np.random.default_rng(2))
    assert np.array_equal(light, dark)
    assert 0 < light.mean() < 0.5


@pytest.mark.parametrize("make", [lambda f: IrregularMasks(folder=f), lambda f: Logo(folder=f)])
def test_missing_and_empty_folders_are_told_apart(make: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no folder"):
        make(str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match=r"expected (masks|logos) \(.*\.png.*\), got none"):
        make(str(tmp_path))


HOLE = np.zeros((20, 30), np.uint8)
HOLE[4:12, 5:20] = 1


def alpha_mask() -> Any:
    return Image.fromarray(np.stack([HOLE * 0] * 3 + [HOLE * 255], axis=2))


def palette_mask() -> Any:
    image = Image.fromarray(HOLE).convert("P")
    image.putpalette([0, 0, 0, 128, 0, 0] + [0] * 762)
    return image


@pytest.mark.parametrize("values", [HOLE, HOLE * 255, HOLE.astype(np.uint16) * 65535, HOLE.astype(bool)])
def test_masks_of_every_depth_are_read(tmp_path: Path, values: Any) -> None:
    Image.fromarray(values).save(tmp_path / "1.png")
    shape = IrregularMasks(folder=str(tmp_path))
    areas = [shape.draw((40, 60), np.random.default_rng(i)).mean() for i in range(20)]
    assert 0.1 < np.mean(areas) < 0.4


@pytest.mark.parametrize(
    ("make", "why"), [(alpha_mask, "transparent"), (palette_mask, "colored"), (None, "not a photo")]
)
def test_masks_that_say_nothing_in_black_and_white_are_refused(tmp_path: Path, make: Any, why: str) -> None:
    for i in range(3):
        if make is None:
            (tmp_path / f"{i}.png").write_bytes(b"not a photo")
        else:
            make().save(tmp_path / f"{i}.png")
    with pytest.raises(
        ValueError, match=rf"none of the masks inspected in .* can be read; the first: .*0\.png: .*{why}"
    ):
        IrregularMasks(folder=str(tmp_path))


def test_a_folder_of_empty_masks_is_refused(tmp_path: Path) -> None:
    for i in range(3):
        Image.fromarray(HOLE * 0).save(tmp_path / f"{i}.png")
    with pytest.raises(ValueError, match=r"none of the 3 masks inspected in .* has a corrupted pixel"):
        IrregularMasks(folder=str(tmp_path))


def test_a_mask_or_logo_that_cannot_be_read_is_an_error_of_its_draw_alone(tmp_path: Path) -> None:
    Image.fromarray(HOLE * 255).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"not a photo")
    image, full = photo((20, 20)), np.ones((20, 20), np.bool_)
    folder = str(tmp_path)
    masks, logos, logo = IrregularMasks(folder=folder), Logos(folder=folder), Logo(folder=folder)
    for draw in (
        lambda rng: masks.draw((20, 20), rng),
        lambda rng: logos.draw((20, 20), rng),
        lambda rng: logo.paint(image, full, rng, lambda: image),
    ):
        problems = []
        for seed in range(20):
            try:
                draw(np.random.default_rng(seed))
            except PhotoError as error:
                problems.append(str(error))
        assert 0 < len(problems) < 20
        assert all(f"{tmp_path / 'bad.png'}: this is not a photo" in problem for problem in problems)


# Logos


def painted_logo(tmp_path: Any, pixels: Any, **fields: Any) -> tuple[Any, Any]:
    Image.fromarray(pixels).save(tmp_path / "logo.png")
    size = (64, 64)
    content = Logo(folder=str(tmp_path), opacity=(1.0, 1.0), **fields)
    paints = [
        content.paint(np.zeros((*size, 3), np.uint8), np.ones(size, np.bool_), np.random.default_rng(i), UNUSED)
        for i in range(12)
    ]
    return [{tuple(color) for color in p[p[..., 3] == 255][:, :3].tolist()} for p in paints], paints


@pytest.mark.parametrize("tiled", [0.0, 1.0])
def test_a_logo_in_a_file_keeps_its_colors(tmp_path: Path, tiled: float) -> None:
    pixels = np.zeros((20, 20, 4), np.uint8)
    pixels[4:16, 4:10], pixels[4:16, 10:16] = (255, 0, 0, 255), (255, 255, 255, 255)
    colors, _ = painted_logo(tmp_path, pixels, tiled=tiled)
    for found in colors:  # between the two, colors mix
        assert found
        assert all(red == 255 and green == blue for red, green, blue in found)
    assert any((255, 0, 0) in found for found in colors)
    assert any((255, 255, 255) in found for found in colors)


def test_a_black_logo_is_a_form_and_gets_one_random_color(tmp_path: Path) -> None:
    pixels = np.zeros((20, 20, 4), np.uint8)
    pixels[4:16, 4:16, 3] = 255
    colors, _ = painted_logo(tmp_path, pixels, tiled=0.0)
    assert all(len(found) == 1 for found in colors)
    assert len(set.union(*colors)) > 6


def test_an_image_without_transparency_hides_its_rectangle(tmp_path: Path) -> None:
    pixels = np.full((10, 20, 3), 255, np.uint8)
    pixels[3:7, 3:7] = 0
    _, paints = painted_logo(tmp_path, pixels, tiled=0.0, count=(1, 1), side=(0.5, 0.5))
    areas = [np.count_nonzero(p[..., 3]) for p in paints]
    assert max(areas) >= 32 * 16  # one of them is wholly inside, most are not turned
    shapes = [
        Logos(folder=str(tmp_path), count=(1, 1), side=(0.5, 0.5)).draw((64, 64), np.random.default_rng(i))
        for i in range(12)
    ]
    assert max(mask.sum() for mask in shapes) == 32 * 16
    for mask in shapes:
        assert mask.sum() == mask.any(1).sum() * mask.any(0).sum()


# Blending


@settings(max_examples=30)
@given(st.integers(0, 100), st.floats(0.5, 4))
def test_blending_is_the_published_formula(seed: int, radius: float) -> None:
    rng = np.random.default_rng(seed)
    image, content = photo((24, 31), seed), photo((24, 31), seed + 1)
    mask = Blobs().draw((24, 31), rng)
    blurred = Image.fromarray((mask * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
    a = np.asarray(blurred, np.float64)[..., None] / 255
    damaged, changed = blend(image, content, mask, radius)
    assert np.abs(damaged - ((1 - a) * image + a * content)).max() <= 1
    assert np.array_equal(changed, mask)


def test_without_blur_the_edge_is_hard() -> None:
    image, mask = photo((20, 20)), np.zeros((20, 20), np.bool_)
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


def test_opacity_is_what_a_watermark_says() -> None:
    image, mask = np.full((64, 64, 3), 255, np.uint8), np.ones((64, 64), np.bool_)
    painted = Logo(opacity=(0.5, 0.5), tiled=0.0).paint(image, mask, np.random.default_rng(0), lambda: image)
    assert painted[..., 3].max() == 128
    assert (Logo(opacity=(1.0, 1.0)).paint(image, mask, np.random.default_rng(0), lambda: image)[..., 3] == 255).any()


# Corruption


def shares(corruption: Any, count: int = 400) -> Any:
    image, masks = photo((16, 16)), []
    for i in range(count):
        masks.append(corruption(image, np.random.default_rng([7, i]), lambda: image))
    return masks


def test_shares_of_clean_and_full_samples() -> None:
    rule = Rule(shapes=(CenterBox(),), contents=(Constant(),))
    results = shares(Corruption(rules=(rule,), clean=0.3, full=0.2, blur=(0, 0)))
    clean = [r for r in results if not r.corruption_mask.any()]
    full = [r for r in results if r.corruption_mask.all()]
    assert 90 <= len(clean) <= 150
    assert 55 <= len(full) <= 105
    assert {(r.shapes, r.contents) for r in clean} == {((), ())}
    assert {(*map(type, r.shapes), *r.contents) for r in full} == {(Full, rule.contents[0])}
    assert {tuple(map(type, r.shapes)) for r in results} == {(), (Full,), (CenterBox,)}
    assert all(np.array_equal(r.image, photo((16, 16))) for r in clean)


def test_full_samples_are_corrupted_everywhere_whatever_their_content() -> None:
    """By default some contents hide only a part of a photo."""
    image = photo((48, 40))
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


# What parts of others give


def returning(base: Any, value: Any) -> Any:
    name = "draw" if base is hcl_sdk.Shape else "paint"
    made: Any = type("Made", (base,), {name: lambda self, *_: value})
    return hcl_sdk.component(made)()


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
def test_a_mask_that_is_none_is_refused_with_its_shape(mask: NDArray[Any] | None, message: str) -> None:
    rule = Rule(shapes=(returning(hcl_sdk.Shape, mask),), contents=(Constant(),))
    with pytest.raises(ValueError, match=rf"Made\(\) must draw bool \[8, 9\], True = corrupted; got {message}"):
        Corruption(rules=(rule,))(photo((8, 9)), np.random.default_rng(0), no_other)


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
def test_pixels_that_are_none_are_refused_with_their_content(pixels: NDArray[Any] | list[int], message: str) -> None:
    rule = Rule(shapes=(Full(),), contents=(returning(hcl_sdk.Content, pixels),))
    with pytest.raises(ValueError, match=rf"Made\(\) must paint uint8 \[8, 9, 3\], or 4 .*; got {message}"):
        Corruption(rules=(rule,))(photo((8, 9)), np.random.default_rng(0), no_other)


@pytest.mark.parametrize("argument", [0, 1])
def test_contents_cannot_modify_the_photo_or_the_mask(argument: int) -> None:
    @hcl_sdk.component
    class Ink(hcl_sdk.Content):
        def paint(self, image: Any, corruption_mask: Any, rng: Any, another: Any) -> NDArray[Any]:
            (image, corruption_mask)[argument][:] = 0
            return image

    image = photo((8, 9))
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
    results = [Corruption(rules=(rule,))(photo((8, 9)), np.random.default_rng(i), no_other) for i in range(20)]
    assert {tuple(map(type, r.contents)) for r in results} == {(Constant,)}
    reported = {problem for r in results for problem in r.unreadable}
    assert reported == {("Full() with Fails()", "out of paint")}


def test_rules_are_drawn_by_their_weights() -> None:
    rules = (
        Rule(shapes=(CenterBox(),), contents=(Constant(),), weight=3),
        Rule(shapes=(Half(),), contents=(Noise(),), weight=1),
    )
    results = shares(Corruption(rules=rules))
    assert 260 <= sum(r.shapes[0] is rules[0].shapes[0] for r in results) <= 340
    assert {(r.shapes, r.contents) for r in results} == {(rule.shapes, rule.contents) for rule in rules}


def test_the_area_is_kept_where_it_can_be() -> None:
    rule = Rule(shapes=(Rectangles(count=(1, 4), side=(0.1, 0.8)),), contents=(Constant(),))
    areas = [
        Corruption(rules=(rule,), area=(0.2, 0.3))(photo((64, 64)), np.random.default_rng(i), no_other)
        for i in range(100)
    ]
    inside = [0.2 <= r.corruption_mask.mean() <= 0.3 for r in areas]
    assert np.mean(inside) > 0.7
    box = Rule(shapes=(CenterBox(),), contents=(Constant(),))  # always 1/16
    result = Corruption(rules=(box,), area=(0.5, 1.0))(photo((64, 64)), np.random.default_rng(0), no_other)
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


def test_every_layer_says_what_could_not_be_read() -> None:
    def another() -> Any:
        raise SampleError("gone")

    rules = (
        Rule(shapes=(CenterBox(),), contents=(AnotherPhoto(),)),
        Rule(shapes=(CenterBox(),), contents=(Constant(),)),
    )
    corruption = Corruption(rules=rules, layers=(5, 5))
    result = corruption(photo((16, 16)), np.random.default_rng(0), another)
    assert result.corruption_mask.any()
    assert len(result.unreadable) > 1


def test_softness_scales_the_blur() -> None:
    rule = Rule(shapes=(CenterBox(),), contents=(Constant(),))
    corruption, image = Corruption(rules=(rule,), blur=(3.0, 3.0)), np.full((64, 64, 3), 200, np.uint8)
    hard, soft = (corruption(image, np.random.default_rng(0), no_other, softness=s).image for s in (0.0, 1.0))
    assert set(np.unique(hard)) == {0, 200}
    assert len(np.unique(soft)) > 10


def test_a_photo_out_of_another_data_set(tmp_path: Path) -> None:
    Image.new("RGB", (40, 30), (10, 200, 30)).save(tmp_path / "green.png")
    content = AnotherPhoto(dataset=FolderDataset(path=str(tmp_path)))
    rule = Rule(shapes=(CenterBox(),), contents=(content,))
    damaged = Corruption(rules=(rule,), blur=(0, 0))(photo((32, 32)), np.random.default_rng(0), raise_if_asked)
    assert damaged.image[16, 16].tolist() == [10, 200, 30]


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
    image = photo((48, 48))
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
        "corruption.full: 'clean' and 'full' are shares",
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
    damaged = Corruption(rules=(rule,))(photo((10, 10)), np.random.default_rng(0), no_other)
    assert damaged.corruption_mask.sum() == 25
    assert [type(shape) for shape in damaged.shapes] == [Corner]


# What damage is


def number(damage: Damage) -> int:
    return DAMAGE.index(damage) + 1


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
def test_the_shape_says_what_damage_is_or_else_the_content(shape: str, content: str, damage: Damage) -> None:
    rule = Rule(shapes=(made("shape", shape, {}),), contents=(made("content", content, {}),))
    image = photo((64, 64))
    for seed in range(4):
        result = Corruption(rules=(rule,))(image, np.random.default_rng(seed), lambda: photo((64, 64), 9))
        assert result.damage_map.dtype == np.uint8
        assert np.array_equal(result.damage_map, result.corruption_mask * number(damage))


def test_the_damage_of_plugins_that_say_nothing_is_other() -> None:
    assert returning(hcl_sdk.Content, None).damage == "other"
    assert returning(hcl_sdk.Shape, None).damage is None


def test_a_kind_of_damage_that_there_is_not_is_refused() -> None:
    @hcl_sdk.component
    class Mold(hcl_sdk.Content):
        damage = "mold"  # pyright: ignore[reportAssignmentType]

        def paint(self, image: Any, corruption_mask: Any, rng: Any, another: Any) -> Any:
            return image

    rule = Rule(shapes=(Full(),), contents=(Mold(),))
    with pytest.raises(ValueError, match=r"'damage' of Mold\(\) must be one of text, graphic, .*; got 'mold'"):
        Corruption(rules=(rule,))(photo((8, 9)), np.random.default_rng(0), lambda: photo((8, 9)))


def test_the_numbers_of_damage_do_not_change() -> None:
    assert get_args(Damage) == DAMAGE == ("text", "graphic", "scratch", "patch", "fill", "other")


@pytest.mark.parametrize("name", [*SHAPES, *CONTENTS])
def test_what_built_in_parts_say_is_a_kind_of_damage(name: str, folders: dict[str, Any]) -> None:
    if name in SHAPES:
        assert made("shape", name, folders).damage in (None, *DAMAGE)
    if name in CONTENTS:
        assert made("content", name, folders).damage in DAMAGE


def test_the_highest_layer_says_what_damage_is() -> None:
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
        of_color = {9: number("fill"), 99: number("patch"), 200: 0}
        expected = np.vectorize(of_color.__getitem__)(result.image[..., 0])
        assert np.array_equal(result.damage_map, expected)
        seen |= set(np.unique(result.damage_map).tolist())
    assert seen == {0, number("fill"), number("patch")}
