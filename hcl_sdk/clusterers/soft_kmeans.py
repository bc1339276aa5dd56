"""The published clusterer: soft spherical 2-means of each image, and a classifier of its centers."""

from __future__ import annotations

import attrs
import torch
from attrs.validators import ge, le
from torch import Tensor, nn

from hcl_sdk.functional.kmeans import soft_two_means
from hcl_sdk.interfaces import Clusterer, Clusters, component


@component
class SoftKMeans(Clusterer):
    """Soft spherical 2-means over the pixels in question, separately for each image (paper, section 3.2).

    Attributes:
        iterations: the maximum number of updates of the centers.
        repeats: number of restarts from other random pixels; the best one is kept.
        temperature: softness of the assignment, by cosine distance.
        classifier: learn to tell from a center whether it belongs to corrupted pixels. Without it the smaller
            cluster is taken for the corrupted one.
        one_class: allow images with a single class. If the classifier puts both centers on the same side, nothing
            is corrupted, or everything is, and a pixel's confidence is the mean of the centers' confidences, weighted
            by its assignment. The published method always finds two classes (False).
    """

    exportable = True

    # Bounded, because configurations come from strangers, and large values would only cost time.
    iterations: int = attrs.field(default=3, validator=[ge(1), le(100)])
    repeats: int = attrs.field(default=1, validator=[ge(1), le(100)])
    temperature: float = attrs.field(default=0.1, validator=[ge(0.001), le(100)])
    classifier: bool = True
    one_class: bool = attrs.field(default=True)

    @one_class.validator  # pyright: ignore[reportAttributeAccessIssue]
    def _has_classifier(self, attribute: attrs.Attribute[bool], value: bool) -> None:
        if value and not self.classifier:
            raise ValueError(
                "SoftKMeans(one_class=True) needs the classifier, which says whether both centers are of one class; "
                "set classifier=True or one_class=False"
            )

    def build(self, dim: int) -> None:
        self.score = (
            nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, 1)) if self.classifier else nn.Identity()
        )

    def forward(self, embedding: Tensor, candidates: Tensor, *, seed: int = 0) -> Clusters:
        centers, second = soft_two_means(
            embedding.detach().flatten(2),  # nothing is learned through the clusters (paper, section 3.2)
            candidates.flatten(1),
            self.start(candidates, seed),
            iterations=self.iterations,
            temperature=self.temperature,
        )
        return Clusters(centers=centers, assignment=second.view_as(candidates))

    def start(self, candidates: Tensor, seed: int) -> Tensor:
        """Draw which candidate of an image is its first center, for every restart: ``[B, repeats]`` int64.

        The draws are the same for all images, as fractions of their number of candidates, so that an image's result
        does not depend on its batch.
        """
        draws = torch.rand(self.repeats, generator=torch.Generator().manual_seed(seed)).to(candidates.device)
        count = candidates.flatten(1).sum(dim=1)
        return (draws * count[:, None]).long().clamp(max=(count[:, None] - 1).clamp(min=0))

    def corruption_logits(self, centers: Tensor) -> Tensor | None:
        # The classifier is trained to give valid centers the higher score, as in the published checkpoints.
        return -self.score(centers)[..., 0] if self.classifier else None

    @property
    def finds_one_class(self) -> bool:
        return self.one_class
