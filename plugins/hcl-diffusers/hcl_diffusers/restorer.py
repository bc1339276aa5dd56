"""``AutoPipelineForInpainting`` of diffusers as a restorer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
import torch
from attrs.validators import and_, ge, gt, le, lt, optional
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from hcl_diffusers.loading import load, select_arguments
from hcl_sdk import Detection, PyramidSpec, Restorer, component
from hcl_sdk.functional.eight_bit import to_uint8
from hcl_sdk.functional.masks import pool_mask
from hcl_sdk.functional.resize import pad_to_multiple

MULTIPLE = 64
"""Sides in pixels that are multiples of this suit every pipeline: autoencoders shrink images by 8 or 16, and networks
halve the result or cut it into patches."""


@component
class DiffusersRestorer(Restorer):
    """Fills with what a diffusion model imagines: any inpainting pipeline of Hugging Face diffusers.

    ``AutoPipelineForInpainting`` chooses the pipeline for a checkpoint: Stable Diffusion, SDXL, Stable Diffusion 3,
    FLUX, Kandinsky, Qwen-Image ... Images are processed one by one, each with its own generator of the same seed on the
    CPU, so that the result for an image does not depend on the batch. Autocast has no effect; the pipeline computes in
    ``dtype``.

    The mask is enlarged to whole cells of the autoencoder, usually 8 x 8 pixels: diffusers shrinks masks by sampling
    one pixel per cell, which misses thin damage.

    Nothing is trained, and no gradient flows through it. Saved weights hold the name of the model, not its weights. The
    pipeline follows the images to their device.

    Attributes:
        model: a repository of the Hugging Face Hub, such as
            ``stable-diffusion-v1-5/stable-diffusion-inpainting``, or a folder written by ``save_pretrained`` of
            diffusers. Only safetensors are loaded.
        revision: branch, tag or commit on the Hub.
        variant: the variant of the files, such as ``fp16``, if the checkpoint has several.
        dtype: the type of the weights and of the computation. On an accelerator, ``float16`` or ``bfloat16`` halve the
            memory.
        prompt: what the fill should show.
        negative_prompt: what the fill should not show; by default there is none.
        strength: how much noise is added under the mask before denoising, in (0, 1]. At 1 the damage has no influence;
            lower values keep some of it, for damage that can be seen through.
        guidance_scale: how closely to follow the prompt, >= 0; by default that of the pipeline.
        steps: the number of denoising steps, which ``strength`` reduces; by default that of the pipeline.
        seed: random seed of the noise.
        safety_checker: load the checkpoint's safety checker, if there is one. A fill that it withholds is an error,
            because diffusers replaces it with black.

    Raises:
        ValueError: if the model does not exist or is not for inpainting, or its pipeline does not accept a setting.
    """

    model: str
    revision: str | None = None
    variant: str | None = None
    dtype: Literal["float32", "float16", "bfloat16"] = "float32"
    prompt: str = ""
    negative_prompt: str | None = None
    strength: float = attrs.field(default=1.0, validator=and_(gt(0), le(1)))
    guidance_scale: float | None = attrs.field(default=None, validator=optional(ge(0)))
    steps: int | None = attrs.field(default=None, validator=optional(ge(1)))
    seed: int = attrs.field(default=0, validator=and_(ge(0), lt(2**63)))
    safety_checker: bool = True

    @classmethod
    def testing_example(cls, folder: Path) -> DiffusersRestorer:
        """Make one with a tiny untrained pipeline, for the conformance kit."""
        from hcl_diffusers.example import write_example

        return cls(model=write_example(folder / "tiny"), prompt="a wall", steps=2)

    def build(self, spec: PyramidSpec | None) -> None:
        """Load the pipeline."""
        pipeline = load(
            self.model,
            revision=self.revision,
            variant=self.variant,
            dtype=getattr(torch, self.dtype),
            safety_checker=self.safety_checker,
        )
        self._arguments = select_arguments(
            type(pipeline),
            {
                "negative_prompt": self.negative_prompt,
                "strength": self.strength,
                "guidance_scale": self.guidance_scale,
                "num_inference_steps": self.steps,
            },
        )
        self._pipeline = pipeline  # not an nn.Module, so its networks are neither saved nor trained

    @torch.no_grad()
    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        """Fill ``[B, 3, H, W]`` images in [0, 1]; one without corrupted pixels comes back as it is.

        Raises:
            RuntimeError: if the checkpoint's safety checker withholds a fill.
        """
        mask = detection.corruption_mask
        with torch.autocast(image.device.type, enabled=False), _seed_global(self.seed):
            filled = [
                self._fill(one, own) if own.any() else one
                for one, own in zip(image.float().split(1), mask.split(1), strict=True)
            ]
        return torch.cat(filled).to(image.dtype)

    def _fill(self, image: Tensor, mask: Tensor) -> Tensor:
        """Fill one image ``[1, 3, H, W]`` of any size."""
        pipeline: Any = self._pipeline
        if pipeline.device != image.device:
            pipeline.to(image.device)
        height, width = image.shape[-2:]
        padded = pad_to_multiple(torch.cat([image, mask.float()], dim=1), MULTIPLE)
        image, mask = padded[:, :3], padded[:, 3:] > 0
        cell = getattr(pipeline, "vae_scale_factor", 8)
        mask = F.interpolate(pool_mask(mask, cell).float(), scale_factor=cell) > 0
        if self.strength == 1:
            image = torch.where(mask, 0.5, image)  # a network that is not made for inpainting sees its edge
        # PIL images are the only input that all pipelines take in the same range and polarity.
        result = pipeline(
            prompt=self.prompt,
            image=_to_pil(image[0]),
            mask_image=_to_pil(mask[0].float()),
            height=padded.shape[-2],
            width=padded.shape[-1],
            generator=torch.Generator().manual_seed(self.seed),
            output_type="pt",
            **self._arguments,
        )
        if any(getattr(result, "nsfw_content_detected", None) or ()):
            raise RuntimeError(
                f"the safety checker of {self.model!r} withholds what was filled in; try another seed or prompt, or "
                f"leave the checker out with safety_checker: false"
            )
        filled = result.images
        if not isinstance(filled, Tensor) or filled.shape != image.shape:
            got = list(filled.shape) if isinstance(filled, Tensor) else type(filled).__name__
            raise ValueError(
                f"{type(pipeline).__name__} of {self.model!r} cannot be a restorer: for an image {list(image.shape)} "
                f"it returns {got}"
            )
        return filled[..., :height, :width].to(image.device, torch.float32).clamp(0, 1)


def _to_pil(image: Tensor) -> Image.Image:
    """Convert an image ``[3, H, W]``, or a mask ``[1, H, W]``, in [0, 1]."""
    values = to_uint8(image[None])[0]
    return Image.fromarray(np.ascontiguousarray(values if values.shape[-1] == 3 else values[..., 0]))


@contextmanager
def _seed_global(seed: int) -> Iterator[None]:
    """Seed torch's global random state on the CPU, and restore it: some schedulers draw from it despite a generator."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
