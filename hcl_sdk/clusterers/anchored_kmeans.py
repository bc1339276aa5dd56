"""Soft 2-means of each image, starting from learned centers and moving only as far as the image justifies."""

from __future__ import annotations

import math

import attrs
import torch
from attrs.validators import ge, gt, le
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk.interfaces import Clusterer, Clusters, component


@component
class AnchoredKMeans(Clusterer):
    """Compares the regions of an image with each other, like the published clusterer, but can also find a single class.

    Soft spherical 2-means (paper, section 3.2) whose two centers have a prior: learned prototypes, as in
    :class:`~hcl_sdk.Prototypes`. A center is the most probable one given its pixels and its prior, which counts as much
    as a learned share of the image's pixels (the posterior mode of the mean direction of a von Mises-Fisher
    distribution under a conjugate prior; Mardia and El-Atoum, Biometrika 1976). A center with many pixels is thus
    determined by the image, and one without any, like the corrupted one of a clean photo, stays at its prototype, far
    from every pixel; nothing is forced into two clusters. Gradients flow through the updates.

    Attributes:
        iterations: number of updates of the centers; 0 leaves them at the prototypes.
        strength: initial weight of either center's prior, as a share of the image's pixels. Learned.
        temperature: softness of the assignment, by cosine distance.
    """

    exportable = True

    iterations: int = attrs.field(default=2, validator=[ge(0), le(100)])
    # Bounded like the temperature, because float32 cannot represent what extreme values lead to.
    strength: float = attrs.field(default=0.1, validator=[gt(0), le(1000)])
    temperature: float = attrs.field(default=0.1, validator=[ge(0.001), le(100)])

    def build(self, dim: int) -> None:
        self.prototypes = nn.Parameter(nn.init.orthogonal_(torch.empty(2, dim)))
        self.bias = nn.Parameter(torch.zeros(()))
        self.log_strength = nn.Parameter(torch.full((2,), math.log(self.strength)))

    def forward(self, embedding: Tensor, candidates: Tensor, *, seed: int = 0) -> Clusters:
        pixels, weight = embedding.flatten(2), candidates.flatten(1).to(embedding.dtype)
        anchors = F.normalize(self.prototypes, dim=1)
        prior = self.log_strength.exp()[:, None] * anchors
        centers = anchors.expand(embedding.shape[0], -1, -1)
        share = weight / weight.shape[1]
        for _ in range(self.iterations):
            second = self._assign(pixels, centers)
            shares = torch.stack([(1 - second) * share, second * share], dim=1)
            centers = F.normalize(prior + torch.einsum("bkn,bdn->bkd", shares, pixels), dim=2)
        return Clusters(centers=centers, assignment=self._assign(pixels, centers).view_as(candidates))

    def _assign(self, pixels: Tensor, centers: Tensor) -> Tensor:
        difference = centers[:, 1] - centers[:, 0]
        return (torch.einsum("bdn,bd->bn", pixels, difference) / self.temperature + self.bias).sigmoid()

    def corruption_logits(self, centers: Tensor) -> Tensor | None:
        return torch.tensor([-1.0, 1.0], device=centers.device).expand(centers.shape[0], -1)

    @property
    def is_ordered(self) -> bool:
        return True
