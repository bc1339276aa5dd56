"""Loading a pipeline of diffusers, and checking what it accepts before any photo is processed."""

# pyright: reportPrivateImportUsage=false
# diffusers imports its public names lazily, and pyright takes them for private ones.

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoPipelineForInpainting, DiffusionPipeline
from torch import nn

from hcl_sdk.errors import describe_error, list_some

NEEDED = ("prompt", "image", "mask_image", "height", "width", "generator", "output_type")
"""The arguments that the restorer passes to every pipeline."""


def load(
    model: str, *, revision: str | None, variant: str | None, dtype: torch.dtype, safety_checker: bool
) -> DiffusionPipeline:
    """Load the inpainting pipeline of a folder or a repository on the Hub, on the CPU.

    Only safetensors are read, and no code that comes with the weights is run. The global random state is not changed.

    Raises:
        ValueError: if it does not exist, cannot be read, or is not for inpainting.
    """
    if not model.strip():
        raise ValueError("'model' is empty; expected a repository on the Hugging Face Hub or a folder")
    options: dict[str, Any] = {"revision": revision}
    try:
        with torch.random.fork_rng(devices=[]):
            config: Any = AutoPipelineForInpainting.load_config(model, **options)
            if not safety_checker and "safety_checker" in config:
                options |= {"safety_checker": None, "requires_safety_checker": False}
            _check_folders(model, {part: value for part, value in config.items() if part not in options})
            pipeline = AutoPipelineForInpainting.from_pretrained(
                model, variant=variant, dtype=dtype, use_safetensors=True, trust_remote_code=False, **options
            )
    except Exception as error:  # from the network, the Hub, the files, or one of several libraries
        why = describe_error(error, limit=240)
        if Path(model).is_dir():
            raise ValueError(
                f"the folder {model!r} cannot be used: {why}; expected what save_pretrained of an inpainting "
                f"pipeline of diffusers writes: model_index.json, and folders with safetensors"
            ) from error
        raise ValueError(
            f"cannot get {model!r} from the Hugging Face Hub, and it is not a folder here: {why}. A saved "
            f"pipeline holds the name of its diffusion model, not the weights: without the Hub, name the folder that "
            f"has them in 'model'"
        ) from error
    _check_complete(pipeline, model)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _check_complete(pipeline: DiffusionPipeline, model: str) -> None:
    """Raise ``ValueError`` if diffusers found no values for a tensor, which it then leaves empty."""
    for part, network in pipeline.components.items():
        if isinstance(network, nn.Module):
            lost = [name for name, parameter in network.named_parameters() if parameter.is_meta]
            if lost:
                raise ValueError(f"the weights of {model!r} are incomplete: {part} lacks {list_some(lost, 3)}")


def _check_folders(model: str, config: Mapping[str, Any]) -> None:
    """Raise ``ValueError`` if the folder of a part is missing: without its folder, a tokenizer would be empty."""
    parts = [part for part, value in config.items() if isinstance(value, list) and value[0] is not None]
    lost = [part for part in parts if not part.startswith("_") and not (Path(model) / part).is_dir()]
    if Path(model).is_dir() and lost:
        raise ValueError(f"there is no {', '.join(lost)} in it")


def select_arguments(pipeline: type[DiffusionPipeline], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Select the arguments to call a pipeline with besides ``NEEDED``.

    Args:
        pipeline: its class.
        asked: ``strength`` and other arguments by the names that pipelines use; None for the default of the pipeline.

    Raises:
        ValueError: if the pipeline does not accept one of them, or would take no step at all.
    """
    name, taken = pipeline.__name__, inspect.signature(pipeline.__call__).parameters
    missing = [argument for argument in NEEDED if argument not in taken]
    if missing:
        raise ValueError(
            f"{name} cannot restore images of any size in a repeatable way: its call takes no {', '.join(missing)}"
        )
    if "control_image" in taken:
        raise ValueError(
            f"{name} asks for a control image, which restorers do not have; use a pipeline without ControlNet"
        )
    given = {argument: value for argument, value in asked.items() if value is not None}
    if "strength" not in taken and given["strength"] == 1:
        del given["strength"]  # the only value that such pipelines have
    for argument in given:
        if argument not in taken:
            field = "steps" if argument == "num_inference_steps" else argument
            raise ValueError(f"{field}: {name} takes none; leave it out")
    steps = given.get("num_inference_steps", getattr(taken.get("num_inference_steps"), "default", None))
    strength = asked["strength"]
    if isinstance(steps, int) and int(steps * strength) < 1:
        raise ValueError(
            f"with a strength of {strength:g}, none of the {steps} steps are left; expected steps * strength >= 1"
        )
    return given
