"""Teaches a detector whether there is any damage in an image."""

from __future__ import annotations

import attrs
from attrs.validators import ge
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.interfaces import Detection, DetectionLoss, component


@component
class VerdictLoss(DetectionLoss):
    """Binary cross-entropy of the verdict on each image: is any pixel of it corrupted?

    Attributes:
        weight: factor in the sum of losses.

    Raises:
        ValueError: from ``forward``, if the detector has no verdict.
    """

    weight: float = attrs.field(default=1.0, validator=ge(0))

    def forward(self, detection: Detection, corruption_mask: Tensor, *, seed: int = 0) -> Tensor:
        if detection.verdict_logits is None:
            raise ValueError(
                "VerdictLoss teaches a detector's verdict, and this detector has none; give it verdict: {}"
            )
        return F.binary_cross_entropy_with_logits(
            detection.verdict_logits.float(), corruption_mask.flatten(1).any(dim=1).float()
        )
