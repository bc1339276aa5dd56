"""The published contrastive loss."""

from __future__ import annotations

from hcl_sdk.functional.contrastive import hierarchical_contrastive_loss
from hcl_sdk.interfaces import component
from hcl_sdk.losses.contrastive import ContrastiveLoss


@component
class HierarchicalContrastiveLoss(ContrastiveLoss):
    """Pulls embeddings of a class together and pushes the two classes apart, at every scale (paper, section 3.2).

    See :func:`hcl_sdk.functional.contrastive.hierarchical_contrastive_loss`. The fields are those of
    :class:`~hcl_sdk.losses.contrastive.ContrastiveLoss`.
    """

    formula = staticmethod(hierarchical_contrastive_loss)
