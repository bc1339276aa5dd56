"""OpenCV's methods as restorers, compared with OpenCV called directly."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hcl_opencv.navier_stokes import NavierStokes
from hcl_opencv.telea import Telea
from hypothesis import given, settings
from hypothesis import strategies as st

from hcl_sdk import Detection, Pipeline, Restorer
from hcl_sdk.plugins import registry

METHODS = {Telea: cv2.INPAINT_TELEA, NavierStokes: cv2.INPAINT_NS}
DEVICES = ["cpu"] + ([str(torch.accelerator.current_accelerator())] if torch.accelerator.is_available() else [])

both = pytest.mark.parametrize("restorer_class", METHODS)


def draw_photos(seed: int, batch: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Smooth photos ``[B, H, W, 3]`` of 8 bits, and masks ``[B, H, W]`` of a few rectangles and lines."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    phase = rng.uniform(0, 6, (batch, 1, 1, 3))
    pixels = 127 + 60 * np.sin(x[None, ..., None] / 5 + phase) + 60 * np.cos(y[None, ..., None] / 4 - phase)
    masks = np.zeros((batch, height, width), bool)
    for mask in masks:
        top, left = rng.integers(height), rng.integers(width)
        mask[top : top + 4, left : left + 6] = True
        mask[:, rng.integers(width)] = True
    return pixels.round().astype(np.uint8), masks


def to_tensors(pixels: np.ndarray, masks: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    image = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    return image, torch.from_numpy(masks)[:, None]


def run(restorer: Restorer, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return restorer(image, Detection.from_mask(mask))


@both
@given(
    seed=st.integers(0, 1000),
    batch=st.integers(1, 3),
    height=st.integers(2, 30),
    width=st.integers(2, 30),
    radius=st.sampled_from([0.5, 3, 4.2]),
)
@settings(max_examples=20, deadline=None)
def test_agrees_with_opencv_called_directly_for_every_image_of_a_batch(
    restorer_class: type[Telea] | type[NavierStokes], seed: int, batch: int, height: int, width: int, radius: float
) -> None:
    pixels, masks = draw_photos(seed, batch, height, width)
    restored = run(restorer_class(radius=radius), *to_tensors(pixels, masks))
    method = METHODS[restorer_class]
    expected = np.stack(
        [cv2.inpaint(p, m.astype(np.uint8), radius, method) for p, m in zip(pixels, masks, strict=True)]
    )
    assert restored.shape == (batch, 3, height, width)
    assert torch.equal((restored * 255).round().byte().permute(0, 2, 3, 1), torch.from_numpy(expected))


@both
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 1)])
def test_images_of_one_row_or_column_are_filled_the_same_way_each_time(
    restorer_class: type[Telea] | type[NavierStokes], size: tuple[int, int]
) -> None:
    image, mask = torch.full((1, 3, *size), 0.4), torch.zeros(1, 1, *size, dtype=torch.bool)
    mask.view(-1)[: mask.numel() // 2] = True
    image = torch.where(mask, 1.0, image)
    expected = torch.full_like(image, 0.4)
    for _ in range(5):
        torch.testing.assert_close(run(restorer_class(), image, mask), expected, atol=4 / 255, rtol=0)
        torch.rand(1000)  # other things in memory


@both
def test_the_radius_matters(restorer_class: type[Telea] | type[NavierStokes]) -> None:
    image, mask = to_tensors(*draw_photos(1, 1, 30, 30))
    assert not torch.equal(run(restorer_class(radius=1), image, mask), run(restorer_class(radius=9), image, mask))


@both
def test_true_is_filled_and_false_is_kept(restorer_class: type[Telea] | type[NavierStokes]) -> None:
    image = torch.full((1, 3, 12, 12), 0.2)
    image[..., 5:8, 5:8] = 1.0
    mask = torch.zeros(1, 1, 12, 12, dtype=torch.bool)
    mask[..., 5:8, 5:8] = True
    torch.testing.assert_close(run(restorer_class(), image, mask), torch.full_like(image, 0.2), atol=4 / 255, rtol=0)


@both
def test_an_empty_mask_changes_nothing_and_a_full_one_neither(restorer_class: type[Telea] | type[NavierStokes]) -> None:
    image, mask = to_tensors(*draw_photos(2, 2, 9, 11))
    for nothing in (torch.zeros_like(mask), torch.ones_like(mask)):
        torch.testing.assert_close(run(restorer_class(), image, nothing), image)


@both
def test_a_fully_masked_image_does_not_disturb_its_neighbors_in_the_batch(
    restorer_class: type[Telea] | type[NavierStokes],
) -> None:
    image, mask = to_tensors(*draw_photos(3, 2, 16, 16))
    mask[0] = True
    torch.testing.assert_close(run(restorer_class(), image, mask)[1:], run(restorer_class(), image[1:], mask[1:]))


@both
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_result_has_the_device_and_dtype_of_the_image_and_the_image_stays(
    restorer_class: type[Telea] | type[NavierStokes], device: str, dtype: torch.dtype
) -> None:
    image, mask = (tensor.to(device) for tensor in to_tensors(*draw_photos(4, 1, 10, 10)))
    image = image.to(dtype).requires_grad_()
    before = image.detach().clone()
    restored = run(restorer_class().to(device), image, mask)
    assert (restored.device, restored.dtype) == (image.device, dtype)
    assert not restored.requires_grad
    assert torch.equal(image.detach(), before)


@both
@pytest.mark.parametrize("radius", [0, -1.0, float("nan"), float("inf")])
def test_an_invalid_radius_is_refused(restorer_class: type[Telea] | type[NavierStokes], radius: float) -> None:
    with pytest.raises(ValueError, match="radius"):
        restorer_class(radius=radius)


@pytest.mark.parametrize(("name", "cls"), [("telea", Telea), ("navier-stokes", NavierStokes)])
def test_a_pipeline_from_yaml_fills_and_is_described_by_its_configuration(
    name: str, cls: type[Telea | NavierStokes]
) -> None:
    pipeline = Pipeline.from_config(f"restorer: {{use: hcl-opencv/{name}, radius: 5}}\ndilate: 1\n")
    assert isinstance(pipeline.restorer, cls)
    assert pipeline.restorer.radius == 5

    config = pipeline.to_config()
    assert config["restorer"] == {"use": f"hcl-opencv/{name}", "radius": 5.0}
    assert config["plugins"] == {"hcl-opencv": "0.1.0"}
    assert Pipeline.from_config(config).to_config() == config

    photo, mask = np.full((40, 50, 3), 90, np.uint8), np.zeros((40, 50), bool)
    photo[20, 10:30], mask[20, 10:30] = 255, True
    result = pipeline.restore(photo, corruption_mask=mask)
    assert (result.restored[19:22] < 95).all()
    assert (np.delete(result.restored, slice(19, 22), axis=0) == 90).all()
    everything = pipeline.restore(photo, corruption_mask=np.ones((40, 50), bool))
    assert (everything.restored == photo).all()


def test_weights_without_parameters_are_saved_and_loaded(tmp_path: Path) -> None:
    Pipeline(restorer=Telea(radius=2)).save_pretrained(tmp_path)
    restorer = Pipeline.from_pretrained(tmp_path).restorer
    assert isinstance(restorer, Telea)
    assert restorer.radius == 2


def test_the_plugin_is_found_and_gives_its_names() -> None:
    (report,) = [r for r in registry.plugins if r.distribution == "hcl-opencv"]
    assert (report.status, report.error) == ("ok", "")
    assert report.names == ("hcl-opencv/telea", "hcl-opencv/navier-stokes")
    assert registry.get("restorer", "telea") is Telea
