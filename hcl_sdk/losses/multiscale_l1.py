"""A pixel loss over the filled region at several resolutions."""

from __future__ import annotations

import attrs
import torch
from attrs.validators import deep_iterable, ge
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.interfaces import RestorationLoss, component


@component
class MultiscaleL1Loss(RestorationLoss):
    """Mean absolute difference inside the hole: of pixels, of differences to neighbors, and of coarser images.

    For the latter two, the restored pixels are first inserted into the true image. Differences across the border of the
    hole count, too, which prevents seams. Coarser images, means over squares, keep the color of a fill right where its
    details cannot be known. Values are in [0, 1]. An image without a hole counts as 0.

    Attributes:
        weight: factor in the sum of losses.
        known: weight of a pixel outside the hole relative to one inside.
        gradient: factor of the differences to neighbors.
        coarse: factor of each coarser image.
        squares: side of the squares of the coarser images, in pixels.
    """

    weight: float = attrs.field(default=1.0, validator=ge(0))
    known: float = attrs.field(default=0.05, validator=ge(0))
    gradient: float = attrs.field(default=0.5, validator=ge(0))
    coarse: float = attrs.field(default=0.5, validator=ge(0))
    squares: tuple[int, ...] = attrs.field(default=(4, 16), validator=deep_iterable(ge(2)))

    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
        hole = corruption_mask.float()
        difference = restored.float() - target.float()
        factor = hole + self.known
        loss = _average_per_image(difference.abs() * factor, factor)
        difference = difference * hole  # of the composited image
        for dim in (2, 3):
            if self.gradient > 0 and restored.shape[dim] > 1:
                length = restored.shape[dim] - 1
                near = torch.maximum(hole.narrow(dim, 0, length), hole.narrow(dim, 1, length))
                loss = loss + self.gradient * _average_per_image(difference.diff(dim=dim).abs() * near, near)
        for square in self.squares:
            if self.coarse > 0:
                shares = F.avg_pool2d(hole, square, ceil_mode=True)
                pooled = F.avg_pool2d(difference, square, ceil_mode=True).abs()
                loss = loss + self.coarse * _average_per_image(pooled, shares)
        return (loss * corruption_mask.flatten(1).any(dim=1)).mean()


def _average_per_image(values: Tensor, weights: Tensor) -> Tensor:
    """Average each image by weight: sums of ``values``, already weighted, over channels and sums of weights."""
    return values.sum(dim=(1, 2, 3)) / values.shape[1] / weights.sum(dim=(1, 2, 3)).clamp(min=1e-6)
