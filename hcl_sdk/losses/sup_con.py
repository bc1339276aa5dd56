"""The supervised contrastive loss over the same anchors and references as the published one."""

from __future__ import annotations

import attrs
from attrs.validators import ge, gt
from torch import Tensor

from hcl_sdk.functional.contrastive import supervised_contrastive_loss
from hcl_sdk.interfaces import Detection, DetectionLoss, component
from hcl_sdk.losses.hierarchical import detection_pairs


@component
class SupConLoss(DetectionLoss):
    """The supervised contrastive loss over the same anchors and references as the published one.

    See :func:`hcl_sdk.functional.contrastive.supervised_contrastive_loss`; the sum over the scales.

    Attributes:
        weight: factor in the sum of losses.
        temperature: of the similarities.
        anchors: at most so many an image and scale.
        references: at most so many of either label an image and scale.
        hard_mining: take the least and the most confident references, and those at edges, instead of random ones.
    """

    weight: float = attrs.field(default=1.0, validator=ge(0))
    temperature: float = attrs.field(default=0.1, validator=gt(0))
    anchors: int = attrs.field(default=512, validator=ge(1))
    references: int = attrs.field(default=256, validator=ge(1))
    hard_mining: bool = True

    def forward(self, detection: Detection, corruption_mask: Tensor, *, seed: int = 0) -> Tensor:
        pairs = detection_pairs(detection, corruption_mask, self.anchors, self.references, self.hard_mining, seed)
        return supervised_contrastive_loss(pairs, temperature=self.temperature).sum()
