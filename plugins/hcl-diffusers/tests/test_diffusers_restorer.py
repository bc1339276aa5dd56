"""What the restorer makes of images: compared with the pipeline of diffusers, called by hand."""

# pyright: reportPrivateImportUsage=false
# diffusers finds its public names when they are asked for, which pyright takes for private ones.

from __future__ import annotations

import copy
import inspect
from types import SimpleNamespace
from typing import Any, Literal

import attrs
import numpy as np
import pytest
import torch
from diffusers import StableDiffusionInpaintPipeline
from hcl_diffusers.example import write_example
from hcl_diffusers.restorer import DiffusersRestorer
from PIL import Image

from hcl_sdk import Detection, Pipeline

DEVICES = ["cpu"] + ([str(torch.accelerator.current_accelerator())] if torch.accelerator.is_available() else [])


@pytest.fixture(scope="module")
def restorer(model: str) -> DiffusersRestorer:
    return DiffusersRestorer(model=model, prompt="a red wall", steps=2, seed=3)


@pytest.fixture(scope="module")
def for_text_to_image(tmp_path_factory: pytest.TempPathFactory) -> DiffusersRestorer:
    folder = tmp_path_factory.mktemp("models") / "text-to-image"
    return DiffusersRestorer(model=write_example(folder, for_inpainting=False), steps=2)


class Recorded:
    """A pipeline that keeps what it is called with, and returns the image as it is, its mask in white."""

    vae_scale_factor = 8
    device = torch.device("cpu")

    def __init__(self) -> None:
        self.calls = []

    def __call__(self, **arguments: Any) -> Any:
        self.calls.append(arguments)
        image, mask = (np.asarray(arguments[name]) for name in ("image", "mask_image"))
        filled = np.where(mask[..., None] > 0, 255, image)
        images = torch.from_numpy(filled).permute(2, 0, 1)[None] / 255 + 0 * torch.rand(1)  # as some schedulers do
        return SimpleNamespace(images=images)


