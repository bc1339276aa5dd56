from __future__ import annotations

import io
import math
from importlib.resources import files

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.functional.pull_push import pull_push
from hcl_sdk.functional.veils import remove_veils

SIZE = 96


def draw_photo(seed: int) -> tuple[Tensor, Tensor]:
    """A photo with grain, and what a restorer would know of it: it without its finest details."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 12, 12, generator=generator)
    smooth = F.interpolate(coarse, (SIZE, SIZE), mode="bicubic").clamp(0, 1)
    fine = F.interpolate(torch.randn(1, 3, SIZE // 2, SIZE // 2, generator=generator), (SIZE, SIZE), mode="bilinear")
    return (0.1 + 0.8 * smooth + 0.05 * fine).clamp(0, 1), 0.1 + 0.8 * smooth


def draw_bars() -> Tensor:
    mask = torch.zeros(1, 1, SIZE, SIZE, dtype=torch.bool)
    mask[..., 16:28, 10:86] = True
    mask[..., 40:82, 40:54] = True
    return mask


def measure_error(image: Tensor, photo: Tensor, mask: Tensor) -> float:
    return float((image - photo)[mask.expand_as(photo)].square().mean())


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1000),
    opacity=st.floats(0.25, 0.7),
    color=st.tuples(*[st.sampled_from([0.0, 0.4, 1.0])] * 3),
    softness=st.sampled_from([0, 1]),
)
def test_a_watermark_comes_off_better_than_by_filling(
    seed: int, opacity: float, color: tuple[float, float, float], softness: int
) -> None:
    photo, fill = draw_photo(seed)
    mask = draw_bars()
    alpha = opacity * (F.avg_pool2d(mask.float(), 3, 1, 1) if softness else mask.float())
    mask = alpha > 0.02
    seen = photo * (1 - alpha) + alpha * torch.tensor(color).view(1, 3, 1, 1)
    seen = (seen * 255).round() / 255
    clear, rest = remove_veils(seen, mask, fill)
    assert not rest.any()
    assert measure_error(clear, photo, mask) < (0.75 if softness else 0.25) * measure_error(fill, photo, mask)
    inside = F.max_pool2d(1 - mask.float(), 5, 1, 2) == 0
    assert measure_error(clear, photo, inside) < 0.25 * measure_error(fill, photo, inside)
    far = F.max_pool2d(mask.float(), 9, 1, 4) == 0
    assert torch.equal(clear[far.expand_as(clear)], seen[far.expand_as(clear)])


def draw_strokes(softness: float) -> Tensor:
    sheet = Image.new("L", (SIZE, SIZE))
    draw = ImageDraw.Draw(sheet)
    for x in (14, 34, 54, 74):
        draw.line([x, 14, x + 8, 80], 255, 7)
    blurred = sheet.filter(ImageFilter.GaussianBlur(softness)) if softness else sheet
    return torch.from_numpy(np.array(blurred)).float()[None, None] / 255


@pytest.mark.parametrize("color", [0.0, 1.0])
@pytest.mark.parametrize("opacity", [0.3, 0.43, 0.6])
def test_strokes_are_uncovered_under_a_mask_that_is_too_wide(opacity: float, color: float) -> None:
    photo, fill = draw_photo(3)
    photo = (photo + 0.08 * torch.randn(photo.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
    alpha = opacity * draw_strokes(0.5)
    wide = F.max_pool2d(alpha, 3, 1, 1) > 0.05
    seen = ((photo * (1 - alpha) + alpha * color) * 255).round() / 255
    clear, rest = remove_veils(seen, wide, fill)
    done = wide & ~rest
    assert done.sum() > 0.3 * wide.sum()
    assert measure_error(clear, photo, done) < 0.5 * measure_error(fill, photo, done)
    assert torch.equal(clear[~done.expand_as(clear)], seen[~done.expand_as(clear)])


@pytest.mark.parametrize("softness", [0.5, 1.0])
def test_opaque_strokes_are_not_uncovered(softness: float) -> None:
    photo, fill = draw_photo(3)
    alpha = draw_strokes(softness)
    wide = F.max_pool2d(alpha, 3, 1, 1) > 0.05
    seen = ((photo * (1 - alpha) + alpha * 0.95) * 255).round() / 255
    _, rest = remove_veils(seen, wide, fill)
    assert torch.equal(rest, wide)


def test_a_color_that_changes_and_a_highlighter_come_off() -> None:
    photo, fill = draw_photo(3)
    mask = draw_bars()
    ramp = torch.linspace(0, 1, SIZE).expand(1, 3, SIZE, SIZE) * torch.tensor([1.0, 0.2, 0.5]).view(1, 3, 1, 1)
    marker = photo * torch.tensor([0.95, 0.9, 0.4]).view(1, 3, 1, 1)
    for veiled in (0.6 * photo + 0.4 * ramp, marker):
        clear, rest = remove_veils(torch.where(mask, veiled, photo), mask, fill)
        assert not rest.any()
        assert measure_error(clear, photo, mask) < 0.25 * measure_error(fill, photo, mask)


@pytest.mark.parametrize("what", ["one color", "noise", "another photo", "nearly opaque", "untouched"])
def test_damage_that_is_not_a_veil_is_left_to_be_filled(what: str) -> None:
    photo, fill = draw_photo(5)
    mask = draw_bars()
    damage = {
        "one color": torch.full_like(photo, 0.3),
        "noise": torch.rand(photo.shape, generator=torch.Generator().manual_seed(0)),
        "another photo": draw_photo(77)[0],
        "nearly opaque": 0.1 * photo + 0.9,
        "untouched": photo,
    }[what]
    seen = torch.where(mask, damage, photo)
    clear, rest = remove_veils(seen, mask, fill)
    assert torch.equal(rest, mask)
    assert torch.equal(clear, seen)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), channels=st.permutations([0, 1, 2]), dims=st.sampled_from([(2,), (3,), (2, 3)]))
def test_neither_channels_nor_directions_are_special(seed: int, channels: list[int], dims: tuple[int, ...]) -> None:
    photo, fill = draw_photo(seed)
    seen = torch.where(draw_bars(), 0.6 * photo + 0.4 * torch.tensor([1.0, 0.2, 0.6]).view(1, 3, 1, 1), photo)

    def turn(image: Tensor) -> Tensor:
        return image[:, channels].flip(dims)

    (clear, rest), (turned, turned_rest) = (
        remove_veils(seen, draw_bars(), fill),
        remove_veils(turn(seen), draw_bars().flip(dims), turn(fill)),
    )
    assert torch.equal(turned_rest, rest.flip(dims))
    torch.testing.assert_close(turned, turn(clear), rtol=0, atol=1e-4)


def load_sample() -> Image.Image:
    with Image.open(io.BytesIO((files("hcl_sdk") / "assets" / "sample.jpg").read_bytes())) as photo:
        return ImageOps.fit(photo.convert("RGB"), (260, 200), Image.Resampling.LANCZOS)


def draw(layer: Image.Image, what: str, color: tuple[int, int, int], opacity: float) -> None:
    pen, fill = ImageDraw.Draw(layer), (*color, round(255 * opacity))
    if what == "text":
        pen.text((8, 60), "Sample", fill=fill, font=ImageFont.load_default(70))
    else:
        pen.ellipse((60, 40, 190, 150), fill=fill)


def to_tensor(photo: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None].float() / 255


def save(photo: Image.Image) -> Tensor:
    """As it is after a JPEG file of quality 90."""
    file = io.BytesIO()
    photo.convert("RGB").save(file, "JPEG", quality=90)
    return to_tensor(Image.open(file))


@pytest.mark.parametrize("what", ["text", "disk"])
@pytest.mark.parametrize("color", [(255, 255, 255), (0, 0, 0), (200, 30, 90)])
@pytest.mark.parametrize("opacity", [0.35, 0.6])
def test_veils_drawn_by_another_program_are_removed(what: str, color: tuple[int, int, int], opacity: float) -> None:
    photo = load_sample()
    layer = Image.new("RGBA", photo.size)
    draw(layer, what, color, opacity)
    seen = save(Image.alpha_composite(photo.convert("RGBA"), layer))
    mask = torch.from_numpy(np.array(layer)[None, None, ..., 3] > 4)
    fill = pull_push(seen, mask)
    clear, rest = remove_veils(seen, mask, fill)
    assert not rest.any()
    alpha = to_tensor(layer)[:, 3:]
    exact = (seen - alpha * torch.tensor(color).view(1, 3, 1, 1) / 255) / (1 - alpha)  # what JPEG leaves of it
    gain, best = (
        10
        * math.log10(
            measure_error(fill, to_tensor(photo), mask) / measure_error(image.clamp(0, 1), to_tensor(photo), mask)
        )
        for image in (clear, exact)
    )
    assert gain > 3
    assert gain > min(6, 0.85 * best)


@pytest.mark.parametrize("what", ["text", "disk", "photo", "mosaic", "noise", "gradient"])
def test_opaque_overlays_drawn_by_another_program_are_left_to_be_filled(what: str) -> None:
    photo = load_sample()
    layer = Image.new("RGBA", photo.size)
    draw(layer, what, (255, 255, 255), 1)
    generator = np.random.default_rng(0)
    inside = {
        "photo": photo.transpose(Image.Transpose.ROTATE_180),
        "mosaic": photo.resize((20, 16), Image.Resampling.BOX).resize(photo.size, Image.Resampling.NEAREST),
        "noise": Image.fromarray(generator.integers(0, 256, (*photo.size[::-1], 3), np.uint8)),
        "gradient": Image.linear_gradient("L").resize(photo.size).convert("RGB"),
    }.get(what)
    alpha = layer.getchannel("A")
    seen = save(
        Image.alpha_composite(photo.convert("RGBA"), layer) if inside is None else Image.composite(inside, photo, alpha)
    )
    mask = torch.from_numpy(np.array(alpha)[None, None] > 4)
    clear, rest = remove_veils(seen, mask, pull_push(seen, mask))
    assert torch.equal(rest, mask)
    assert torch.equal(clear, seen)


def test_images_of_a_batch_do_not_know_of_each_other() -> None:
    photos = torch.cat([draw_photo(1)[0], draw_photo(2)[0]])
    fills = torch.cat([draw_photo(1)[1], draw_photo(2)[1]])
    mask = torch.cat([draw_bars(), torch.zeros_like(draw_bars())])
    seen = torch.where(mask, 0.5 * photos + 0.5, photos)
    clear, rest = remove_veils(seen, mask, fills)
    alone, rest_alone = remove_veils(seen[:1], mask[:1], fills[:1])
    assert torch.equal(clear[:1], alone)
    assert torch.equal(rest[:1], rest_alone)
    assert torch.equal(clear[1:], seen[1:])


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (5, 3)])
@pytest.mark.parametrize("known", [True, False])
def test_tiny_images_are_left_to_be_filled(height: int, width: int, known: bool) -> None:
    image = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    mask = torch.full((1, 1, height, width), not known)
    mask[..., 0, 0] = True
    clear, rest = remove_veils(image, mask, torch.zeros_like(image))
    assert torch.equal(rest, mask)
    assert torch.equal(clear, image)


def test_mismatched_inputs_are_refused() -> None:
    image, mask = torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    with pytest.raises(TypeError, match="bool tensor"):
        remove_veils(image, mask.float(), image)
    with pytest.raises(ValueError, match=r"\[1, 3, 8, 7\]"):
        remove_veils(image, mask, image[..., :7])
    assert np.isfinite(remove_veils(image, mask, image)[0].numpy()).all()
