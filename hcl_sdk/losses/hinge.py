"""The hinge adversarial loss."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.interfaces import component
from hcl_sdk.losses.patch_adversarial import PatchAdversarialLoss


@component
class HingeLoss(PatchAdversarialLoss):
    """Adversarial loss with a margin (Lim and Ye, "Geometric GAN", 2017).

    The discriminator, that of :class:`WassersteinLoss` without the penalty, minimizes ``mean max(0, 1 - D(true)) +
    mean max(0, 1 + D(restored))``; the restorer minimizes ``-mean D(restored)``.

    Attributes:
        weight: factor in the sum of losses.
        lr: learning rate of the discriminator.
        channels: channels of the discriminator's convolutions, each of which halves the size.
    """

    def discriminator_loss(self, restored: Tensor, target: Tensor, corruption_mask: Tensor, *, seed: int) -> Tensor:
        fake, real = (self.compute_scores(image.detach().float() * 2 - 1) for image in (restored, target))
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
