"""The contents that draw what happens to photos: captions, watermarks, film damage and the like."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corrupting import CONTENT_NAMES, UNUSED, draw_smooth, make_part, raise_if_asked
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFont

from hcl_sdk.corruptions import (
    AnotherPhoto,
    Caption,
    CenterBox,
    Corruption,
    Cracks,
    Cutout,
    DateStamp,
    Drops,
    FilmDamage,
    Glitch,
    Pen,
    RandomColor,
    Rule,
    Stickers,
    TornPaper,
    Watermark,
    blend,
)
from hcl_sdk.data import FolderDataset
from hcl_sdk.interfaces import Content
from hcl_sdk.photos.errors import PhotoError

CONTENTS: tuple[Content, ...] = (
    Caption(),
    Cracks(),
    Cutout(),
    DateStamp(),
    Drops(),
    FilmDamage(),
    Glitch(),
    Pen(),
    Stickers(),
    TornPaper(),
    Watermark(),
)


def draw_photo(size: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    """Patches of color with a little texture, as photos have."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(256, size=(4, 5, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((size[1], size[0]), Image.Resampling.BICUBIC), np.float64)
    return np.clip(smooth + rng.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)


def paint(
    content: Content, size: tuple[int, int] = (96, 128), seed: int = 0, image: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    image = draw_photo(size, seed) if image is None else image
    mask = np.ones(image.shape[:2], np.bool_)
    return content.paint(image, mask, np.random.default_rng(seed), lambda: draw_photo((70, 90), seed + 1))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CONTENTS), st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**32))
def test_any_size_and_seed(content: Content, height: int, width: int, seed: int) -> None:
    image = draw_photo((height, width), seed)
    first, again = (paint(content, seed=seed, image=image.copy()) for _ in range(2))
    assert first.dtype == np.uint8
    assert first.shape == (height, width, 4)
    assert np.array_equal(first, again)
    opacity = first[..., 3]
    assert not ((opacity > 0) & (opacity < 8)).any()  # what nobody sees is not there
    damaged, changed = blend(image, first, np.ones((height, width), np.bool_), 0)
    assert np.array_equal(changed, (damaged != image).any(axis=2))
    assert not changed[opacity == 0].any()


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: type(content).__name__)
def test_most_draws_are_seen_and_leave_most_of_the_photo(content: Content) -> None:
    image = draw_photo((128, 128), 5)
    shares = [
        blend(image, paint(content, seed=seed, image=image), np.ones((128, 128), np.bool_), 0)[1].mean()
        for seed in range(24)
    ]
    assert np.mean(np.array(shares) > 0.0005) > 0.8
    assert np.median(shares) < 0.5


# Date stamps


