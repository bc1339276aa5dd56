"""The hierarchical contrastive loss and its relatives (paper, section 3.2), over whole batches at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.functional.masks import pool_mask, shrink_mask
from hcl_sdk.functional.resize import resize
from hcl_sdk.functional.settling import erode_mask

LOWEST_TEMPERATURE = 0.02
"""At lower temperatures, exponentials of similarities are too large, and too small, for sums in float32."""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Anchors of one scale and the references that each is compared with, padded to the same number for every image.

    Attributes:
        anchors: ``[B, A, D]`` unit vectors, float32.
        labels: ``[B, A]`` bool, True = corrupted.
        is_anchor: ``[B, A]`` bool, False for padding.
        references: ``[B, R, D]``, of which the first ``A`` are the anchors themselves.
        reference_labels: ``[B, R]`` bool.
        is_reference: ``[B, R]`` bool, False for padding.
    """

    anchors: Tensor
    labels: Tensor
    is_anchor: Tensor
    references: Tensor
    reference_labels: Tensor
    is_reference: Tensor


def select_pairs(
    embeddings: Sequence[Tensor],
    candidates: Sequence[Tensor],
    settles_valid: Sequence[Tensor],
    settles_corrupted: Sequence[Tensor],
    corruption_mask: Tensor,
    *,
    confidence: Sequence[Tensor] | None = None,
    anchors: int | None = None,
    references: int | None = None,
    seed: int = 0,
) -> list[Pairs]:
    """Select the anchors and references of every scale, fine to coarse (paper, section 3.2).

    Anchors are the candidates of a scale under which the true mask is of one class. They are compared with each other
    and, except at the coarsest scale, with the (detached) embeddings of the pixels that the next coarser scale settled,
    under the labels settled there.

    Args:
        embeddings: ``[B, D, H_s, W_s]`` unit vectors, fine to coarse, as are all sequences.
        candidates: ``[B, 1, H_s, W_s]`` bool, in question at this scale (``ScaleDetection.candidates``).
        settles_valid: ``[B, 1, H_s, W_s]`` bool, settled at this scale itself.
        settles_corrupted: likewise.
        corruption_mask: ``[B, 1, H, W]`` bool, the truth, of any size: it is resized (nearest) to the finest scale.
        confidence: ``[B, 1, H_s, W_s]`` probability of *corrupted* by the scale's own clusters
            (``ScaleDetection.cluster_confidence``). If given, references are mined: up to half of them come from the
            edge of the settled region, and of these, and of the rest, half are the least and half the most confident.
            Without it they are drawn at random.
        anchors: the maximum number per image, drawn at random; None for all.
        references: the maximum number of settled pixels of either label per image; None for all.
        seed: random seed; the same places are drawn for all images of the batch, so that the draws for an image do not
            depend on the others. The global random state is neither used nor changed.
    """
    some = resize(corruption_mask, embeddings[0].shape[-2:])  # where any pixel is corrupted
    rest = ~some  # where any is valid
    pairs: list[Pairs] = []
    for s, embedding in enumerate(embeddings):
        size = embedding.shape[-2:]
        some, rest = _pool(some, size), _pool(rest, size)
        every = ~rest
        eligible = (candidates[s] & (every | ~some)).flatten(1)
        picked, is_anchor = _pick(eligible, _draw(eligible, seed + 2 * s), anchors)
        own = _gather(embedding.float().flatten(2), picked)
        labels = every.flatten(1).gather(1, picked)
        compared, compared_labels, present = [own], [labels], [is_anchor]
        if s + 1 < len(embeddings):
            coarser = embeddings[s + 1].detach().float().flatten(2)
            for settled, label in ((settles_valid[s + 1], False), (settles_corrupted[s + 1], True)):
                pixels = settled.flatten(1)
                if confidence is not None and references is not None:
                    pixels = _mine(settled, confidence[s + 1] if label else 1 - confidence[s + 1], references)
                chosen, is_chosen = _pick(pixels, _draw(pixels, seed + 2 * s + 1), references)
                compared.append(_gather(coarser, chosen))
                compared_labels.append(torch.full_like(is_chosen, label))
                present.append(is_chosen)
        pairs.append(
            Pairs(
                anchors=own,
                labels=labels,
                is_anchor=is_anchor,
                references=torch.cat(compared, dim=1),
                reference_labels=torch.cat(compared_labels, dim=1),
                is_reference=torch.cat(present, dim=1),
            )
        )
    return pairs


