"""InfoNCE over the same anchors and references as the published loss."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from hcl_sdk.functional.contrastive import Pairs, info_nce_loss
from hcl_sdk.interfaces import component
from hcl_sdk.losses.contrastive import ContrastiveLoss


@component
class InfoNCELoss(ContrastiveLoss):
    """InfoNCE over the same anchors and references as the published loss.

    See :func:`hcl_sdk.functional.contrastive.info_nce_loss`; the sum over the scales.

    Attributes:
        weight: factor in the sum of losses.
        temperature: of the similarities, at least 0.02.
        anchors: at most so many an image and scale.
        references: at most so many of either label an image and scale.
        hard_mining: take the least and the most confident references, and those at edges, instead of random ones.
    """

    def of_scales(self, pairs: Sequence[Pairs]) -> Tensor:
        return info_nce_loss(pairs, temperature=self.temperature)
