"""Shapes from files of masks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corrupting import draw_smooth
from PIL import Image

from hcl_sdk import PhotoError
from hcl_sdk.corruptions import (
    IrregularMasks,
    Logo,
    Logos,
)


def test_masks_of_the_other_polarity_are_refused(folders: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"cover 9\d % of the photo .* seem to be meant with corrupted='white'"):
        IrregularMasks(folder=str(folders["irregular"]), corrupted="black")


def test_masks_can_be_declared_dark(tmp_path: Path, folders: dict[str, Any]) -> None:
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
    image, full = draw_smooth((20, 20)), np.ones((20, 20), np.bool_)
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