def hierarchical_contrastive_loss(pairs: Sequence[Pairs], *, temperature: float = 0.1) -> Tensor:
    """Compute ``softplus(logsumexp(s_n / t) + logsumexp(-s_p / t))`` of the similarities ``s_p`` and ``s_n`` of an
    anchor to references with its own and the other label (paper, section 3.2).

    An anchor is also a reference of itself; one that lacks positives or negatives counts as 0.

    Args:
        pairs: the pairs of every scale.
        temperature: ``t``, at least ``LOWEST_TEMPERATURE``.

    Returns:
        ``[S]``: for each scale the mean over anchors, then over images; an image without anchors counts as 0.

    Raises:
        ValueError: if the temperature is lower than that.
    """
    losses = []
    for each in pairs:
        similarity = _compute_similarity(each, temperature)
        # Sums by label as products with these, [B, R, 2]: many times faster than masks of every anchor and reference.
        kinds = torch.stack([~each.reference_labels, each.reference_labels], dim=2) & each.is_reference[..., None]
        of_kind = kinds.to(similarity.dtype)
        own = each.labels.long()[..., None]
        negative = (similarity.exp() @ of_kind).gather(2, 1 - own)[..., 0]
        positive = ((-similarity).exp() @ of_kind).gather(2, own)[..., 0]
        there = kinds.any(dim=1)[:, None, :].expand(-1, own.shape[1], -1)
        usable = (there.gather(2, own) & there.gather(2, 1 - own))[..., 0]
        # Where there is none, any number but 0 keeps the gradient free of NaN.
        logarithm = torch.where(usable, negative, 1.0).log() + torch.where(usable, positive, 1.0).log()
        losses.append(_average(torch.where(usable, F.softplus(logarithm), 0.0), each.is_anchor))
    return torch.stack(losses)


def info_nce_loss(pairs: Sequence[Pairs], *, temperature: float = 0.1) -> Tensor:
    """Compute ``mean over p of -log(e^(s_p / t) / (e^(s_p / t) + sum over n of e^(s_n / t)))``: each positive against
    all negatives (van den Oord et al., "Representation Learning with Contrastive Predictive Coding", 2018).

    An anchor is not its own positive. Arguments, results and errors are those of :func:`hierarchical_contrastive_loss`.
    """
    losses = []
    for each in pairs:
        similarity, same, other = _compare(each, temperature)
        same = same & ~_mark_anchors(same)
        # -1e4 instead of -inf keeps the gradient of rows that do not count free of NaN.
        negative = similarity.masked_fill(~other, -1e4).logsumexp(dim=2, keepdim=True)
        own = torch.where(same, F.softplus(negative - similarity), 0.0).sum(dim=2) / same.sum(dim=2).clamp(min=1)
        losses.append(_average(torch.where(other.any(dim=2), own, 0.0), each.is_anchor))
    return torch.stack(losses)


def supervised_contrastive_loss(pairs: Sequence[Pairs], *, temperature: float = 0.1) -> Tensor:
    """Compute ``mean over p of -log(e^(s_p / t) / sum over all others a of e^(s_a / t))`` (Khosla et al., "Supervised
    Contrastive Learning", NeurIPS 2020, equation 2).

    An anchor is not compared with itself. Arguments, results and errors are those of
    :func:`hierarchical_contrastive_loss`.
    """
    losses = []
    for each in pairs:
        similarity, same, other = _compare(each, temperature)
        same = same & ~_mark_anchors(same)
        everything = similarity.masked_fill(~(same | other), -1e4).logsumexp(dim=2, keepdim=True)
        own = torch.where(same, everything - similarity, 0.0).sum(dim=2) / same.sum(dim=2).clamp(min=1)
        losses.append(_average(torch.where(other.any(dim=2), own, 0.0), each.is_anchor))
    return torch.stack(losses)