def find_box(opacity: NDArray[Any]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(opacity.any(axis=1)), np.flatnonzero(opacity.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def test_a_date_stamp_lies_in_a_corner_and_most_at_the_lower_right() -> None:
    corners = []
    for seed in range(60):
        top, bottom, left, right = find_box(paint(DateStamp(glow=(0, 0)), (240, 320), seed)[..., 3])
        assert min(top, 240 - bottom) < 0.15 * 240
        assert min(left, 320 - right) < 0.15 * 240
        assert bottom - top < 0.15 * 240
        corners.append((240 - bottom < top, 320 - right < left))
    assert corners.count((True, True)) > 30
    assert len(set(corners)) == 4


def test_a_date_stamp_is_warm_and_keeps_its_opacity() -> None:
    for seed in range(20):
        painted = paint(DateStamp(opacity=(0.5, 0.6), glow=(0, 0)), (200, 200), seed)
        opacity = painted[..., 3]
        assert opacity.max() <= round(0.6 * 255)
        red, _, blue = painted[opacity > 0][:, :3].T.astype(int)
        assert (red > blue).all()


def test_the_glow_of_a_date_stamp_reaches_farther_than_its_digits() -> None:
    more = [
        (paint(DateStamp(glow=(0.6, 0.6)), seed=seed)[..., 3] > 0).sum()
        > (paint(DateStamp(glow=(0, 0)), seed=seed)[..., 3] > 0).sum()
        for seed in range(10)
    ]
    assert all(more)


# Watermarks


def test_a_tiled_watermark_covers_the_photo_and_one_in_a_corner_does_not() -> None:
    for seed in range(15):
        tiled = paint(Watermark(layouts=("tiled",), opacity=(0.9, 0.9)), (160, 200), seed)[..., 3] > 0
        assert all(part.any() for half in np.array_split(tiled, 2) for part in np.array_split(half, 2, axis=1))
        top, bottom, left, right = find_box(
            paint(Watermark(layouts=("corner",), opacity=(0.9, 0.9)), (160, 200), seed)[..., 3]
        )
        assert min(top, 160 - bottom) < 0.15 * 160
        assert min(left, 200 - right) < 0.15 * 160
        assert (bottom - top) * (right - left) < 0.5 * 160 * 200


@settings(max_examples=25, deadline=None)
@given(st.floats(0.1, 0.9), st.floats(0, 0.1), st.integers(0, 1000))
@example(0.8999999999999999, 0.0, 2)  # 229.5 levels to float32, a little less to float64
def test_a_watermark_does_not_exceed_its_opacity(low: float, more: float, seed: int) -> None:
    opacity = paint(Watermark(opacity=(low, low + more)), seed=seed)[..., 3]
    assert opacity.max() <= (low + more) * 255 + 0.5001  # the nearest level; of a half, either neighbor


def test_a_watermark_is_a_logo_out_of_the_folder(tmp_path: Path) -> None:
    form = np.zeros((30, 30, 4), np.uint8)
    form[:, 10:20] = 255  # an upright bar, which no letter is everywhere
    Image.fromarray(form).save(tmp_path / "bar.png")
    with_logo = [paint(Watermark(logos=str(tmp_path), layouts=("corner",)), seed=seed) for seed in range(30)]
    without = [paint(Watermark(layouts=("corner",)), seed=seed) for seed in range(30)]
    differing = [not np.array_equal(a, b) for a, b in zip(with_logo, without, strict=True)]
    assert 0.2 < np.mean(differing) < 0.8  # of the others, only words are drawn
    with pytest.raises(ValueError, match="there is no folder"):
        Watermark(logos=str(tmp_path / "nowhere"))


# Fonts


@pytest.mark.parametrize("make", [lambda f: Caption(fonts=f), lambda f: Watermark(fonts=f)])
def test_folders_of_fonts_that_are_missing_empty_or_unusable_are_told_apart(
    tmp_path: Path, make: Callable[[str], Content]
) -> None:
    with pytest.raises(ValueError, match=r"expected a folder of fonts; there is no folder .*nowhere"):
        make(str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match=r"expected a folder of fonts \(\.ttf, \.otf\), got none in"):
        make(str(tmp_path))
    (tmp_path / "bitmaps.ttf").write_bytes(b"no outlines")
    with pytest.raises(ValueError, match=r"none of the 1 fonts in .* can be used"):
        make(str(tmp_path))


def test_a_font_out_of_the_folder_is_used_and_one_that_is_gone_is_named(tmp_path: Path) -> None:
    default = ImageFont.load_default(size=20)
    assert isinstance(default, ImageFont.FreeTypeFont)
    file = tmp_path / "deeper" / "some.TTF"
    file.parent.mkdir()
    file.write_bytes(default.font_bytes)
    (tmp_path / "broken.otf").write_bytes(b"")
    caption = Caption(fonts=str(tmp_path))
    assert paint(caption)[..., 3].any()
    file.unlink()
    problems = []
    for seed in range(12):
        try:
            paint(caption, (83 + seed, 97), seed)  # another size, which no cache has
        except PhotoError as error:
            problems.append(str(error))
    assert problems
    assert all(f"{file}: this font cannot be read" in problem for problem in problems)


# Film, print and paper


def test_film_damage_draws_from_a_folder_of_masks(tmp_path: Path) -> None:
    pixels = np.zeros((60, 60), np.uint8)
    pixels[:, 20:40] = 255
    Image.fromarray(pixels).save(tmp_path / "hair.png")
    drawn = [paint(FilmDamage(masks=str(tmp_path), count=(3, 3)), seed=seed)[..., 3] for seed in range(12)]
    assert all(opacity.any() for opacity in drawn)
    (tmp_path / "hair.png").write_bytes(b"no photo")
    (tmp_path / "other.png").write_bytes(b"no photo")
    problems = []
    for seed in range(12):
        try:
            paint(FilmDamage(masks=str(tmp_path), count=(3, 3)), seed=seed)
        except PhotoError as error:
            problems.append(str(error))
    assert problems
    assert all("other.png" in p or "hair.png" in p for p in problems)
    with pytest.raises(ValueError, match="there is no folder"):
        FilmDamage(masks=str(tmp_path / "nowhere"))


def test_film_damage_is_light_or_dark_and_varies_in_strength() -> None:
    means, spread = [], []
    for seed in range(40):
        painted = paint(FilmDamage(strength=(1, 1)), seed=seed)
        opacity = painted[..., 3]
        if (opacity > 0).sum() > 20:
            means.append(painted[opacity > 0][:, :3].mean())
            spread.append(len(np.unique(opacity)))
    assert min(means) < 60
    assert max(means) > 190
    assert np.median(spread) > 20


@pytest.mark.parametrize("kind", [FilmDamage, Cracks])
def test_a_smaller_scale_draws_thinner_lines(kind: type[FilmDamage] | type[Cracks]) -> None:
    areas = [
        sum(float((paint(kind(scale=(scale, scale)), (256, 256), seed)[..., 3] > 0).mean()) for seed in range(12))
        for scale in (0.3, 1.0)
    ]
    assert areas[0] < 0.7 * areas[1]


def test_a_stain_is_darker_at_its_edge() -> None:
    """Of one round stain, the opacity along a ring near its edge exceeds that in its middle."""
    darker = []
    for seed in range(20):
        opacity = paint(Drops(kinds=("stain",), count=(1, 1), radius=(0.3, 0.3)), (128, 128), seed)[..., 3].astype(
            float
        )
        inside = opacity > 0
        if inside.mean() < 0.05:
            continue
        edge = inside & (np.asarray(Image.fromarray(inside).convert("L").reduce(1)) > 0)
        for _ in range(6):  # what is left when six pixels are taken off all around
            edge = edge[1:-1, 1:-1] & edge[:-2, 1:-1] & edge[2:, 1:-1] & edge[1:-1, :-2] & edge[1:-1, 2:]
            edge = np.pad(edge, 1)
        if edge.any():
            darker.append(opacity[inside & ~edge].max() > np.median(opacity[edge]))
    assert len(darker) > 8
    assert np.mean(darker) > 0.9


def test_tears_are_opaque_and_reach_the_border_or_are_holes() -> None:
    opaque = [(paint(TornPaper(), seed=seed)[..., 3] == 255).mean() for seed in range(20)]
    assert np.median(opaque) > 0.005
    assert max(opaque) < 0.95


def test_drops_of_water_show_the_photo() -> None:
    """In a photo of one color, drops have no other hue."""
    image = np.full((100, 100, 3), (120, 0, 0), np.uint8)
    for seed in range(6):
        painted = paint(Drops(kinds=("water",)), seed=seed, image=image)
        colors = painted[painted[..., 3] > 0][:, :3].astype(int)
        assert (np.abs(colors[:, 1] - colors[:, 2]) <= 1).all()  # white light may be added
        assert (colors[:, 0] >= colors[:, 1]).all()


# Pasted parts, and files that break


def test_a_cutout_of_one_color_has_that_color_and_one_edge() -> None:
    image, other = np.zeros((120, 120, 3), np.uint8), np.full((90, 80, 3), (10, 200, 60), np.uint8)
    mask = np.ones((120, 120), np.bool_)
    for seed in range(12):
        content = Cutout(matched=0.0, same=0.0, feather=(0, 0))
        painted = content.paint(image, mask, np.random.default_rng(seed), lambda: other)
        inside = painted[..., 3] > 0
        assert inside.any()
        assert (np.abs(painted[inside][:, :3].astype(int) - (10, 200, 60)) <= 1).all()


def test_matching_brings_a_cutout_near_the_photo_and_feathering_softens_it() -> None:
    image, mask = draw_photo((120, 120), 1) // 4, np.ones((120, 120), np.bool_)
    bright = 255 - draw_photo((90, 90), 2) // 4

    def cut(**fields: Any) -> list[NDArray[np.uint8]]:
        content = Cutout(same=0.0, side=(0.4, 0.6), **fields)
        return [content.paint(image, mask, np.random.default_rng(seed), lambda: bright) for seed in range(10)]

    def distances(paints: list[NDArray[np.uint8]]) -> list[float]:
        return [float(p[p[..., 3] > 127][:, :3].mean()) - float(image.mean()) for p in paints if p[..., 3].any()]

    plain, matched = (distances(cut(matched=share, feather=(0, 0))) for share in (0.0, 1.0))
    assert np.mean(matched) < 0.7 * np.mean(plain)
    hard, soft = (
        np.mean([((p[..., 3] > 0) & (p[..., 3] < 255)).sum() for p in cut(matched=0.0, feather=(f, f))]) for f in (0, 5)
    )
    assert soft > 1.5 * hard


def test_a_cutout_of_the_photo_itself_needs_no_other() -> None:
    image, mask = draw_photo((80, 90)), np.ones((80, 90), np.bool_)
    painted = Cutout(same=1.0).paint(image, mask, np.random.default_rng(0), raise_if_asked)
    assert painted.shape == (80, 90, 4)


def test_a_glitch_is_opaque_where_it_is() -> None:
    for seed in range(12):
        assert set(np.unique(paint(Glitch(), seed=seed)[..., 3])) <= {0, 255}


def test_tools_differ_in_width_and_a_highlighter_shines_through() -> None:
    widths, opacities = {}, {}
    for tool in ("pen", "marker", "highlighter"):
        paints = [paint(Pen(tools=(tool,), count=(1, 1)), (128, 128), seed)[..., 3] for seed in range(20)]
        widths[tool] = np.mean([(p > 0).mean() for p in paints])
        opacities[tool] = max(p.max() for p in paints)
    assert widths["pen"] < widths["marker"] < widths["highlighter"]
    assert opacities["highlighter"] < 0.65 * 255 < opacities["pen"]


def test_captions_are_within_the_photo_and_stickers_of_their_size() -> None:
    for seed in range(12):
        opacity = paint(Stickers(count=(1, 1), side=(0.3, 0.3)), (100, 100), seed)[..., 3]
        top, bottom, left, right = find_box(opacity > 0)
        assert max(bottom - top, right - left) <= 30 + 20  # with border and shadow
        letters = paint(Caption(count=(1, 1), height=(0.1, 0.1)), (100, 100), seed)[..., 3]
        assert letters.any()


@pytest.mark.parametrize("name", [n for n in CONTENT_NAMES if n not in ("blur", "constant")])
def test_contents_change_a_photo(name: Any, folders: dict[str, Any]) -> None:
    content, image, mask = make_part("content", name, folders), draw_smooth((64, 64)), np.ones((64, 64), np.bool_)
    damaged, changed = blend(
        image, content.paint(image, mask, np.random.default_rng(3), lambda: draw_smooth((80, 90), 7)), mask, 0
    )
    assert (damaged != image).any()
    assert changed.any()


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


def test_a_photo_out_of_another_data_set(tmp_path: Path) -> None:
    Image.new("RGB", (40, 30), (10, 200, 30)).save(tmp_path / "green.png")
    content = AnotherPhoto(dataset=FolderDataset(path=str(tmp_path)))
    rule = Rule(shapes=(CenterBox(),), contents=(content,))
    damaged = Corruption(rules=(rule,), blur=(0, 0))(draw_smooth((32, 32)), np.random.default_rng(0), raise_if_asked)
    assert damaged.image[16, 16].tolist() == [10, 200, 30]
