"""The nodes.

In ComfyUI an IMAGE is a batch of images, float32 ``[B, H, W, C]`` in [0, 1], and a MASK is ``[B, H, W]``. In the masks
here 1 means *corrupted = to be filled*, as in hcl_sdk and in inpainting nodes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from hcl_sdk import Pipeline

_PIPELINE = "HCL_PIPELINE"
_WIDTH = {"default": 0.0, "min": 0.0, "max": 256.0, "step": 0.5}
_SHARE = {"min": 0.0, "max": 1.0, "step": 0.01}


class LoadWeights:
    """Load a pipeline; ComfyUI keeps it until the name changes."""

    CATEGORY = "image/hcl_sdk"
    DESCRIPTION = "Load a detector and a restorer. `default` stands for the weights in hcl_sdk."
    FUNCTION = "load"
    RETURN_TYPES = (_PIPELINE,)
    RETURN_NAMES = ("pipeline",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        """List the inputs of the node."""
        tip = "A folder of weights, the name of registered ones, or org/name on the Hugging Face Hub."
        return {"required": {"weights": ("STRING", {"default": "default", "tooltip": tip})}}

    def load(self, weights: str) -> tuple[Pipeline]:
        """Load the weights."""
        return (Pipeline.from_pretrained(weights.strip()),)


class Detect:
    """Find what does not belong in images."""

    CATEGORY = "image/hcl_sdk"
    DESCRIPTION = "Find what does not belong in images. In the mask 1 is corrupted, to be filled."
    FUNCTION = "detect"
    RETURN_TYPES = ("MASK", "MASK")
    RETURN_NAMES = ("mask", "confidence")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        """List the inputs of the node."""
        tip = "How readily a pixel is called corrupted: 0 finds nothing, 1 everything."
        return {
            "required": {
                "pipeline": (_PIPELINE,),
                "image": ("IMAGE",),
                "sensitivity": ("FLOAT", {"default": 0.5, **_SHARE, "tooltip": tip}),
            }
        }

    def detect(self, pipeline: Pipeline, image: Tensor, sensitivity: float) -> tuple[Tensor, Tensor]:
        """Detect in each image of the batch."""
        results = [pipeline.detect(photo, sensitivity=sensitivity) for photo in _split_batch(image)]
        masks = torch.cat([result.corruption_mask[:, 0].float() for result in results])
        return masks, torch.cat([result.confidence[:, 0] for result in results])


class Restore:
    """Fill a mask, or what is found if no mask is connected."""

    CATEGORY = "image/hcl_sdk"
    DESCRIPTION = "Fill a mask, or what is found if none is connected. Every other pixel stays as it is."
    FUNCTION = "restore"
    RETURN_TYPES = ("IMAGE", "MASK")
    RETURN_NAMES = ("image", "mask")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        """List the inputs of the node."""
        return {
            "required": {
                "pipeline": (_PIPELINE,),
                "image": ("IMAGE",),
                "dilate": ("FLOAT", {**_WIDTH, "default": 2.0, "tooltip": "Pixels by which the mask grows."}),
                "feather": ("FLOAT", {**_WIDTH, "default": 3.0, "tooltip": "Width of the soft border, in pixels."}),
                "texture": ("FLOAT", {"default": 1.0, **_SHARE, "tooltip": "0 is smooth, 1 the photo's own texture."}),
            },
            "optional": {"mask": ("MASK",)},
        }

    def restore(
        self,
        pipeline: Pipeline,
        image: Tensor,
        dilate: float,
        feather: float,
        texture: float,
        mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Restore each image of the batch; return also the mask that was filled, without its growth and soft border."""
        filling: dict[str, Any] = {"dilate": dilate, "feather": feather, "texture": texture}
        photos = _split_batch(image)
        if mask is None:
            results = [pipeline(photo, **filling) for photo in photos]
        else:
            masks = _fit_masks(mask, len(photos), photos[0].shape[-2:])
            results = [
                pipeline.restore(photo, corruption_mask=own, **filling)
                for photo, own in zip(photos, masks, strict=True)
            ]
        restored = torch.stack([result.restored for result in results]).movedim(1, -1)
        return restored, torch.cat([result.corruption_mask[:, 0].float() for result in results])


def _split_batch(image: Tensor) -> list[Tensor]:
    """Split a batch ``[B, H, W, C]`` into images as hcl_sdk takes them, clipping values that are out of range."""
    return list(image.movedim(-1, 1).clamp(0, 1))


def _fit_masks(mask: Tensor, count: int, size: tuple[int, ...]) -> Tensor:
    """Resize masks, one per image or one for all, to the images: ComfyUI's empty mask has 64 x 64 pixels."""
    mask = mask.reshape(-1, 1, *mask.shape[-2:]).float()
    if mask.shape[0] not in (1, count):
        raise ValueError(f"expected 1 mask or as many as there are images, {count}; got {mask.shape[0]}")
    if mask.shape[-2:] != size:
        mask = interpolate(mask, size=size, mode="bilinear")
    return (mask > 0.5).expand(count, -1, -1, -1)


NODE_CLASS_MAPPINGS: dict[str, type] = {"HCLLoadWeights": LoadWeights, "HCLDetect": Detect, "HCLRestore": Restore}
NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {
    "HCLLoadWeights": "Load Restoration Weights (hcl_sdk)",
    "HCLDetect": "Find Damage (hcl_sdk)",
    "HCLRestore": "Restore Photo (hcl_sdk)",
}
