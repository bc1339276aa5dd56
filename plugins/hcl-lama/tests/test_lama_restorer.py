"""What the restorer makes of images: compared with the network itself, in plain PyTorch."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hcl_lama import trust
from hcl_lama.example import Blur, write_example
from hcl_lama.regions import fill_in_parts
from hcl_lama.restorer import LaMa
from hypothesis import given, settings
from hypothesis import strategies as st

from hcl_sdk import Detection, Pipeline

Fill = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""What fills an image, given a mask: ``[B, 3, H, W], [B, 1, H, W] -> [B, 3, H, W]``."""

torch.set_num_threads(1)
DEVICES = ["cpu"] + ([str(torch.accelerator.current_accelerator())] if torch.accelerator.is_available() else [])


@pytest.fixture(scope="module")
def restorer(tmp_path_factory: pytest.TempPathFactory) -> LaMa:
    path = tmp_path_factory.mktemp("lama") / "tiny.pt"
    trust(write_example(path))
    return LaMa(weights=str(path), max_size=256)


def draw(seed: int, height: int, width: int, batch: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Images, and masks of a rectangle and some pixels."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(batch, 3, height, width, generator=generator)
    mask = torch.rand(batch, 1, height, width, generator=generator) < 0.02
    mask[..., height // 4 : height // 2 + 1, width // 4 : width // 2 + 1] = True
    return image, mask


@torch.no_grad()
def fill_by_numpy(image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The network in PyTorch, on an image that numpy has continued by mirroring to multiples of 8."""
    height, width = image.shape[-2:]
    rest = [(0, 0), (0, 0), (0, -height % 8), (0, -width % 8)]
    padded = (torch.from_numpy(np.pad(t.numpy(), rest, mode="reflect")) for t in (image, mask.float()))
    return Blur()(*padded)[..., :height, :width]


@given(seed=st.integers(0, 999), height=st.integers(9, 70), width=st.integers(9, 70))
@settings(max_examples=25, deadline=None)
def test_images_of_any_size_are_padded_to_multiples_of_8_and_cut_back(
    restorer: LaMa, seed: int, height: int, width: int
) -> None:
    image, mask = draw(seed, height, width)
    filled = restorer(image, Detection.from_mask(mask))
    torch.testing.assert_close(filled, fill_by_numpy(image, mask))


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (7, 8), (8, 8), (16, 3)])
def test_tiny_images_are_not_too_small_for_the_network(
    restorer: LaMa, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    given_: list[torch.Size] = []
    network = restorer._network[0]

    class Recorded(torch.nn.Module):
        def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            given_.append(image.shape[-2:])
            return network(image, mask)

    monkeypatch.setattr(restorer, "_network", (Recorded(),))
    image, mask = draw(0, *size)
    assert restorer(image, Detection.from_mask(mask)).shape == image.shape
    assert min(given_[0]) >= 16
    assert all(extent % 8 == 0 for extent in given_[0])


def test_a_whole_image_comes_back_as_it_is_and_the_network_is_not_asked(
    restorer: LaMa, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restorer, "_network", (None,))
    image, mask = draw(1, 20, 30)
    assert torch.equal(restorer(image, Detection.from_mask(torch.zeros_like(mask))), image)


def test_images_go_through_the_network_one_by_one(restorer: LaMa) -> None:
    image, mask = draw(2, 24, 30, batch=3)
    mask[1] = False
    filled = restorer(image, Detection.from_mask(mask))
    for b in range(3):
        assert torch.equal(filled[b : b + 1], restorer(image[b : b + 1], Detection.from_mask(mask[b : b + 1])))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_result_has_the_device_and_dtype_of_the_image_and_autocast_changes_nothing(
    restorer: LaMa, device: str, dtype: torch.dtype
) -> None:
    image, mask = draw(3, 30, 40)
    image = image.to(dtype)
    filled = restorer(image.to(device), Detection.from_mask(mask.to(device)))
    assert (filled.device.type, filled.dtype) == (torch.device(device).type, dtype)
    with torch.autocast(device, torch.bfloat16):
        assert torch.equal(restorer(image.to(device), Detection.from_mask(mask.to(device))), filled)
    torch.testing.assert_close(filled.cpu().float(), fill_by_numpy(image.float(), mask), atol=0.01, rtol=0)
    restorer(image.cpu(), Detection.from_mask(mask))  # and back


def test_gradients_reach_the_image_and_there_is_nothing_to_train(restorer: LaMa) -> None:
    image, mask = draw(4, 24, 24)
    restorer(image.requires_grad_(), Detection.from_mask(mask)).sum().backward()
    assert image.grad is not None
    assert image.grad.abs().max() > 0
    assert list(restorer.parameters()) == list(restorer.state_dict()) == []
    assert not any(p.requires_grad for p in restorer._network[0].parameters())


def test_a_copy_gives_the_same(restorer: LaMa) -> None:
    image, mask = draw(5, 24, 24)
    same = copy.deepcopy(restorer)(image, Detection.from_mask(mask))
    assert torch.equal(same, restorer(image, Detection.from_mask(mask)))


# Large images


def record(fill: Fill) -> tuple[Fill, list[tuple[int, int]]]:
    """``fill``, and the sizes that it was given."""
    sizes: list[tuple[int, int]] = []

    def record_size(image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        sizes.append((image.shape[-2], image.shape[-1]))
        return fill(image, mask)

    return record_size, sizes


def fill_red(image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return torch.where(mask, torch.tensor([1.0, 0, 0]).view(3, 1, 1), image)


@given(data=st.data(), height=st.integers(257, 700), width=st.integers(60, 700))
@settings(max_examples=30, deadline=None)
def test_parts_cover_the_mask_and_nothing_else_and_are_never_too_large(
    data: st.DataObject, height: int, width: int
) -> None:
    image, mask = torch.full((1, 3, height, width), 0.5), torch.zeros(1, 1, height, width, dtype=torch.bool)
    for _ in range(data.draw(st.integers(1, 5))):
        top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
        mask[..., top : top + data.draw(st.integers(1, 300)), left : left + data.draw(st.integers(1, 300))] = True
    fill, sizes = record(fill_red)
    filled = fill_in_parts(image, mask, 256, fill)
    assert torch.allclose(filled, fill_red(image, mask), atol=1e-6)
    assert max(max(size) for size in sizes) <= 256


def test_regions_that_are_far_apart_are_filled_by_themselves_at_the_photos_resolution(restorer: LaMa) -> None:
    image, _ = draw(6, 300, 700)
    mask = torch.zeros(1, 1, 300, 700, dtype=torch.bool)
    mask[..., 70:120, 70:120] = True  # in the cell that begins at 64, 64
    mask[..., 200:250, 580:630] = True  # in the cells 192 to 256 and 576 to 640
    fill, sizes = record(restorer._fill)
    filled = fill_in_parts(image, mask, 256, fill)
    assert sizes == [(192, 192), (172, 188)]
    for place, box in (
        ((slice(70, 120), slice(70, 120)), (slice(0, 192), slice(0, 192))),
        ((slice(200, 250), slice(580, 630)), (slice(128, 300), slice(512, 700))),
    ):
        expected, at = image.clone(), (..., *box)
        expected[at] = restorer._fill(image[at], mask[at])
        assert torch.equal(filled[(..., *place)], expected[(..., *place)])
    assert torch.equal(filled.masked_select(~mask), image.masked_select(~mask))


def test_a_region_sees_those_before_it_filled_and_those_after_it_as_unknown(restorer: LaMa) -> None:
    image = torch.full((1, 3, 300, 300), 0.5)
    mask = torch.zeros(1, 1, 300, 300, dtype=torch.bool)
    mask[..., 10:40, 10:40] = True
    mask[..., 140:160, 10:40] = True  # in the surroundings of the first, one cell further
    image = torch.where(mask, 1.0, image)
    seen: list[torch.Tensor] = []

    def fill(part: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        seen.append(torch.where(own, 0.5, part))
        return restorer._fill(part, own)

    fill_in_parts(image, mask, 256, fill)
    assert len(seen) == 2
    for part in seen:
        torch.testing.assert_close(part, torch.full_like(part, 0.5))


def test_nothing_of_a_large_hole_is_mixed_into_its_surroundings_where_it_is_shrunk(restorer: LaMa) -> None:
    clean = torch.full((1, 3, 600, 600), 0.25)
    mask = torch.zeros(1, 1, 600, 600, dtype=torch.bool)
    mask[..., 101:501, 99:499] = True
    filled = restorer(torch.where(mask, 1.0, clean), Detection.from_mask(mask))
    torch.testing.assert_close(filled, clean, atol=1e-5, rtol=0)


def test_a_large_photo_in_a_pipeline_keeps_its_size_and_its_known_pixels(restorer: LaMa) -> None:
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (700, 900, 3), dtype=np.uint8)
    mask = np.zeros((700, 900), bool)
    mask[20:60, 30:80] = mask[600:680, 700:880] = True
    restored = np.asarray(Pipeline(restorer=restorer, device="cpu").restore(photo, corruption_mask=mask).restored)
    assert restored.shape == photo.shape
    assert np.array_equal(restored[~mask], photo[~mask])
    assert restored[mask].std() < photo[mask].std() / 4


@pytest.mark.parametrize("max_size", [0, 255])
def test_a_size_that_is_too_small_is_refused(restorer: LaMa, max_size: int) -> None:
    with pytest.raises(ValueError, match="max_size"):
        LaMa(weights=restorer.weights, sha256=restorer.sha256, max_size=max_size)
