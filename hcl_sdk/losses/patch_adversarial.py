"""The base of adversarial losses with the published discriminator."""

from __future__ import annotations

import attrs
import torch
from attrs.validators import deep_iterable, ge, gt, min_len
from torch import Tensor

from hcl_sdk.interfaces import AdversarialLoss, component
from hcl_sdk.layers.discriminator import PatchDiscriminator


@component
class PatchAdversarialLoss(AdversarialLoss):
    """Base of losses whose discriminator is a :class:`~hcl_sdk.layers.discriminator.PatchDiscriminator`.

    The restorer minimizes ``-mean D(restored)``. Images are scaled to [-1, 1] for the discriminator. The mask is not
    used.

    Attributes:
        weight: factor in the sum of losses.
        lr: learning rate of the discriminator.
        channels: channels of the discriminator's convolutions, each of which halves the size.
    """

    weight: float = attrs.field(default=1.0, validator=ge(0))
    lr: float = attrs.field(default=1e-4, validator=gt(0))
    channels: tuple[int, ...] = attrs.field(
        default=(64, 128, 128, 256, 512), validator=[min_len(1), deep_iterable(ge(1))]
    )

    def make_discriminator(self) -> PatchDiscriminator:
        return PatchDiscriminator(self.channels)

    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
        learning = [parameter for parameter in self.discriminator.parameters() if parameter.requires_grad]
        try:
            for parameter in learning:  # this side's gradients are the restorer's alone
                parameter.requires_grad_(False)
            return -self.compute_scores(restored.float() * 2 - 1).mean()
        finally:
            for parameter in learning:
                parameter.requires_grad_(True)

    def compute_scores(self, image: Tensor) -> Tensor:
        """Compute the discriminator's scores of images in [-1, 1], in float32 regardless of autocast."""
        with torch.autocast(image.device.type, enabled=False):
            return self.discriminator(image)
