"""The published adversarial loss."""

from __future__ import annotations

import attrs
import torch
from attrs.validators import ge
from torch import Tensor

from hcl_sdk.interfaces import component
from hcl_sdk.losses.patch_adversarial import PatchAdversarialLoss


@component
class WassersteinLoss(PatchAdversarialLoss):
    """Wasserstein distance between true and restored images, with a gradient penalty (paper, section 3.4; Gulrajani et
    al., "Improved Training of Wasserstein GANs", NeurIPS 2017).

    The discriminator minimizes ``mean D(restored) - mean D(true) + penalty * mean (|G| - 1)^2``, the restorer
    ``-mean D(restored)``. G is the gradient of the sum of an image's scores with respect to the image in [-1, 1],
    at a mixture of the true and the restored image, with one random factor per batch.

    Attributes:
        weight: factor in the sum of losses.
        lr: learning rate of the discriminator.
        channels: channels of the discriminator's convolutions, each of which halves the size.
        penalty: factor of the gradient penalty.
    """

    penalty: float = attrs.field(default=10.0, validator=ge(0))

    def discriminator_loss(self, restored: Tensor, target: Tensor, corruption_mask: Tensor, *, seed: int) -> Tensor:
        fake, real = restored.detach().float() * 2 - 1, target.detach().float() * 2 - 1
        factor = float(torch.rand((), generator=torch.Generator().manual_seed(seed)))
        with torch.enable_grad():
            mixed = (factor * real + (1 - factor) * fake).requires_grad_()
            (gradient,) = torch.autograd.grad(self.compute_scores(mixed).sum(), mixed, create_graph=True)
        # Where the scores do not depend on the image, the gradient is 0 and its norm has no derivative.
        norm = (gradient.flatten(1).square().sum(dim=1) + 1e-12).sqrt()
        distance = self.compute_scores(fake).mean() - self.compute_scores(real).mean()
        return distance + self.penalty * (norm - 1).square().mean()
