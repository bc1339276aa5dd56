"""Telea's fast marching method."""

from __future__ import annotations

from typing import ClassVar

import cv2

from hcl_opencv.inpainting import OpenCVRestorer
from hcl_sdk import component


@component
class Telea(OpenCVRestorer):
    """Fills from the border inwards with weighted averages of the known pixels nearby; fast, best for thin damage.

    Source: Telea, "An Image Inpainting Technique Based on the Fast Marching Method", Journal of Graphics Tools 9(1),
    2004; as implemented in OpenCV. The output is rounded to 8 bits, on the CPU, and carries no gradient.

    Attributes:
        radius: radius in pixels of the neighborhood that a pixel is filled from, above 0; OpenCV rounds it to a whole
            number from 1 to 100.
    """

    method: ClassVar[int] = cv2.INPAINT_TELEA
