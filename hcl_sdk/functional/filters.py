"""Gaussian blur, and what it removes."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def blur(image: Tensor, sigma: float) -> Tensor:
    """Blur ``[B, C, H, W]`` with a Gaussian, cut off at three sigma; the outermost pixels are repeated beyond.

    Args:
        image: ``[B, C, H, W]``, float.
        sigma: of the Gaussian, in pixels, > 0.

    Returns:
        ``[B, C, H, W]``.
    """
    reach = math.ceil(3 * sigma)
    kernel = [math.exp(x**2 / (-2 * sigma**2)) for x in range(-reach, reach + 1)]
    for dim, pad in ((2, (0, 0, reach, reach)), (3, (reach, reach, 0, 0))):
        padded, extent = F.pad(image, pad, mode="replicate"), image.shape[dim]
        image = torch.zeros_like(image)  # depthwise convolutions are slow on CPUs
        for x, weight in enumerate(kernel):
            image.add_(padded.narrow(dim, x, extent), alpha=weight / sum(kernel))
    return image


def measure_grain(image: Tensor) -> Tensor:
    """Measure the variance of the finest details of ``[B, C, H, W]``, the mean of all channels: ``[B, 1, H, W]``."""
    return (image - blur(image, 1.0)).square().mean(1, keepdim=True)
