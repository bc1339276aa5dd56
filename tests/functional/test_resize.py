from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hcl_sdk.functional.arrays import BAND
from hcl_sdk.functional.resize import (
    BandShrinker,
    ByteShrinker,
    crop_to_strides,
    enlarge_part,
    pad_to_multiple,
    resize,
    shrink,
)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (17, 33), (64, 5)])
def test_nearest_enlarging_of_a_halved_map_repeats_each_pixel_twice(height: int, width: int) -> None:
    coarse = torch.rand(2, 3, -(-height // 2), -(-width // 2))
    rows, columns = torch.arange(height) // 2, torch.arange(width) // 2
    assert torch.equal(resize(coarse, (height, width)), coarse[..., rows, :][..., columns])


def test_masks_stay_bool_and_values_of_bilinear_stay_in_range() -> None:
    mask = torch.tensor([[[[True, False]]]])
    assert resize(mask, (2, 4)).tolist() == [[[[True, True, False, False]] * 2]]
    enlarged = resize(torch.tensor([[[[0.0, 1.0]]]]), (1, 4), "bilinear")
    assert torch.allclose(enlarged, torch.tensor([0, 0.25, 0.75, 1]))  # half-pixel centers


def test_resizing_to_the_same_size_changes_nothing() -> None:
    x = torch.rand(1, 3, 5, 7)
    assert resize(x, (5, 7), "bilinear") is x
    assert shrink(x, (5, 7)) is x


@given(st.integers(16, 60), st.integers(16, 60), st.floats(0.2, 1), st.integers(0, 1000))
@settings(max_examples=30)
def test_shrinking_matches_that_of_training_images(height: int, width: int, scale: float, seed: int) -> None:
    pixels = np.random.default_rng(seed).random((height, width), dtype=np.float32)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    pillow = np.asarray(Image.fromarray(pixels).resize((size[1], size[0]), Image.Resampling.LANCZOS)).clip(0, 1)
    image = torch.from_numpy(pixels)[None, None].expand(2, 3, -1, -1)
    np.testing.assert_allclose(shrink(image, size), pillow[None, None].repeat(2, 0).repeat(3, 1), atol=5e-5)


@pytest.mark.parametrize("size", [(20, 512), (37, 17), (2049, 9), (11, 700)])
def test_shrinking_band_by_band_gives_the_very_numbers(size: tuple[int, int]) -> None:
    height, width = 2049, 700
    assert height * width > BAND
    image = torch.rand(1, 3, height, width)
    shrinker = BandShrinker((height, width), size)
    for rows in shrinker.bands:
        shrinker.add(rows, image[:, :, rows])
    assert torch.equal(shrinker.finish(), shrink(image, size))
    assert len(shrinker.bands) > 1
    assert all((rows.stop - rows.start) * width <= BAND for rows in shrinker.bands)


@pytest.mark.parametrize("size", [(20, 512), (37, 17), (2049, 9), (11, 700), (2049, 700)])
def test_shrinking_to_bytes_is_off_by_one_at_most(size: tuple[int, int]) -> None:
    height, width = 2049, 700
    image = torch.randint(90, 166, (1, 3, height, width), dtype=torch.uint8)
    shrinker = ByteShrinker((height, width), size)
    for rows in shrinker.bands:
        shrinker.add(rows, image[:, :, rows] / 255)
    small = shrinker.finish()
    assert small.dtype == torch.uint8
    assert (small - 255 * shrink(image / 255, size)).abs().max() <= 1.1
    assert len(shrinker.bands) > 1
    assert size != (height, width) or torch.equal(small, image)


@given(st.data())
def test_a_part_of_an_enlarged_image_has_the_numbers_of_the_whole(data: st.DataObject) -> None:
    height, width, tall, wide = (data.draw(st.integers(1, most)) for most in (9, 9, 60, 60))
    image = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))
    whole = enlarge_part(image, (tall, wide), (slice(0, tall), slice(0, wide)))
    assert torch.allclose(whole, resize(image, (tall, wide), "bilinear"), atol=1e-5)
    rows, columns = (
        slice(start, data.draw(st.integers(start + 1, extent)))
        for extent, start in ((tall, data.draw(st.integers(0, tall - 1))), (wide, data.draw(st.integers(0, wide - 1))))
    )
    assert torch.equal(enlarge_part(image, (tall, wide), (rows, columns)), whole[..., rows, columns])


def test_shrinking_averages_instead_of_picking() -> None:
    stripes = torch.zeros(1, 3, 32, 32)
    stripes[..., ::2] = 1
    small = shrink(stripes, (4, 4))
    assert small.shape == (1, 3, 4, 4)
    assert (small[..., 1:-1] - 0.5).abs().max() < 0.05
    assert small.min() >= 0
    assert small.max() <= 1


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 2, 8, 32]))
@settings(max_examples=40)
def test_padding_continues_the_image(height: int, width: int, multiple: int) -> None:
    image = torch.rand(2, 3, height, width) + 1
    padded = pad_to_multiple(image, multiple)
    assert padded.shape[-2] % multiple == padded.shape[-1] % multiple == 0
    assert padded.shape[-2] - height < multiple
    assert padded.shape[-1] - width < multiple
    assert torch.equal(padded[..., :height, :width], image)
    assert torch.isin(padded, image).all()  # nothing but what the image has: no border of zeros


def test_maps_of_a_padded_image_are_cut_to_the_strides() -> None:
    image = torch.rand(1, 3, 33, 50)
    padded = pad_to_multiple(image, 8)
    maps = [padded[..., ::2, ::2], padded[..., ::8, ::8]]
    cut = crop_to_strides(maps, image, (2, 8))
    assert [tuple(m.shape[-2:]) for m in cut] == [(17, 25), (5, 7)]
    assert torch.equal(cut[0], image[..., ::2, ::2])
