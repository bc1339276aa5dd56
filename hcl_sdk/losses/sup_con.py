"""The supervised contrastive loss over the same anchors and references as the published one."""

from __future__ import annotations

from hcl_sdk.functional.contrastive import supervised_contrastive_loss
from hcl_sdk.interfaces import component
from hcl_sdk.losses.contrastive import ContrastiveLoss


@component
class SupConLoss(ContrastiveLoss):
    """The supervised contrastive loss over the same anchors and references as the published one.

    See :func:`hcl_sdk.functional.contrastive.supervised_contrastive_loss`. The fields are those of
    :class:`~hcl_sdk.losses.contrastive.ContrastiveLoss`.
    """

    formula = staticmethod(supervised_contrastive_loss)
