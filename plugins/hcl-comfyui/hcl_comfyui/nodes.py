"""The nodes.

In ComfyUI an IMAGE is a batch of images, float32 ``[B, H, W, C]`` in [0, 1], and a MASK is ``[B, H, W]``. In the masks
here 1 means *corrupted = to be filled*, as in hcl_sdk and in inpainting nodes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from hcl_sdk import Photo, Pipeline, Result

_PIPELINE = "HCL_PIPELINE"
AS_SAVED = -1.0
"""The number that leaves a setting as it was saved with the weights."""

_WIDTH = {"default": AS_SAVED, "min": AS_SAVED, "max": 256.0, "step": 0.5}
_SHARE = {"default": AS_SAVED, "min": AS_SAVED, "max": 1.0, "step": 0.01}
_OR = "-1: as saved with the weights."


class LoadWeights:
    """Load a pipeline; ComfyUI keeps it until the name changes."""

    CATEGORY = "image/hcl_sdk"
    DESCRIPTION = "Load a detector and a restorer. `default` means the weights that ship with hcl_sdk."
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
    DESCRIPTION = "Find what does not belong in images. In the mask, 1 means corrupted, to be filled."
    FUNCTION = "detect"
    RETURN_TYPES = ("MASK", "MASK")
    RETURN_NAMES = ("mask", "confidence")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        """List the inputs of the node."""
        tip = f"How readily a pixel is called corrupted: 0 finds nothing, 1 everything. {_OR}"
        return {
            "required": {
                "pipeline": (_PIPELINE,),
                "image": ("IMAGE",),
                "sensitivity": ("FLOAT", {**_SHARE, "tooltip": tip}),
            }
        }

    def detect(self, pipeline: Pipeline, image: Tensor, sensitivity: float) -> tuple[Tensor, Tensor]:
        """Detect in each image of the batch."""
        results = [pipeline.detect(photo, **_read_given(sensitivity=sensitivity)) for photo in _split_batch(image)]
        masks = torch.cat([result.corruption_mask[:, 0].float() for result in results])
        return masks, torch.cat([result.confidence[:, 0] for result in results])


class Restore:
    """Fill a mask, or what is found if no mask is connected."""

    CATEGORY = "image/hcl_sdk"
    DESCRIPTION = "Fill a mask, or what is found if none is connected. Every other pixel stays unchanged."
    FUNCTION = "restore"
    RETURN_TYPES = ("IMAGE", "MASK")
    RETURN_NAMES = ("image", "mask")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        """List the inputs of the node."""
        tip = "From Find Damage, with its mask: the mask then grows further where the edges of the damage are soft."
        return {
            "required": {
                "pipeline": (_PIPELINE,),
                "image": ("IMAGE",),
                "dilate": ("FLOAT", {**_WIDTH, "tooltip": f"Pixels by which the mask grows. {_OR}"}),
                "feather": ("FLOAT", {**_WIDTH, "tooltip": f"Width of the soft border, in pixels. {_OR}"}),
                "texture": ("FLOAT", {**_SHARE, "tooltip": f"0 is smooth, 1 the photo's own texture. {_OR}"}),
            },
            "optional": {"mask": ("MASK",), "confidence": ("MASK", {"tooltip": tip})},
        }

    def restore(
        self,
        pipeline: Pipeline,
        image: Tensor,
        dilate: float,
        feather: float,
        texture: float,
        mask: Tensor | None = None,
        confidence: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Restore each image of the batch; return also the mask that was filled, without its growth and soft border."""
        filling = _read_given(dilate=dilate, feather=feather, texture=texture)
        photos = _split_batch(image)
        if mask is None:
            results = [pipeline(photo, **filling) for photo in photos]
        else:
            masks = _fit_masks(mask, len(photos), photos[0].shape[-2:]) > 0.5
            grown: list[dict[str, Any]] = [{} for _ in photos]
            if confidence is not None and "dilate" not in filling:
                sure = _fit_masks(confidence, len(photos), photos[0].shape[-2:])
                grown = [{"dilate": _measure_growth(pipeline, *each)} for each in zip(photos, masks, sure, strict=True)]
            results = [
                pipeline.restore(photo, corruption_mask=own, **filling, **growth)
                for photo, own, growth in zip(photos, masks, grown, strict=True)
            ]
        restored = torch.stack([result.restored for result in results]).movedim(1, -1)
        return restored, torch.cat([result.corruption_mask[:, 0].float() for result in results])


def _read_given(**settings: float) -> dict[str, Any]:
    """Return the settings that are not left as they were saved."""
    return {name: value for name, value in settings.items() if value != AS_SAVED}


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
    return mask.expand(count, -1, -1, -1)


def _measure_growth(pipeline: Pipeline, photo: Tensor, mask: Tensor, confidence: Tensor) -> float:
    """Measure by how much a detected mask grows: ``[3, H, W]``, and ``[1, H, W]`` twice."""
    found = Result(photo=Photo.open(photo), corruption_mask=mask[None]).with_confidence(confidence[None])
    return pipeline.measure_growth(found)


NODE_CLASS_MAPPINGS: dict[str, type] = {"HCLLoadWeights": LoadWeights, "HCLDetect": Detect, "HCLRestore": Restore}
NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {
    "HCLLoadWeights": "Load Restoration Weights (hcl_sdk)",
    "HCLDetect": "Find Damage (hcl_sdk)",
    "HCLRestore": "Restore Photo (hcl_sdk)",
}
