"""The method of Bertalmio, Bertozzi and Sapiro, from fluid dynamics."""

from __future__ import annotations

import attrs
import cv2
from torch import Tensor

from hcl_opencv.inpainting import inpaint
from hcl_sdk import Detection, PyramidSpec, Restorer, component


@component
class NavierStokes(Restorer):
    """Continues lines of equal brightness into the mask, as a fluid would flow; quick, best for thin damage.

    Source: Bertalmio, Bertozzi, Sapiro, "Navier-Stokes, Fluid Dynamics, and Image and Video Inpainting", CVPR 2001; as
    implemented in OpenCV. The output is rounded to 8 bits, on the CPU, and carries no gradient.

    Attributes:
        radius: of the neighborhood that a pixel is filled from, in pixels, above 0; OpenCV rounds it to a whole number
            from 1 to 100.
    """

    radius: float = attrs.field(default=3.0, validator=[attrs.validators.gt(0), attrs.validators.lt(float("inf"))])

    def build(self, spec: PyramidSpec | None) -> None:
        """There are no layers to make."""

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        """Fill ``[B, 3, H, W]`` images; one without any known pixel comes back as it is."""
        return inpaint(image, detection.corruption_mask, self.radius, cv2.INPAINT_NS)
