"""A loss of each sort."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk import AdversarialLoss, Detection, DetectionLoss, RestorationLoss, component


@component
class Separation(DetectionLoss):
    weight: float = attrs.field(default=1.0, validator=attrs.validators.ge(0))

    def forward(self, detection: Detection, corruption_mask: Tensor, *, seed: int = 0) -> Tensor:
        embedding = detection.embeddings[0]
        corrupted = F.adaptive_max_pool2d(corruption_mask.float(), embedding.shape[-2:])
        means = []
        for share in (corrupted, 1 - corrupted):
            total = (embedding * share).sum(dim=(2, 3))
            means.append(total / share.sum(dim=(2, 3)).clamp(min=1))
        return (1 + (means[0] * means[1]).sum(dim=1)).mean()


@component
class Charbonnier(RestorationLoss):
    weight: float = attrs.field(default=1.0, validator=attrs.validators.ge(0))

    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
        return ((restored - target).square() + 1e-6).sqrt().mean()


@component
class Critic(AdversarialLoss):
    weight: float = attrs.field(default=0.1, validator=attrs.validators.ge(0))
    lr: float = attrs.field(default=1e-3, validator=attrs.validators.gt(0))

    def make_discriminator(self) -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 3, padding=1))

    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
        return F.softplus(-self.discriminator(restored)).mean()

    def discriminator_loss(self, restored: Tensor, target: Tensor, corruption_mask: Tensor, *, seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        smooth = 1 - 0.1 * float(torch.rand((), generator=generator))
        fake, real = self.discriminator(restored), self.discriminator(target)
        return F.softplus(fake).mean() + smooth * F.softplus(-real).mean()
