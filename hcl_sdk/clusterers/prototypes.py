"""Fixed learned centers instead of clustering."""

from __future__ import annotations

import attrs
import torch
from attrs.validators import ge, le
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk.interfaces import Clusterer, Clusters, component


@component
class Prototypes(Clusterer):
    """Assigns pixels to one learned center per class, the same for all images and scales.

    Nothing is random or iterative, so it is fast, deterministic and exportable, and gradients flow through the
    assignment. If an image has only one class, all of its pixels are near one center. What it gives up is the point of
    the published method: comparing the regions of an image with each other. Prototypes for dense prediction: Zhou et
    al., "Rethinking Semantic Segmentation: A Prototype View", CVPR 2022, section 3.

    Attributes:
        temperature: softness of the assignment, by cosine distance.
    """

    exportable = True

    temperature: float = attrs.field(default=0.1, validator=[ge(0.001), le(100)])

    def build(self, dim: int) -> None:
        self.prototypes = nn.Parameter(nn.init.orthogonal_(torch.empty(2, dim)))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, embedding: Tensor, candidates: Tensor, *, seed: int = 0) -> Clusters:
        valid, corrupted = F.normalize(self.prototypes, dim=1)
        logit = torch.einsum("bdhw,d->bhw", embedding, corrupted - valid)[:, None] / self.temperature + self.bias
        centers = torch.stack([valid, corrupted]).expand(embedding.shape[0], -1, -1)
        return Clusters(centers=centers, assignment=logit.sigmoid())

    def corruption_logits(self, centers: Tensor) -> Tensor | None:
        return torch.tensor([-1.0, 1.0], device=centers.device).expand(centers.shape[0], -1)

    @property
    def is_ordered(self) -> bool:
        return True
