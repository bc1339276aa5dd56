"""The published contrastive loss."""

from __future__ import annotations

import attrs
from attrs.validators import ge, gt
from torch import Tensor

from hcl_sdk.functional.contrastive import Pairs, hierarchical_contrastive_loss, select_pairs
from hcl_sdk.interfaces import Detection, DetectionLoss, component


@component
class HierarchicalContrastiveLoss(DetectionLoss):
    """Embeddings of one class together, of the two classes apart, at every scale (paper, section 3.2).

    See :func:`hcl_sdk.functional.contrastive.hierarchical_contrastive_loss`; the sum over the scales.

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
        return hierarchical_contrastive_loss(pairs, temperature=self.temperature).sum()


def detection_pairs(
    detection: Detection, corruption_mask: Tensor, anchors: int, references: int, hard_mining: bool, seed: int
) -> list[Pairs]:
    """Anchors and references of a detection, as :func:`hcl_sdk.functional.contrastive.select_pairs` takes them."""
    scales = detection.scales
    return select_pairs(
        detection.embeddings,
        [scale.candidates for scale in scales],
        [scale.settles_valid for scale in scales],
        [scale.settles_corrupted for scale in scales],
        corruption_mask,
        confidence=[scale.cluster_confidence.detach() for scale in scales] if hard_mining else None,
        anchors=anchors,
        references=references,
        seed=seed,
    )
