"""Which checkpoints are loaded, what is refused and how, and what is saved."""

# pyright: reportPrivateImportUsage=false
# diffusers finds its public names when they are asked for, which pyright takes for private ones.

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionInpaintPipeline
from diffusers.pipelines.auto_pipeline import AUTO_INPAINT_PIPELINES_MAPPING
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from hcl_diffusers.loading import select_arguments
from hcl_diffusers.restorer import DiffusersRestorer
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig

from hcl_sdk import Detection, Pipeline
from hcl_sdk.config import ConfigError
from hcl_sdk.plugins import registry

MASK = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
MASK[..., 10:30, 20:40] = True


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (" ", "'model' is empty"),
        ("no-organization/no-such-model", "cannot get 'no-organization/no-such-model' from the Hugging Face Hub, and"),
        ("./no-such-folder", "cannot get './no-such-folder' .* is not a folder here: .* name the folder"),
    ],
)
def test_a_model_that_is_not_there_is_named(model: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DiffusersRestorer(model=model)


def test_problems_of_a_configuration_have_their_path() -> None:
    with pytest.raises(ConfigError, match=r"restorer: cannot get './none'"):
        Pipeline.from_config("restorer: {use: hcl-diffusers/diffusers, model: ./none}")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"strength": 0.0}, "strength"),
        ({"strength": 1.5}, "strength"),
        ({"strength": 0.2, "steps": 4}, r"strength of 0.2, none of the 4 steps are left; expected steps \* strength"),
        ({"strength": 0.01}, "none of the 50 steps are left"),
        ({"guidance_scale": -1.0}, "guidance_scale"),
        ({"steps": 0}, "steps"),
        ({"seed": -1}, "seed"),
        ({"variant": "fp16"}, "the folder .* cannot be used: .*fp16"),
    ],
)
def test_values_that_cannot_be_are_refused_when_it_is_made(model: str, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DiffusersRestorer(model=model, **fields)


def test_a_type_of_numbers_that_is_not_known_is_refused(model: str) -> None:
    with pytest.raises(TypeError, match="dtype"):
        DiffusersRestorer(model=model, dtype="int8")  # pyright: ignore[reportArgumentType]


REFUSED = {
    "if": "takes no height, width",
    "stable-diffusion-controlnet": "asks for a control image",
    "stable-diffusion-controlnet-pag": "asks for a control image",
    "stable-diffusion-xl-controlnet": "asks for a control image",
    "stable-diffusion-xl-controlnet-union": "asks for a control image",
    "stable-diffusion-3-controlnet": "takes no image, mask_image",
    "flux-controlnet": "asks for a control image",
    "flux-control": "asks for a control image",
}


@pytest.mark.parametrize("family", AUTO_INPAINT_PIPELINES_MAPPING)
def test_pipelines_of_diffusers_accept_their_arguments_or_are_refused(family: str) -> None:
    pipeline = cast(dict[str, Any], AUTO_INPAINT_PIPELINES_MAPPING)[family]
    if family in REFUSED:
        with pytest.raises(ValueError, match=f"^{pipeline.__name__} .*{REFUSED[family]}"):
            select_arguments(pipeline, {"strength": 1.0})
    else:
        assert select_arguments(pipeline, {"strength": 1.0, "guidance_scale": None}).keys() <= {"strength"}


def test_arguments_that_a_pipeline_does_not_accept_are_refused() -> None:
    kandinsky = AUTO_INPAINT_PIPELINES_MAPPING["kandinsky22"]
    assert select_arguments(kandinsky, {"strength": 1.0, "num_inference_steps": 4}) == {"num_inference_steps": 4}
    with pytest.raises(ValueError, match="strength: KandinskyV22InpaintCombinedPipeline takes none; leave it out"):
        select_arguments(kandinsky, {"strength": 0.5})


def test_weights_that_are_not_safetensors_are_not_loaded(own_model: Path) -> None:
    path = own_model / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(path), path.with_suffix(".bin"))
    path.unlink()
    with pytest.raises(ValueError, match=r"the folder .* cannot be used: .*safetensors"):
        DiffusersRestorer(model=str(own_model))


def test_weights_that_are_incomplete_are_not_loaded(own_model: Path) -> None:
    path = own_model / "unet" / "diffusion_pytorch_model.safetensors"
    kept = {name: tensor for name, tensor in load_file(path).items() if name != "conv_in.weight"}
    save_file(kept, path, metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"the weights of .* are incomplete: unet lacks conv_in.weight"):
        DiffusersRestorer(model=str(own_model))


@pytest.mark.parametrize("part", ["model_index.json", "vae/config.json", "tokenizer"])
def test_a_folder_where_something_is_missing_is_refused(own_model: Path, part: str) -> None:
    shutil.rmtree(own_model / part) if (own_model / part).is_dir() else (own_model / part).unlink()
    with pytest.raises(ValueError, match=r"the folder .* cannot be used: .*expected what save_pretrained of an inpai"):
        DiffusersRestorer(model=str(own_model))


