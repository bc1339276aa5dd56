"""Telea's fast marching method."""

from __future__ import annotations

import attrs
import cv2
from torch import Tensor

from hcl_opencv.inpainting import inpaint
from hcl_sdk import Detection, PyramidSpec, Restorer, component


@component
class Telea(Restorer):
    """Fills from the border inwards with weighted averages of the known pixels nearby; quick, best for thin damage.

    Source: Telea, "An Image Inpainting Technique Based on the Fast Marching Method", Journal of Graphics Tools 9(1),
    2004; as implemented in OpenCV. The output is rounded to 8 bits, on the CPU, and carries no gradient.

    Attributes:
        radius: of the neighborhood that a pixel is filled from, in pixels, above 0; OpenCV rounds it to a whole number
            from 1 to 100.
    """

    radius: float = attrs.field(default=3.0, validator=[attrs.validators.gt(0), attrs.validators.lt(float("inf"))])

    def build(self, spec: PyramidSpec | None) -> None:
        """There are no layers to make."""

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        """Fill ``[B, 3, H, W]`` images; one without any known pixel comes back as it is."""
        return inpaint(image, detection.corruption_mask, self.radius, cv2.INPAINT_TELEA)
