"""The base of losses that compare embeddings."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import attrs
from attrs.validators import ge
from torch import Tensor

from hcl_sdk._renamed import redirect
from hcl_sdk.functional.contrastive import LOWEST_TEMPERATURE, Pairs, select_pairs
from hcl_sdk.interfaces import Detection, DetectionLoss, component


@component
class ContrastiveLoss(DetectionLoss):
    """Base of losses over the anchors and references of :func:`hcl_sdk.functional.contrastive.select_pairs`.

    A subclass provides the ``formula``: the pairs of all scales and ``temperature`` -> ``[S]``, the loss of every
    scale. Their sum is the loss.

    Attributes:
        weight: factor in the sum of losses.
        temperature: temperature of the similarities, at least 0.02.
        anchors: the maximum number drawn from each image and scale.
        references: the maximum number of either label drawn from each image and scale.
        hard_mining: use the least and the most confident references, and those at edges, instead of random ones.
    """

    formula: ClassVar[Callable[..., Tensor]]

    weight: float = attrs.field(default=1.0, validator=ge(0))
    temperature: float = attrs.field(default=0.1, validator=ge(LOWEST_TEMPERATURE))
    anchors: int = attrs.field(default=512, validator=ge(1))
    references: int = attrs.field(default=256, validator=ge(1))
    hard_mining: bool = True

    def forward(self, detection: Detection, corruption_mask: Tensor, *, seed: int = 0) -> Tensor:
        pairs = collect_pairs(
            detection,
            corruption_mask,
            anchors=self.anchors,
            references=self.references,
            hard_mining=self.hard_mining,
            seed=seed,
        )
        return self.formula(pairs, temperature=self.temperature).sum()


def collect_pairs(
    detection: Detection, corruption_mask: Tensor, *, anchors: int, references: int, hard_mining: bool, seed: int
) -> list[Pairs]:
    """Collect the anchors and references of a detection, fine to coarse.

    Args:
        detection: the argument of a :class:`~hcl_sdk.DetectionLoss`.
        corruption_mask: ``[B, 1, H, W]`` bool, the truth.
        anchors, references, seed: the arguments of :func:`hcl_sdk.functional.contrastive.select_pairs`.
        hard_mining: choose references by the confidence of the scale that settled them.
    """
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


redirect(__name__, {"detection_pairs": "collect_pairs"})