@pytest.mark.parametrize("changes", [{"_class_name": "DDPMPipeline"}, {"_class_name": ["code", "Own"]}])
def test_a_pipeline_that_is_not_for_inpainting_is_refused(own_model: Path, changes: dict[str, Any]) -> None:
    index = own_model / "model_index.json"
    index.write_text(json.dumps({**json.loads(index.read_text()), **changes}))
    with pytest.raises(ValueError, match=r"the folder .* cannot be used: "):
        DiffusersRestorer(model=str(own_model))


@pytest.mark.parametrize("changes", [{"_class_name": ["code", "Own"]}, {"unet": ["code", "Own"]}])
def test_code_in_a_checkpoint_is_not_run(own_model: Path, changes: dict[str, Any]) -> None:
    mark = own_model / "was_run"
    for folder in (own_model, own_model / "unet"):
        (folder / "code.py").write_text(f"open({str(mark)!r}, 'w').close()\nclass Own: pass\n")
    index = own_model / "model_index.json"
    index.write_text(json.dumps({**json.loads(index.read_text()), **changes}))
    with pytest.raises(ValueError, match="cannot be used"):
        DiffusersRestorer(model=str(own_model))
    assert not mark.exists()


@pytest.fixture
def with_checker(own_model: Path) -> str:
    """The tiny pipeline with a safety checker that lets nothing pass."""
    from transformers import CLIPImageProcessorPil

    pipeline = StableDiffusionInpaintPipeline.from_pretrained(own_model)
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = {**small, "image_size": 32, "patch_size": 16}
    checker = StableDiffusionSafetyChecker(CLIPConfig(text_config=small, vision_config=vision, projection_dim=16))
    with torch.no_grad():
        checker.concept_embeds_weights.fill_(-2)  # the least similarity that is withheld
    size = {"height": 32, "width": 32}
    processor = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=size)
    pipeline.register_modules(safety_checker=checker, feature_extractor=processor)
    pipeline.register_to_config(requires_safety_checker=True)
    pipeline.save_pretrained(own_model)
    return str(own_model)


def test_a_fill_that_the_safety_checker_withholds_is_an_error_and_the_checker_can_be_left_out(
    with_checker: str, model: str
) -> None:
    image, detection = torch.rand(1, 3, 64, 64), Detection.from_mask(MASK)
    with pytest.raises(RuntimeError, match=r"the safety checker of .* withholds .* safety_checker: false"):
        DiffusersRestorer(model=with_checker, steps=1)(image, detection)
    free = DiffusersRestorer(model=with_checker, steps=1, safety_checker=False)
    assert free._pipeline.safety_checker is None
    expected = DiffusersRestorer(model=model, steps=1, safety_checker=False)  # which has none
    assert torch.equal(free(image, detection), expected(image, detection))


def test_making_one_leaves_the_global_random_state_alone(model: str) -> None:
    state = torch.get_rng_state()
    DiffusersRestorer(model=model)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_saved_pipeline_holds_the_name_of_the_model_and_loads_where_that_is(own_model: Path, tmp_path: Path) -> None:
    pipeline = Pipeline(restorer=DiffusersRestorer(model=str(own_model), steps=1), device="cpu")
    pipeline.save_pretrained(tmp_path / "saved")
    config = json.loads((tmp_path / "saved" / "config.json").read_text())
    assert config["restorer"] == {
        "use": "hcl-diffusers/diffusers",
        "model": str(own_model),
        "revision": None,
        "variant": None,
        "dtype": "float32",
        "prompt": "",
        "negative_prompt": None,
        "strength": 1.0,
        "guidance_scale": None,
        "steps": 1,
        "seed": 0,
        "safety_checker": True,
    }
    assert (tmp_path / "saved" / "model.safetensors").stat().st_size < 200
    again = Pipeline.from_pretrained(tmp_path / "saved", device="cpu")
    photo, mask = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8), MASK[0, 0].numpy()
    results = [np.asarray(p.restore(photo, corruption_mask=mask).restored) for p in (pipeline, again)]
    assert np.array_equal(results[0], results[1])

    own_model.rename(tmp_path / "moved")
    with pytest.raises(ConfigError, match=r"restorer: cannot get .*model.* name the folder that has them in 'model'"):
        Pipeline.from_pretrained(tmp_path / "saved")
    config["restorer"]["model"] = str(tmp_path / "moved")
    (tmp_path / "saved" / "config.json").write_text(json.dumps(config))
    Pipeline.from_pretrained(tmp_path / "saved")


def test_the_plugin_is_found_and_gives_its_name() -> None:
    (report,) = [r for r in registry.plugins if r.distribution == "hcl-diffusers"]
    assert (report.status, report.error, report.names) == ("ok", "", ("hcl-diffusers/diffusers",))
    assert registry.get("restorer", "diffusers") is DiffusersRestorer


def test_warnings_of_libraries_go_where_the_program_lets_them_go() -> None:
    with (
        pytest.warns(UserWarning, match="local_dir_use_symlinks"),
        pytest.raises(ValueError, match="OSError"),
    ):
        DiffusersRestorer(model="no-organization/no-such-model")