def _compare(pairs: Pairs, temperature: float) -> tuple[Tensor, Tensor, Tensor]:
    """Compute similarities divided by the temperature, and which references have the same or the other label."""
    similarity = _compute_similarity(pairs, temperature)
    equal = pairs.labels[:, :, None] == pairs.reference_labels[:, None, :]
    present = pairs.is_reference[:, None, :]
    return similarity, equal & present, ~equal & present


def _compute_similarity(pairs: Pairs, temperature: float) -> Tensor:
    """Compute similarities divided by the temperature, ``[B, A, R]``."""
    if temperature < LOWEST_TEMPERATURE:
        raise ValueError(f"the temperature must be at least {LOWEST_TEMPERATURE}; got {temperature}")
    return (pairs.anchors / temperature) @ pairs.references.transpose(1, 2)


def _mark_anchors(same: Tensor) -> Tensor:
    """Mark the reference that is the anchor itself, ``[A, R]``."""
    return torch.eye(same.shape[1], same.shape[2], dtype=torch.bool, device=same.device)


def _average(loss: Tensor, is_anchor: Tensor) -> Tensor:
    """Average over the anchors of each image, then over images."""
    return ((loss * is_anchor).sum(dim=1) / is_anchor.sum(dim=1).clamp(min=1)).mean()


def _pool(mask: Tensor, size: Sequence[int]) -> Tensor:
    """Find for each pixel of the next coarser map whether any pixel of its patch is True."""
    height, width = mask.shape[-2:]
    stride = max(-(-height // size[0]), -(-width // size[1]))
    if (-(-height // stride), -(-width // stride)) == tuple(size):
        return pool_mask(mask, stride)
    return shrink_mask(mask, size)


def _draw(eligible: Tensor, seed: int) -> Tensor:
    """Draw a random number for every place, the same for all images."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(eligible.shape[1], generator=generator).to(eligible.device)


def _pick(eligible: Tensor, draws: Tensor, count: int | None) -> tuple[Tensor, Tensor]:
    """Pick at most ``count`` eligible places ``[B, N]``, those with the highest draws; also return which are valid."""
    places = eligible.shape[1]
    if count is None or count >= places:
        return torch.arange(places, device=eligible.device).expand_as(eligible), eligible
    # Not longer than the fullest image needs: cheap, and what is left out was padding.
    wanted = max(1, min(count, int(eligible.sum(dim=1).max())))
    picked = torch.where(eligible, draws, -1.0).topk(wanted, dim=1).indices
    return picked, eligible.gather(1, picked)


def _mine(settled: Tensor, confidence: Tensor, count: int) -> Tensor:
    """Mine the hardest and the easiest references ``[B, N]`` of one label, if there are more than ``count``."""
    inner = erode_mask(settled)
    pixels, edge = settled.flatten(1), (settled & ~inner).flatten(1)
    rest = inner.flatten(1)
    from_edge = edge.sum(dim=1).clamp(max=count // 2)
    from_rest = torch.minimum(count - from_edge, rest.sum(dim=1))
    certainty = confidence.flatten(1)
    mined = _select_extremes(edge, certainty, from_edge) | _select_extremes(rest, certainty, from_rest)
    is_large = pixels.sum(dim=1) > count
    return torch.where(is_large[:, None], mined, pixels)


def _select_extremes(group: Tensor, value: Tensor, count: Tensor) -> Tensor:
    """Select ``count[b]`` pixels of a group ``[B, N]``: half with the lowest and half with the highest values."""
    order = torch.where(group, value, torch.inf).argsort(dim=1, stable=True)
    rank = torch.empty_like(order).scatter_(
        1, order, torch.arange(group.shape[1], device=order.device).expand_as(order)
    )
    size = group.sum(dim=1)
    low = count // 2
    return group & ((rank < low[:, None]) | (rank >= (size - (count - low))[:, None]))


def _gather(pixels: Tensor, picked: Tensor) -> Tensor:
    """Gather ``[B, D, N]`` at ``[B, K]`` -> ``[B, K, D]``."""
    return pixels.gather(2, picked[:, None, :].expand(-1, pixels.shape[1], -1)).transpose(1, 2)
