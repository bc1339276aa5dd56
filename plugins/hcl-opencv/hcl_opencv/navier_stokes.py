"""The method of Bertalmio, Bertozzi and Sapiro, from fluid dynamics."""

from __future__ import annotations

from typing import ClassVar

import cv2

from hcl_opencv.inpainting import OpenCVRestorer
from hcl_sdk import component


@component
class NavierStokes(OpenCVRestorer):
    """Continues lines of equal brightness into the mask, as a fluid would flow; fast, best for thin damage.

    Source: Bertalmio, Bertozzi, Sapiro, "Navier-Stokes, Fluid Dynamics, and Image and Video Inpainting", CVPR 2001; as
    implemented in OpenCV. The output is rounded to 8 bits, on the CPU, and carries no gradient.

    Attributes:
        radius: radius in pixels of the neighborhood that a pixel is filled from, above 0; OpenCV rounds it to a whole
            number from 1 to 100.
    """

    method: ClassVar[int] = cv2.INPAINT_NS
