from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from click.testing import Result
from photo_files import HEIGHT, WIDTH, draw, draw_mask, list_files, read_pixels
from PIL import Image

from hcl_sdk import GatedUNet, Pipeline


def test_a_given_mask_is_filled(hcl: Callable[..., Result]) -> None:
    draw("a.png")
    mask = draw_mask("region.png")
    hcl("restore", "a.png", "--mask", "region.png")
    np.testing.assert_array_equal(read_pixels("hcl_output/a_mask.png") == 255, mask)
    changed = (read_pixels("hcl_output/a_restored.png") != read_pixels("a.png")).any(axis=2)
    assert changed.any()
    assert not changed[~mask].any()


def test_masks_in_a_folder_are_found_by_name(hcl: Callable[..., Result]) -> None:
    for name in ("p/a.jpg", "p/in/b.jpg", "p/c.jpg"):
        draw(name)
    wanted = {
        "a": draw_mask("masks/a_mask.png", (1, 1, 5, 5)),
        "in/b": draw_mask("masks/in/b.gif", (4, 4, 9, 9)),
        "c": draw_mask("masks/c_mask.png", (7, 2, 8, 3)),
    }
    draw_mask("masks/c.png")  # c_mask goes before
    hcl("restore", "-r", "p", "--mask", "masks")
    for name, mask in wanted.items():
        np.testing.assert_array_equal(read_pixels(f"hcl_output/{name}_mask.png") == 255, mask)


def test_the_mask_of_a_photo_that_had_another_of_its_name_is_found(hcl: Callable[..., Result]) -> None:
    draw("p/a.jpg")
    mask = draw_mask("masks/a_jpg_mask.png")
    draw_mask("masks/a_png_mask.png", (1, 1, 5, 5))
    hcl("restore", "p/a.jpg", "--mask", "masks")
    np.testing.assert_array_equal(read_pixels("hcl_output/a_mask.png") == 255, mask)


def test_masks_beside_the_photos_are_not_taken_for_the_photos_own(hcl: Callable[..., Result]) -> None:
    draw("p/a.jpg")
    mask = draw_mask("p/a_mask.png")
    hcl("restore", "p/a.jpg", "--mask", "p")
    np.testing.assert_array_equal(read_pixels("hcl_output/a_mask.png") == 255, mask)


def test_a_photo_without_a_mask_does_not_stop_the_rest(hcl: Callable[..., Result]) -> None:
    draw("p/a.jpg")
    draw("p/b.jpg")
    draw("p/c.jpg")
    draw_mask("masks/b.png")
    draw_mask("masks/c.png")
    draw_mask("masks/c.gif")
    result = hcl("restore", "p", "--mask", "masks", status=1)
    assert "Error: p/a.jpg: there is no mask for it in masks" in result.stderr
    assert "Error: p/c.jpg: several files may be its mask" in result.stderr
    assert list_files("hcl_output") == {"b_mask.png", "b_restored.png"}


def test_found_masks_can_be_edited_and_passed_in_again(hcl: Callable[..., Result]) -> None:
    draw("p/a.jpg")
    draw("p/a.png", seed=1)
    hcl("detect", "p")
    mask = draw_mask("hcl_output/a_jpg_mask.png")
    edited = Path("hcl_output/a_jpg_mask.png").read_bytes()
    for _ in range(2):
        hcl("restore", "p", "--mask", "hcl_output")
        assert Path("hcl_output/a_jpg_mask.png").read_bytes() == edited
    changed = (read_pixels("hcl_output/a_jpg_restored.png") != read_pixels("p/a.jpg")).any(axis=2)
    assert changed.any()
    assert not changed[~mask].any()


def test_a_mask_of_another_size_is_an_error_of_that_photo(hcl: Callable[..., Result]) -> None:
    draw("a.png", size=(20, 20))
    draw_mask("m.png")
    assert f"{WIDTH} x {HEIGHT}" in hcl("restore", "a.png", "--mask", "m.png", status=1).stderr


def test_a_mask_that_is_probably_a_mistake_is_pointed_out(hcl: Callable[..., Result]) -> None:
    draw("a.png")
    inside = (slice(3, 9), slice(4, 12))
    numbered, inverted = np.zeros((HEIGHT, WIDTH), np.uint8), np.full((HEIGHT, WIDTH), 255, np.uint8)
    numbered[inside], inverted[inside] = 2, 0
    Image.fromarray(numbered).save("numbered.png")
    Image.fromarray(inverted).save("inverted.png")
    draw_mask("m.png")
    for mask, said in (
        ("numbered.png", "a.png: nothing in its mask is white -> "),
        ("inverted.png", "% corrupted (white is filled: is the mask inverted?) -> "),
        ("m.png", "% corrupted -> "),
    ):
        assert said in hcl("restore", "a.png", "--mask", mask).stdout
    result = Pipeline(restorer=GatedUNet(dim=4, multipliers=(1, 2))).restore("a.png", corruption_mask="numbered.png")
    assert "an empty mask, restored" in repr(result)
