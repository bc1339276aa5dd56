"""The nodes.

In ComfyUI an IMAGE is a batch of images, float32 ``[B, H, W, C]`` in [0, 1], and a MASK is ``[B, H, W]``, 1 where
something is to be done. Here 1 is *corrupted = to be filled*, as in hcl_sdk, and as inpainting nodes take it.
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
    """A pipeline with its weights; ComfyUI keeps it as long as the name is the same."""

    CATEGORY = "image/hcl_sdk"
    DESCRIPTION = "Load a detector and a restorer. `default` are the weights that hcl_sdk brings."
    FUNCTION = "load"
    RETURN_TYPES = (_PIPELINE,)
    RETURN_NAMES = ("pipeline",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        """What the node takes."""
        tip = "A folder of weights, the name of registered ones, or org/name on the Hugging Face Hub."
        return {"required": {"weights": ("STRING", {"default": "default", "tooltip": tip})}}

    def load(self, weights: str) -> tuple[Pipeline]:
        """Load it."""
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
        """What the node takes."""
        tip = "How ready to call a pixel corrupted: 0 finds nothing, 1 everything."
        return {
            "required": {
                "pipeline": (_PIPELINE,),
                "image": ("IMAGE",),
                "sensitivity": ("FLOAT", {"default": 0.5, **_SHARE, "tooltip": tip}),
            }
        }

    def detect(self, pipeline: Pipeline, image: Tensor, sensitivity: float) -> tuple[Tensor, Tensor]:
        """Detect in each image of the batch."""
        results = [pipeline.detect(photo, sensitivity=sensitivity) for photo in _photos(image)]
        masks = torch.cat([result.corruption_mask[:, 0].float() for result in results])
        return masks, torch.cat([result.confidence[:, 0] for result in results])


class Restore:
    """Fill a mask, or what is found where none is given."""

    CATEGORY = "image/hcl_sdk"
    DESCRIPTION = "Fill a mask, or what is found if none is connected. Every other pixel stays as it is."
    FUNCTION = "restore"
    RETURN_TYPES = ("IMAGE", "MASK")
    RETURN_NAMES = ("image", "mask")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        """What the node takes."""
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
        """Restore each image of the batch; the mask that comes out is what was filled, without growth and border."""
        filling: dict[str, Any] = {"dilate": dilate, "feather": feather, "texture": texture}
        photos = _photos(image)
        if mask is None:
            results = [pipeline(photo, **filling) for photo in photos]
        else:
            masks = _fit(mask, len(photos), photos[0].shape[-2:])
            results = [
                pipeline.restore(photo, corruption_mask=own, **filling)
                for photo, own in zip(photos, masks, strict=True)
            ]
        restored = torch.stack([result.restored for result in results]).movedim(1, -1)
        return restored, torch.cat([result.corruption_mask[:, 0].float() for result in results])


def _photos(image: Tensor) -> list[Tensor]:
    """The images of a batch ``[B, H, W, C]`` as hcl_sdk takes them; what other nodes left out of range is clipped."""
    return list(image.movedim(-1, 1).clamp(0, 1))


def _fit(mask: Tensor, count: int, size: tuple[int, ...]) -> Tensor:
    """A mask for each image, of its size: one mask is for all, and ComfyUI's empty mask is of 64 x 64 pixels."""
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
