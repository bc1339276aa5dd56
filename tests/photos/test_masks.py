from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from random_images import encode

from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.photos.masks import load_mask, read_mask

BOX = np.zeros((6, 9), np.bool_)
BOX[1:3, 2:7] = True


@pytest.fixture(scope="module")
def mask() -> Any:
    return torch.from_numpy(np.kron(np.random.default_rng(0).random((3, 2)) < 0.5, np.ones((8, 8), bool)))[None, None]


@pytest.mark.parametrize(
    "make",
    [
        lambda m: m,
        lambda m: m[0],
        lambda m: m[0, 0],
        lambda m: m.float(),
        lambda m: m.bfloat16(),
        lambda m: m.long(),
        lambda m: m.byte(),
        lambda m: m.byte() * 255,
        lambda m: m.float() * 0.2 + 0.4,
        lambda m: m.numpy(),
        lambda m: m[0, 0].numpy(),
        lambda m: m[0, 0, ..., None].numpy(),
        lambda m: m[0, 0].numpy().astype(np.uint8),
        lambda m: m[0, 0].numpy().astype(np.int64) * 255,
        lambda m: m[0, 0].numpy().astype(np.uint16) * 65535,
        lambda m: m[0, 0].numpy().astype(np.uint8)[..., None].repeat(3, 2) * 200,
        lambda m: Image.fromarray(m[0, 0].numpy()),
        lambda m: Image.fromarray(m[0, 0].numpy()).convert("P"),
        lambda m: Image.fromarray(m[0, 0].numpy()).convert("RGB"),
        lambda m: Image.fromarray(m[0, 0].numpy()).convert("RGBA"),
        lambda m: Image.fromarray(m[0, 0].numpy()).convert("LA"),
        lambda m: Image.fromarray(m[0, 0].numpy().astype(np.uint8)),
    ],
)
def test_masks_of_every_kind_say_the_same(mask: Any, make: Callable[..., Any]) -> None:
    read = load_mask(make(mask), (24, 16))
    assert read.dtype == torch.bool
    assert torch.equal(read, mask)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".bmp"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_masks_from_files(tmp_path: Path, mask: Any, suffix: str, mode: str) -> None:
    Image.fromarray(mask[0, 0].numpy()).convert(mode).save(tmp_path / f"mask{suffix}")
    assert torch.equal(load_mask(tmp_path / f"mask{suffix}", (24, 16)), mask)


def test_a_mask_of_one_row_or_pixel() -> None:
    assert load_mask(np.array([[True, False, True]]), (1, 3)).tolist() == [[[[True, False, True]]]]
    assert load_mask(torch.ones(1, 1), (1, 1)).tolist() == [[[[True]]]]


@pytest.mark.parametrize(
    ("source", "error", "said"),
    [
        (np.full((24, 16), 2.0), PhotoError, "the mask: floating-point values must lie in .0, 1.; got 2.0"),
        (torch.full((24, 16), 2.0), PhotoError, "the mask: floating-point values must lie in .0, 1.; got 2.0"),
        (Image.new("F", (16, 24), 2.0), PhotoError, "the mask: floating-point values"),
        (np.zeros((0, 16)), PhotoError, r"the mask: it has no pixels: 16 x 0 \(width x height\)"),
        (np.zeros((24, 16), np.complex64), TypeError, "the mask: an array must be uint8"),
        (np.zeros((24, 16, 7), np.uint8), PhotoError, "the mask: an array must be .H, W."),
        (b"no mask", PhotoError, "the mask: this is not a photo"),
        (io.BytesIO(b"no mask"), PhotoError, "the mask: this is not a photo"),
        ([np.zeros((24, 16))], TypeError, "the mask is a path, .*; got list$"),
    ],
)
def test_errors_of_masks_say_that_it_is_the_mask(source: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=f"^{said}"):
        load_mask(source, (24, 16))


def test_masks_that_do_not_fit_are_refused(tmp_path: Path, mask: Any) -> None:
    Image.new("L", (16, 24)).save(tmp_path / "mask.png")
    with pytest.raises(PhotoError, match=r"mask\.png: a mask of 16 x 24 pixels does not fit a photo of 20 x 30"):
        load_mask(tmp_path / "mask.png", (30, 20))
    with pytest.raises(PhotoError, match="orientation"):
        load_mask(mask, (16, 24), swapped=True)
    with pytest.raises(PhotoError, match=r"\(width x height\); is it transposed\?$"):
        load_mask(mask, (16, 24))
    for swapped in (False, True):  # of another size, neither explains it
        with pytest.raises(PhotoError, match=r"\(width x height\)$"):
            load_mask(mask, (16, 25), swapped=swapped)
    with pytest.raises(PhotoError, match="colored"):
        load_mask(Image.new("RGB", (16, 24), (255, 0, 0)), (24, 16))
    with pytest.raises(PhotoError, match="transparent"):
        load_mask(Image.new("RGBA", (16, 24), (255, 255, 255, 0)), (24, 16))
    with pytest.raises(PhotoError, match="-1"):
        load_mask(mask.long() * -1, (24, 16))
    with pytest.raises(TypeError):
        load_mask([[1, 0]], (1, 2))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(BOX),
        Image.fromarray(BOX.astype(np.uint8)),
        Image.fromarray(BOX.astype(np.uint8) * 255),
        Image.fromarray(BOX.astype(np.uint16) * 65535),
        Image.fromarray(BOX.astype(np.uint8) * 255).convert("RGB"),
        Image.fromarray(BOX.astype(np.uint8) * 255).convert("RGBA"),
        Image.fromarray(BOX.astype(np.uint8) * 255).convert("P"),
    ],
    ids=lambda image: image.mode,
)
def test_masks_of_every_kind_are_read(image: Any) -> None:
    np.testing.assert_array_equal(read_mask(encode(image), "mask"), BOX)
    np.testing.assert_array_equal(read_mask(encode(image), "mask", "black"), ~BOX)


def test_a_mask_is_turned_as_its_photo_is() -> None:
    exif = Image.Exif()
    exif[274] = 6
    data = encode(Image.fromarray(BOX.astype(np.uint8) * 255), exif=exif)
    np.testing.assert_array_equal(read_mask(data, "mask"), np.rot90(BOX, -1))


def test_a_colored_mask_is_refused() -> None:
    with pytest.raises(PhotoError, match=r"^red\.png: the mask is colored"):
        read_mask(encode(Image.new("RGB", (4, 4), "red")), "red.png")


def test_a_mask_without_values_is_refused() -> None:
    for mask in (torch.empty(4, 6, device="meta"), torch.eye(4, 6).to_sparse()):
        with pytest.raises(TypeError, match="the mask must be dense, with its values in memory"):
            load_mask(mask, (4, 6))
