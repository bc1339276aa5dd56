"""Pixel-wise cross-entropy, the usual loss for segmentation."""

from __future__ import annotations

import attrs
import torch
from attrs.validators import ge
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.functional.resize import resize
from hcl_sdk.interfaces import Detection, DetectionLoss, component


@component
class BCELoss(DetectionLoss):
    """Binary cross-entropy of the probabilities of a learned clusterer such as ``prototypes``, which acts as a linear
    head.

    The probabilities of the finest scale are enlarged (bilinear) to the resolution of the image; those of coarser
    scales are compared with the share of corrupted pixels under each pixel.

    Attributes:
        weight: factor in the sum of losses.
        coarse_weight: factor of each coarser scale.
        dice: factor of ``1 - Dice`` of the finest scale, which counts small regions as much as large ones (Milletari et
            al., "V-Net", 3DV 2016, section 3).

    Raises:
        ValueError: from ``forward``, if the clusterer lets no gradients through.
    """

    weight: float = attrs.field(default=1.0, validator=ge(0))
    coarse_weight: float = attrs.field(default=0.2, validator=ge(0))
    dice: float = attrs.field(default=0.0, validator=ge(0))

    def forward(self, detection: Detection, corruption_mask: Tensor, *, seed: int = 0) -> Tensor:
        truth = corruption_mask.float()
        scales = detection.scales
        if torch.is_grad_enabled() and not scales[0].cluster_confidence.requires_grad:
            raise ValueError(
                "BCELoss teaches a clusterer whose probabilities carry gradients, and this detector's do not; give it "
                "the clusterer prototypes, or train it with a contrastive loss"
            )
        total = truth.new_zeros(())
        for s, scale in enumerate(scales):
            confidence, target = scale.cluster_confidence, truth
            if s == 0:
                confidence = resize(confidence, truth.shape[-2:], "bilinear")
            elif self.coarse_weight == 0:
                continue
            else:
                target = F.adaptive_avg_pool2d(truth, (confidence.shape[-2], confidence.shape[-1]))
            # A probability that rounds to 0 or 1 would have a loss of 100 and no gradient.
            entropy = F.binary_cross_entropy(confidence.clamp(1e-6, 1 - 1e-6), target)
            total = total + (1.0 if s == 0 else self.coarse_weight) * entropy
            if s == 0 and self.dice > 0:
                overlap = (confidence * target).sum(dim=(1, 2, 3))
                sizes = confidence.sum(dim=(1, 2, 3)) + target.sum(dim=(1, 2, 3))
                total = total + self.dice * (1 - (2 * overlap + 1) / (sizes + 1)).mean()
        return total
