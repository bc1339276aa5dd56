"""A loss of pytorch-metric-learning as a detection loss."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import attrs
import torch
from attrs.validators import ge
from torch import Tensor
from torch.nn import functional as F

from hcl_metric_learning.library import make_loss, take_first_line
from hcl_sdk import Detection, DetectionLoss, component
from hcl_sdk.functional.contrastive import Pairs
from hcl_sdk.losses.contrastive import collect_pairs

_Value = bool | int | float | str | None


@component
class MetricLearningLoss(DetectionLoss):
    """A loss of pytorch-metric-learning over the anchors and references of the published loss.

    At every scale, the embeddings in question are anchors. They are compared with each other and with the embeddings
    that the next coarser scale settled, which are references without a gradient (paper, section 3.2; see
    :func:`hcl_sdk.functional.contrastive.select_pairs`). The labels are *valid* and *corrupted*. The library's loss is
    called separately for each image and scale, with all pairs of different embeddings, or with triplets if it takes
    triplets. The result is the sum over the scales of the mean over the images.

    Losses that learn weights for every class, that are made of other losses, or that only compare anchors with anchors
    cannot be used.

    Attributes:
        weight: factor in the sum of losses.
        loss: a loss class of the library, such as ``NTXentLoss``, ``SupConLoss`` or ``TripletMarginLoss``.
        options: its parameters that are numbers, strings or booleans; others keep the library's defaults.
        distance: a distance class of the library, such as ``LpDistance``; None for the default of the loss.
        distance_options: its parameters.
        reducer: a reducer class of the library, such as ``MeanReducer``; None for the default of the loss.
        reducer_options: its parameters.
        anchors: the maximum number of anchors per image and scale. Some losses, such as ``NTXentLoss``, store a number
            for every combination of a positive and a negative pair; their memory grows with the square of ``anchors``
            and of ``references``.
        references: the maximum number of references of either label per image and scale.
        hard_mining: take the least and the most confident references, and those at edges, instead of random ones.
        triplets: for losses over triplets, the number of random triplets per anchor.

    Raises:
        ValueError: for an unknown class or parameter, or one that the library refuses or cannot compute with.

    Example:
        >>> MetricLearningLoss(loss="NTXentLoss", options={"temprature": 0.1})
        Traceback (most recent call last):
        ValueError: options.temprature: NTXentLoss has no such parameter; did you mean 'temperature'?
    """

    weight: float = attrs.field(default=1.0, validator=ge(0))
    loss: str
    options: dict[str, _Value] = attrs.field(factory=dict)
    distance: str | None = None
    distance_options: dict[str, _Value] = attrs.field(factory=dict)
    reducer: str | None = None
    reducer_options: dict[str, _Value] = attrs.field(factory=dict)
    anchors: int = attrs.field(default=32, validator=ge(1))
    references: int = attrs.field(default=16, validator=ge(1))
    hard_mining: bool = True
    triplets: int = attrs.field(default=64, validator=ge(1))

    @classmethod
    def testing_example(cls, folder: Path) -> MetricLearningLoss:
        """Make one, for the conformance kit."""
        return cls(loss="NTXentLoss")

    def build(self) -> None:
        """Make the library's loss and try it."""
        self.criterion: Any = make_loss(
            self.loss, self.options, self.distance, self.distance_options, self.reducer, self.reducer_options
        )
        generator = torch.Generator().manual_seed(0)
        reference = F.normalize(torch.randn(8, 4, generator=generator), dim=1)
        labels = torch.arange(8) % 2 == 0
        try:
            value = self._compare(reference[:6], labels[:6], reference, labels, seed=0)
            got = value.item() if isinstance(value, Tensor) and value.numel() == 1 else f"a {type(value).__name__}"
        except Exception as error:  # the library accepts parameters that it cannot compute with
            raise ValueError(f"{self._describe()} cannot be computed: {take_first_line(error)}") from error
        if not isinstance(got, float) or not math.isfinite(got):
            raise ValueError(f"{self._describe()} gives {got} for a few embeddings; expected a finite number")

    def forward(self, detection: Detection, corruption_mask: Tensor, *, seed: int = 0) -> Tensor:
        pairs = collect_pairs(
            detection,
            corruption_mask,
            anchors=self.anchors,
            references=self.references,
            hard_mining=self.hard_mining,
            seed=seed,
        )
        return torch.stack([self._compute_scale(each, seed + s) for s, each in enumerate(pairs)]).sum()

    def _compute_scale(self, pairs: Pairs, seed: int) -> Tensor:
        """Compute the mean over the images; an image without anchors counts as 0."""
        losses = []
        for b in range(len(pairs.anchors)):
            is_anchor, is_reference = pairs.is_anchor[b], pairs.is_reference[b]
            anchors, references = pairs.anchors[b][is_anchor], pairs.references[b][is_reference]
            # The anchors are the first references, so their indices agree.
            labels, reference_labels = pairs.labels[b][is_anchor], pairs.reference_labels[b][is_reference]
            losses.append(
                self._compare(anchors, labels, references, reference_labels, seed).reshape(())
                if len(anchors)
                else anchors.sum()
            )
        return torch.stack(losses).mean()

    def _compare(self, anchors: Tensor, labels: Tensor, references: Tensor, ref_labels: Tensor, seed: int) -> Tensor:
        """Call the library's loss with anchors ``[A, D]`` and references ``[R, D]``, the first ``A`` being the anchors.

        Labels are bool.
        """
        same = labels[:, None] == ref_labels[None, :]
        other = ~same
        same[:, : len(anchors)].fill_diagonal_(False)
        if hasattr(self.criterion, "triplets_per_anchor"):
            indices = _draw_triplets(same, other, self.triplets, seed)
        else:
            indices = (*same.nonzero(as_tuple=True), *other.nonzero(as_tuple=True))
        return self.criterion(
            anchors, labels.long(), indices_tuple=indices, ref_emb=references, ref_labels=ref_labels.long()
        )

    def _describe(self) -> str:
        given = {
            "options": self.options,
            "distance": self.distance,
            "distance_options": self.distance_options,
            "reducer": self.reducer,
            "reducer_options": self.reducer_options,
        }
        return ", ".join([self.loss, *(f"{name} {value}" for name, value in given.items() if value)])


def _draw_triplets(same: Tensor, other: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw ``count`` random triplets for every anchor that has a positive and a negative.

    Args:
        same: ``[A, R]`` bool, which references are positives of an anchor.
        other: ``[A, R]`` bool, which are negatives.
        count: the number of triplets per anchor.
        seed: of the random draws.

    Returns:
        Indices of anchors, positives and negatives, ``[T]`` each.
    """
    usable = (same.any(dim=1) & other.any(dim=1)).nonzero()[:, 0]
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.rand(2, len(usable), count, generator=generator).to(same.device)
    chosen = []
    for of_kind, numbers in zip((same[usable], other[usable]), drawn, strict=True):
        first = of_kind.byte().argsort(dim=1, descending=True, stable=True)
        place = (numbers * of_kind.sum(dim=1, keepdim=True)).long()
        chosen.append(first.gather(1, place).flatten())
    return usable.repeat_interleave(count), chosen[0], chosen[1]