@pytest.fixture
def recorded(restorer: DiffusersRestorer, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    pipeline = Recorded()
    monkeypatch.setattr(restorer, "_pipeline", pipeline)
    return pipeline.calls


def draw(seed: int, height: int, width: int, batch: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Images, and masks of a rectangle."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(batch, 3, height, width, generator=generator)
    mask = torch.zeros(batch, 1, height, width, dtype=torch.bool)
    mask[..., height // 4 : height // 2 + 1, width // 4 : width // 2 + 1] = True
    return image, mask


def test_the_result_matches_a_direct_call_of_the_pipeline(restorer: DiffusersRestorer, model: str) -> None:
    image, _ = draw(0, 64, 128)
    mask = torch.zeros(1, 1, 64, 128, dtype=torch.bool)
    mask[..., 16:40, 32:80] = True  # whole cells
    filled = restorer(image, Detection.from_mask(mask))
    photo = Image.fromarray((image[0].permute(1, 2, 0) * 255).round().byte().numpy())
    by_hand: Any = StableDiffusionInpaintPipeline.from_pretrained(model)(
        prompt="a red wall",
        image=photo,
        mask_image=Image.fromarray(mask[0, 0].numpy()),
        height=64,
        width=128,
        num_inference_steps=2,
        generator=torch.Generator().manual_seed(3),
        output_type="np",
    )
    torch.testing.assert_close(filled[0].permute(1, 2, 0).numpy(), by_hand.images[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (63, 64), (64, 64), (65, 130), (33, 200)])
def test_images_are_mirrored_to_multiples_of_64_and_cut_back(
    restorer: DiffusersRestorer, recorded: list[dict[str, Any]], size: tuple[int, int]
) -> None:
    image, mask = draw(1, *size)
    filled = restorer(image, Detection.from_mask(mask))
    (call,) = recorded
    expected = tuple(-(-extent // 64) * 64 for extent in size)
    assert (call["height"], call["width"]) == expected == call["image"].size[::-1] == call["mask_image"].size[::-1]
    assert filled.shape == image.shape
    assert filled.masked_select(mask).eq(1).all()
    far = torch.from_numpy(np.asarray(call["mask_image"]) == 0)[: size[0], : size[1]].expand(1, 3, -1, -1)
    torch.testing.assert_close(filled[far], image[far], atol=0.002, rtol=0)
    missing = [(0, full - extent) for full, extent in zip(expected, size, strict=True)]
    mode = "reflect" if all(after < extent for (_, after), extent in zip(missing, size, strict=True)) else "edge"
    mirrored = np.pad((image[0] * 255).round().byte().permute(1, 2, 0), [*missing, (0, 0)], mode=mode)
    outside = np.asarray(call["mask_image"]) == 0
    assert np.array_equal(np.asarray(call["image"])[outside], mirrored[outside])


def test_a_mask_is_enlarged_to_whole_cells_and_no_further(
    restorer: DiffusersRestorer, recorded: list[dict[str, Any]]
) -> None:
    image, mask = torch.rand(1, 3, 64, 64), torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    mask[..., 5:30, 11] = True  # a scratch, in the cells of columns 8 to 15
    mask[..., 63, 63] = True
    restorer(image, Detection.from_mask(mask))
    expected = np.zeros((64, 64), np.uint8)
    expected[0:32, 8:16] = expected[56:, 56:] = 255
    assert np.array_equal(np.asarray(recorded[0]["mask_image"]), expected)


@pytest.mark.parametrize("which", ["restorer", "for_text_to_image"])
def test_nothing_of_the_damage_is_seen_at_full_strength(which: str, request: pytest.FixtureRequest) -> None:
    restorer = request.getfixturevalue(which)
    image, mask = draw(2, 50, 70)
    results = [
        restorer(torch.where(mask, value, image), Detection.from_mask(mask)) for value in (torch.rand(3, 1, 1), 0.9)
    ]
    assert torch.equal(*results)
    other = restorer(torch.where(mask, image, 0.9), Detection.from_mask(mask))
    assert not torch.allclose(results[0], other, atol=0.01)


def test_something_of_the_damage_is_kept_at_less_strength(model: str) -> None:
    restorer = DiffusersRestorer(model=model, steps=4, strength=0.5)
    image, mask = draw(3, 64, 64)
    results = [restorer(torch.where(mask, value, image), Detection.from_mask(mask)) for value in (0.1, 0.9)]
    assert not torch.allclose(*results, atol=0.01)


def test_images_go_through_the_pipeline_one_by_one_and_whole_ones_do_not(
    restorer: DiffusersRestorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, mask = draw(4, 30, 50, batch=3)
    mask[1] = False
    filled = restorer(image, Detection.from_mask(mask))
    assert torch.equal(filled[1], image[1])
    for b in (0, 2):
        assert torch.equal(filled[b : b + 1], restorer(image[b : b + 1], Detection.from_mask(mask[b : b + 1])))
    monkeypatch.setattr(restorer, "_pipeline", None)
    assert torch.equal(restorer(image[1:2], Detection.from_mask(mask[1:2])), image[1:2])


def test_the_global_random_state_is_left_alone_even_if_a_pipeline_draws_from_it(
    restorer: DiffusersRestorer, recorded: list[dict[str, Any]]
) -> None:
    state = torch.get_rng_state()
    image, mask = draw(5, 64, 64)
    restorer(image, Detection.from_mask(mask))
    assert recorded
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    "change",
    [{"seed": 4}, {"prompt": "blue sky"}, {"negative_prompt": "text"}, {"guidance_scale": 2.0}, {"steps": 3}],
)
def test_every_field_changes_the_fill(restorer: DiffusersRestorer, change: dict[str, Any]) -> None:
    image, mask = draw(6, 64, 64)
    before = {a.name: getattr(restorer, a.name) for a in attrs.fields(DiffusersRestorer)}
    other = attrs.evolve(restorer, **change)
    assert before != {a.name: getattr(other, a.name) for a in attrs.fields(DiffusersRestorer)}
    results = [r(image, Detection.from_mask(mask)) for r in (restorer, other)]
    assert not torch.equal(*results)


def test_unset_fields_default_to_the_pipelines_own(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    restorer, pipeline = DiffusersRestorer(model=model), Recorded()
    monkeypatch.setattr(restorer, "_pipeline", pipeline)
    image, mask = draw(6, 64, 64)
    restorer(image, Detection.from_mask(mask))
    (call,) = pipeline.calls
    assert call.keys() == {"prompt", "image", "mask_image", "height", "width", "generator", "output_type", "strength"}
    assert call.keys() <= inspect.signature(StableDiffusionInpaintPipeline.__call__).parameters.keys()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_autocast_changes_nothing_and_dtype_little(
    restorer: DiffusersRestorer, model: str, device: str, dtype: Literal["float32", "bfloat16", "float16"]
) -> None:
    image, mask = draw(7, 64, 64)
    expected = restorer(image, Detection.from_mask(mask))
    low = DiffusersRestorer(model=model, prompt="a red wall", steps=2, seed=3, dtype=dtype)
    given, detection = image.to(device), Detection.from_mask(mask.to(device))
    filled = low(given, detection)
    assert (filled.device.type, filled.dtype) == (torch.device(device).type, torch.float32)
    assert low(given.bfloat16(), detection).dtype == torch.bfloat16
    with torch.autocast(device, torch.bfloat16):
        assert torch.equal(low(given, detection), filled)
    assert (filled.cpu() - expected).abs().mean() < (1e-4 if dtype == "float32" else 0.01)
    assert {p.dtype for p in low._pipeline.unet.parameters()} == {getattr(torch, dtype)}
    low(image, Detection.from_mask(mask))  # and back


def test_there_is_nothing_to_train_and_no_gradient(restorer: DiffusersRestorer) -> None:
    image, mask = draw(8, 64, 64)
    filled = restorer.train()(image.requires_grad_(), Detection.from_mask(mask))
    assert not filled.requires_grad
    assert list(restorer.parameters()) == list(restorer.state_dict()) == []
    assert not restorer._pipeline.unet.training
    restorer.eval()


def test_a_copy_gives_the_same(restorer: DiffusersRestorer) -> None:
    image, mask = draw(9, 64, 64)
    same = copy.deepcopy(restorer)(image, Detection.from_mask(mask))
    assert torch.equal(same, restorer(image, Detection.from_mask(mask)))


def test_there_is_no_progress_bar(restorer: DiffusersRestorer, capfd: pytest.CaptureFixture[str]) -> None:
    image, mask = draw(10, 64, 64)
    restorer(image, Detection.from_mask(mask))
    assert capfd.readouterr() == ("", "")


def test_a_photo_in_a_pipeline_keeps_its_size_and_its_known_pixels(restorer: DiffusersRestorer) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (150, 210, 3), dtype=np.uint8)
    mask = np.zeros((150, 210), bool)
    mask[20:60, 30:80] = mask[100:140, 150:200] = True
    pipeline = Pipeline(restorer=restorer, restoration_size=64, device="cpu")
    restored = np.asarray(pipeline.restore(photo, corruption_mask=mask).restored)
    assert restored.shape == photo.shape
    assert np.array_equal(restored[~mask], photo[~mask])
    assert (restored[mask] != photo[mask]).mean() > 0.9


def test_a_pipeline_that_returns_another_size_is_refused(
    restorer: DiffusersRestorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Halved(Recorded):
        def __call__(self, **arguments: Any) -> Any:
            result = super().__call__(**arguments)
            result.images = result.images[..., ::2]
            return result

    monkeypatch.setattr(restorer, "_pipeline", Halved())
    image, mask = draw(11, 64, 64)
    with pytest.raises(ValueError, match=r"Halved of .* cannot be a restorer: for an image \[1, 3, 64, 64\] .* 64, 32"):
        restorer(image, Detection.from_mask(mask))
