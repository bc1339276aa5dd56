"""The hierarchical contrastive loss (paper, section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def hierarchical_contrastive_loss(
    embeddings: Sequence[Tensor],
    candidates: Sequence[Tensor],
    settles_valid: Sequence[Tensor],
    settles_corrupted: Sequence[Tensor],
    corruption_mask: Tensor,
    *,
    temperature: float = 0.1,
) -> Tensor:
    """The loss of every scale, over all of its anchors and references: quadratic in the number of pixels.

    Anchors are the candidates of a scale under which the true mask is of one class. They are compared with each other
    and, except at the coarsest scale, with the (detached) embeddings of what the next coarser scale settled, labeled
    as it was settled there. All sequences are fine to coarse; each scale halves the resolution of the one before.

    Args:
        embeddings: ``[B, D, H_s, W_s]`` unit vectors.
        candidates: ``[B, 1, H_s, W_s]`` bool, in question at this scale (``ScaleDetection.candidates``).
        settles_valid: ``[B, 1, H_s, W_s]`` bool, settled at this scale itself.
        settles_corrupted: likewise.
        corruption_mask: ``[B, 1, H_0, W_0]`` bool, the truth at the size of the finest scale.
        temperature: of the similarities.

    Returns:
        ``[S]``: per scale the mean over anchors and then over images; an anchor without negatives, and an image without
        anchors, count 0.
    """
    losses: list[Tensor] = []
    for s, embedding in enumerate(embeddings):
        some = F.max_pool2d(corruption_mask.float(), 2**s, ceil_mode=True) > 0
        every = -F.max_pool2d(-corruption_mask.float(), 2**s, ceil_mode=True) > 0
        anchors, anchor = _pixels(embedding), _flags(candidates[s] & (every | ~some))
        corrupted = _flags(every)
        references, labels, present = [anchors], [corrupted], [anchor]
        if s + 1 < len(embeddings):
            references.append(_pixels(embeddings[s + 1].detach()))
            labels.append(_flags(settles_corrupted[s + 1]))
            present.append(_flags(settles_valid[s + 1] | settles_corrupted[s + 1]))
        loss = contrastive_loss(
            anchors,
            corrupted,
            torch.cat(references, dim=1),
            torch.cat(labels, dim=1),
            torch.cat(present, dim=1),
            temperature=temperature,
        )
        per_image = (loss * anchor).sum(dim=1) / anchor.sum(dim=1).clamp(min=1)
        losses.append(per_image.mean())
    return torch.stack(losses)


def contrastive_loss(
    anchors: Tensor,
    labels: Tensor,
    references: Tensor,
    reference_labels: Tensor,
    present: Tensor,
    *,
    temperature: float,
) -> Tensor:
    """``softplus(logsumexp(s_n / t) + logsumexp(-s_p / t))`` for every anchor of every image.

    Args:
        anchors: ``[B, A, D]`` unit vectors.
        labels: ``[B, A]`` bool.
        references: ``[B, R, D]`` unit vectors; ``s_p`` and ``s_n`` are the similarities of an anchor to those of its
            own label and of the other.
        reference_labels: ``[B, R]`` bool.
        present: ``[B, R]`` bool, which of the references count.
        temperature: ``t``.

    Returns:
        ``[B, A]``, 0 for an anchor that lacks positives or negatives.
    """
    similarity = anchors @ references.transpose(1, 2) / temperature
    same = (labels[:, :, None] == reference_labels[:, None, :]) & present[:, None, :]
    other = (labels[:, :, None] != reference_labels[:, None, :]) & present[:, None, :]
    usable = same.any(dim=2) & other.any(dim=2)
    # -1e4 instead of -inf keeps the gradient of rows that do not count free of NaN.
    negative = similarity.masked_fill(~other, -1e4).logsumexp(dim=2)
    positive = (-similarity).masked_fill(~same, -1e4).logsumexp(dim=2)
    return torch.where(usable, F.softplus(negative + positive), 0.0)


def _pixels(embedding: Tensor) -> Tensor:
    return embedding.flatten(2).transpose(1, 2)


def _flags(mask: Tensor) -> Tensor:
    return mask.flatten(1)
