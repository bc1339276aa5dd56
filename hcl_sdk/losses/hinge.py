"""The hinge adversarial loss."""

from __future__ import annotations

import attrs
from attrs.validators import deep_iterable, ge, gt, min_len
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.interfaces import AdversarialLoss, component
from hcl_sdk.layers.discriminator import CHANNELS, PatchDiscriminator


@component
class HingeLoss(AdversarialLoss):
    """Adversarial loss with a margin: half the time of the one with a gradient penalty (Lim and Ye, "Geometric GAN",
    2017).

    The discriminator makes ``mean max(0, 1 - D(real)) + mean max(0, 1 + D(restored))`` small, the restorer
    ``-mean D(restored)``.

    Attributes:
        weight: factor in the sum of losses.
        lr: learning rate of the discriminator.
        channels: of the discriminator's convolutions.
    """

    weight: float = attrs.field(default=1.0, validator=ge(0))
    lr: float = attrs.field(default=1e-4, validator=gt(0))
    channels: tuple[int, ...] = attrs.field(default=CHANNELS, validator=[min_len(1), deep_iterable(ge(1))])

    def build(self) -> None:
        self.discriminator = PatchDiscriminator(self.channels)

    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
        return -self.discriminator(restored * 2 - 1).mean()

    def discriminator_loss(self, restored: Tensor, target: Tensor, corruption_mask: Tensor, *, seed: int) -> Tensor:
        real, fake = self.discriminator(target.detach() * 2 - 1), self.discriminator(restored.detach() * 2 - 1)
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
