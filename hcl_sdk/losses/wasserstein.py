"""The published adversarial loss."""

from __future__ import annotations

import attrs
import torch
from attrs.validators import deep_iterable, ge, gt, min_len
from torch import Tensor

from hcl_sdk.interfaces import AdversarialLoss, component
from hcl_sdk.layers.discriminator import CHANNELS, PatchDiscriminator


@component
class WassersteinLoss(AdversarialLoss):
    """Wasserstein distance between real and restored images, with a gradient penalty (paper, section 3.4; Gulrajani et
    al., "Improved Training of Wasserstein GANs", NeurIPS 2017).

    The discriminator makes ``mean D(restored) - mean D(real) + penalty * mean (|gradient of D| - 1)^2`` small, the
    gradient taken at a mixture of both with one random factor a batch; the restorer ``-mean D(restored)``.

    Attributes:
        weight: factor in the sum of losses.
        lr: learning rate of the discriminator.
        penalty: factor of the gradient penalty.
        channels: of the discriminator's convolutions.
    """

    weight: float = attrs.field(default=1.0, validator=ge(0))
    lr: float = attrs.field(default=1e-4, validator=gt(0))
    penalty: float = attrs.field(default=10.0, validator=ge(0))
    channels: tuple[int, ...] = attrs.field(default=CHANNELS, validator=[min_len(1), deep_iterable(ge(1))])

    def build(self) -> None:
        self.discriminator = PatchDiscriminator(self.channels)

    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
        return -self.discriminator(restored * 2 - 1).mean()

    def discriminator_loss(self, restored: Tensor, target: Tensor, corruption_mask: Tensor, *, seed: int) -> Tensor:
        fake, real = restored.detach() * 2 - 1, target.detach() * 2 - 1
        factor = float(torch.rand((), generator=torch.Generator().manual_seed(seed)))
        mixed = (factor * real + (1 - factor) * fake).requires_grad_()
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(self.discriminator(mixed).sum(), mixed, create_graph=True)
        # The gradient of a score that does not depend on the image is 0, where the norm has no derivative.
        length = (gradient.flatten(1).square().sum(dim=1) + 1e-12).sqrt()
        distance = self.discriminator(fake).mean() - self.discriminator(real).mean()
        return distance + self.penalty * (length - 1).square().mean()
