"""The parts of a detector."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk import Clusterer, Clusters, Encoder, Head, Interaction, Pyramid, PyramidSpec, component


@component
class PlainEncoder(Encoder):
    channels: tuple[int, ...] = attrs.field(
        default=(8, 12), validator=attrs.validators.deep_iterable(attrs.validators.ge(1), attrs.validators.min_len(1))
    )

    def build(self) -> None:
        widths = (3, *self.channels)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1), nn.GELU())
            for a, b in zip(widths, self.channels, strict=False)
        )

    @property
    def spec(self) -> PyramidSpec:
        return PyramidSpec(channels=self.channels, strides=tuple(2 ** (s + 1) for s in range(len(self.channels))))

    def forward(self, image: Tensor) -> Pyramid:
        maps = []
        for layer in self.layers:
            maps.append(layer(maps[-1] if maps else image * 2 - 1))
        return Pyramid(maps=tuple(maps), spec=self.spec)


@component
class Addition(Interaction):
    def build(self, spec: PyramidSpec) -> None:
        self._spec = spec
        pairs = zip(spec.channels[1:], spec.channels, strict=False)
        self.views = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for coarse, fine in pairs)

    @property
    def spec(self) -> PyramidSpec:
        return self._spec

    def forward(self, pyramid: Pyramid) -> Pyramid:
        maps = list(pyramid.maps)
        for i in reversed(range(len(maps) - 1)):
            view = F.interpolate(self.views[i](maps[i + 1]), maps[i].shape[-2:], mode="nearest")
            maps[i] = maps[i] + view
        return pyramid.with_maps(maps)


@component
class LinearHead(Head):
    dim: int = attrs.field(default=6, validator=attrs.validators.ge(1))

    def build(self, spec: PyramidSpec) -> None:
        self.maps = nn.ModuleList(nn.Conv2d(c, self.dim, 1) for c in spec.channels)

    def forward(self, pyramid: Pyramid) -> tuple[Tensor, ...]:
        return tuple(F.normalize(linear(m), dim=1) for linear, m in zip(self.maps, pyramid.maps, strict=True))


@component
class MeanAndFarthest(Clusterer):
    temperature: float = attrs.field(default=0.1, validator=attrs.validators.gt(0))

    def build(self, dim: int) -> None:
        """There are no layers to make."""

    def forward(self, embedding: Tensor, candidates: Tensor, *, seed: int = 0) -> Clusters:
        mean = F.normalize((embedding * candidates).sum(dim=(2, 3)), dim=1)
        similarity = torch.einsum("bd,bdhw->bhw", mean, embedding)[:, None]
        farthest = similarity.masked_fill(~candidates, torch.inf).flatten(1).argmin(dim=1)
        other = torch.stack([pixels[:, i] for pixels, i in zip(embedding.flatten(2), farthest, strict=True)])
        some = candidates.flatten(1).any(dim=1)
        centers = torch.stack([mean, other], dim=1) * some[:, None, None]
        distance = 1 - torch.einsum("bkd,bdhw->bkhw", centers, embedding)
        return Clusters(centers=centers, assignment=(-distance / self.temperature).softmax(dim=1)[:, 1:])

    def corruption_logits(self, centers: Tensor) -> Tensor | None:
        return None
