"""``cv2.inpaint`` as a restorer, on batches of tensors."""

from __future__ import annotations

from typing import ClassVar

import attrs
import cv2
import numpy as np
from attrs.validators import gt, lt
from torch import Tensor

from hcl_sdk import Detection, PyramidSpec, Restorer, component
from hcl_sdk.functional.eight_bit import from_uint8, to_uint8


@component
class OpenCVRestorer(Restorer):
    """The base of the restorers that use OpenCV; subclasses set the method.

    Attributes:
        radius: the radius in pixels of the neighborhood that a pixel is filled from, above 0; OpenCV rounds it to an
            integer from 1 to 100.
    """

    method: ClassVar[int]
    """``cv2.INPAINT_TELEA`` or ``cv2.INPAINT_NS``."""

    radius: float = attrs.field(default=3.0, validator=[gt(0), lt(float("inf"))])

    def build(self, spec: PyramidSpec | None) -> None:
        """Do nothing: there are no layers."""

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        """Fill images ``[B, 3, H, W]``; an image without any known pixel is returned unchanged."""
        return inpaint(image, detection.corruption_mask, self.radius, self.method)


def inpaint(image: Tensor, corruption_mask: Tensor, radius: float, method: int) -> Tensor:
    """Fill each image of a batch with OpenCV.

    OpenCV works on the CPU with 8 bits per channel, so images are rounded to 1/255. An image without any known pixel is
    returned unchanged, because there is nothing to fill it from.

    Args:
        image: ``[B, 3, H, W]`` RGB in [0, 1], of any floating-point dtype and on any device.
        corruption_mask: ``[B, 1, H, W]`` bool, True = corrupted = to be filled.
        radius: the radius in pixels of the neighborhood that a pixel is filled from.
        method: ``cv2.INPAINT_TELEA`` or ``cv2.INPAINT_NS``.

    Returns:
        ``[B, 3, H, W]`` in [0, 1], of the dtype and on the device of ``image``. No gradient flows through it.
    """
    masks = corruption_mask[:, 0].cpu().numpy().astype(np.uint8) * 255
    # All channels are filled in the same way, so RGB need not be converted to OpenCV's BGR.
    filled = np.stack([_inpaint(*each, radius, method) for each in zip(to_uint8(image), masks, strict=True)])
    return from_uint8(filled, device=image.device, dtype=image.dtype)


def _inpaint(image: np.ndarray, mask: np.ndarray, radius: float, method: int) -> np.ndarray:
    """Fill one image ``[H, W, 3]`` of 8 bits, where its mask ``[H, W]`` is not 0."""
    height, width = mask.shape
    # For images of one row or column, OpenCV reads out of bounds and returns random results.
    rows, columns = (2 if height == 1 else 1), (2 if width == 1 else 1)
    image, mask = (np.ascontiguousarray(a.repeat(rows, axis=0).repeat(columns, axis=1)) for a in (image, mask))
    return cv2.inpaint(image, mask, radius, method)[:height, :width]
