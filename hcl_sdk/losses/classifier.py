"""Teaches a clusterer which of its centers is the corrupted one."""

from __future__ import annotations

import attrs
import torch
from attrs.validators import ge
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.interfaces import Detection, DetectionLoss, component


@component
class ClassifierLoss(DetectionLoss):
    """Binary cross-entropy of the coarsest scale's two centers: the valid one 0, the corrupted one 1.

    This extends the published loss (paper, section 3.2): if nothing in an image is corrupted, both are 0; if everything
    is, both are 1. In this way *nothing is corrupted* is learned.

    Attributes:
        weight: factor in the sum of losses.

    Raises:
        ValueError: from ``forward``, if the clusterer has no trainable classifier.
    """

    weight: float = attrs.field(default=1.0, validator=ge(0))

    def forward(self, detection: Detection, corruption_mask: Tensor, *, seed: int = 0) -> Tensor:
        logits = detection.scales[-1].logits
        if logits is None or (torch.is_grad_enabled() and not logits.requires_grad):
            raise ValueError(
                "ClassifierLoss teaches a classifier of the clusters' centers, and this detector's clusterer has none; "
                "use soft-kmeans with classifier: true, or leave this loss out"
            )
        some, every = corruption_mask.flatten(1).any(dim=1), corruption_mask.flatten(1).all(dim=1)
        return F.binary_cross_entropy_with_logits(logits.float(), torch.stack([every, some], dim=1).float())
