"""The published pixel loss."""

from __future__ import annotations

import attrs
from attrs.validators import ge
from torch import Tensor

from hcl_sdk.interfaces import RestorationLoss, component


@component
class L1Loss(RestorationLoss):
    """Mean absolute difference over the whole image (paper, section 3.4).

    As published, of values in [-1, 1]: twice the difference of values in [0, 1].

    Attributes:
        weight: factor in the sum of losses.
        hole: weight of a pixel inside the mask relative to one outside; 1 as published. The loss of an image is the
            weighted mean over its pixels.
    """

    weight: float = attrs.field(default=1.0, validator=ge(0))
    hole: float = attrs.field(default=1.0, validator=ge(0))

    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
        difference = 2 * (restored.float() - target.float()).abs().mean(dim=1, keepdim=True)
        if self.hole == 1:
            return difference.mean()
        factor = 1 + (self.hole - 1) * corruption_mask.float()
        # With hole=0, an image that is all hole has no pixel that counts, and a loss of 0.
        return ((difference * factor).sum(dim=(1, 2, 3)) / factor.sum(dim=(1, 2, 3)).clamp(min=1e-6)).mean()
