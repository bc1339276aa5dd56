"""InfoNCE over the same anchors and references as the published loss."""

from __future__ import annotations

from hcl_sdk.functional.contrastive import info_nce_loss
from hcl_sdk.interfaces import component
from hcl_sdk.losses.contrastive import ContrastiveLoss


@component
class InfoNCELoss(ContrastiveLoss):
    """InfoNCE over the same anchors and references as the published loss.

    See :func:`hcl_sdk.functional.contrastive.info_nce_loss`. The fields are those of
    :class:`~hcl_sdk.losses.contrastive.ContrastiveLoss`.
    """

    formula = staticmethod(info_nce_loss)
