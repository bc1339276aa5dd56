"""Filling by blurring."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk import Detection, PyramidSpec, Restorer, component


def _is_odd(instance: object, attribute: attrs.Attribute[int], value: int) -> None:
    if value % 2 == 0:
        raise ValueError(f"{attribute.name} must be odd, so that it has a middle; got {value}")


@component
class BlurFill(Restorer):
    """Fills the mask from its border inwards with averages of what is known, then smooths what was filled.

    Attributes:
        window: side of the box that is averaged over, in pixels; odd, at least 3.
        smoothing: how often the filled pixels are averaged once more; at least 0.
    """

    window: int = attrs.field(default=7, validator=[attrs.validators.ge(3), _is_odd])
    smoothing: int = attrs.field(default=4, validator=attrs.validators.ge(0))

    def build(self, spec: PyramidSpec | None) -> None:
        """No layers to create."""

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        """Fill ``[B, 3, H, W]`` images; one without any known pixel becomes medium gray."""
        unknown = detection.corruption_mask
        known = (~unknown).float()
        filled = torch.where(unknown, 0.5, image.float())
        while True:
            weight = self._box(known)
            reached = (known == 0) & (weight > 0)
            if not reached.any():
                break
            filled = torch.where(reached, self._box(filled * known) / weight.clamp(min=1e-6), filled)
            known = torch.where(reached, 1.0, known)
        inside = self._box(torch.ones_like(known))  # less than 1 where the box hangs over the edge of the image
        for _ in range(self.smoothing):
            filled = torch.where(unknown, self._box(filled) / inside, filled)
        return filled.to(image.dtype)

    def _box(self, values: Tensor) -> Tensor:
        return F.avg_pool2d(values, self.window, stride=1, padding=self.window // 2)
