"""Teaches a detector the kind of damage."""

from __future__ import annotations

from typing import ClassVar

import attrs
import torch
from attrs.validators import ge
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.functional.resize import resize
from hcl_sdk.interfaces import DAMAGE, Detection, DetectionLoss, component


@component
class DamageLoss(DetectionLoss):
    """Cross-entropy of the kinds of damage over the corrupted pixels, at the resolution of the image.

    Within an image, each kind present has the same weight, however many pixels it has: otherwise scratches would hardly
    be learned next to patches. Pixels that are not corrupted do not count, nor do images without any.

    Attributes:
        weight: factor in the sum of losses.

    Raises:
        ValueError: from ``forward``, if the detector has no damage head, or the kind of damage is unknown.
    """

    uses_damage_map: ClassVar[bool] = True

    weight: float = attrs.field(default=1.0, validator=ge(0))

    def forward(
        self, detection: Detection, corruption_mask: Tensor, *, seed: int = 0, damage_map: Tensor | None = None
    ) -> Tensor:
        """Compute the loss of a batch, like every loss of a detector.

        Args:
            detection: a detection with ``damage_logits``.
            corruption_mask: ``[B, 1, H, W]`` bool, True = corrupted.
            seed: unused.
            damage_map: ``[B, 1, H, W]`` uint8, the kind of each corrupted pixel, as in
                :class:`~hcl_sdk.corruptions.Corrupted`.
        """
        if detection.damage_logits is None:
            raise ValueError(
                "DamageLoss teaches a detector's damage head, and this detector has none; give it damage_head: {}"
            )
        if damage_map is None:
            raise ValueError("DamageLoss needs to know the kinds of damage; got no damage_map")
        logits = resize(detection.damage_logits.float(), damage_map.shape[-2:], "bilinear")
        kinds = damage_map[:, 0].long()
        entropy = F.cross_entropy(logits, kinds - 1, ignore_index=-1, reduction="none")
        of_kind = torch.stack([kinds == number for number in range(1, len(DAMAGE) + 1)], dim=1).flatten(2)  # [B, 6, N]
        pixels = of_kind.sum(dim=2)
        means = (entropy.flatten(1)[:, None] * of_kind).sum(dim=2) / pixels.clamp(min=1)
        return (means.sum(dim=1) / (pixels > 0).sum(dim=1).clamp(min=1)).mean()
