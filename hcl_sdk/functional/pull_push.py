"""A smooth fill from the known pixels around a hole (Gortler et al., "The Lumigraph", SIGGRAPH 1996, section 3.6)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.functional.resize import resize

LEVELS = 10
"""Number of halvings: holes up to ``2 ** LEVELS`` pixels wide are filled from their surroundings."""


def pull_push(image: Tensor, corruption_mask: Tensor) -> Tensor:
    """Fill corrupted pixels with averages of valid ones, from farther away the deeper they are in the hole.

    Pull: the image is halved again and again, each time averaging the known pixels. Push: from coarse to fine, unknown
    pixels are taken from the next coarser level. The middle of a large hole is thus filled from its wide surroundings,
    and its border from nearby.

    Args:
        image: ``[B, C, H, W]``, float. Values under the mask have no influence.
        corruption_mask: ``[B, 1, H, W]`` bool, True = corrupted.

    Returns:
        ``[B, C, H, W]``: ``image`` where it is known; 0.5 everywhere if nothing is.
    """
    known = (~corruption_mask).to(image.dtype)
    values, weights = [image.masked_fill(corruption_mask, 0)], [known]
    for _ in range(LEVELS):
        # A whole number of squares, also in an export; pixels beyond the border are unknown.
        pooled = F.avg_pool2d(F.pad(torch.cat([values[-1], weights[-1]], dim=1), (0, 1, 0, 1)), 2)
        total = pooled[:, -1:]
        # A square counts as fully known as soon as one of its pixels is (ibid.).
        weight = (4 * total).clamp(max=1)
        values.append(pooled[:, :-1] / total.clamp(min=1e-6) * weight)
        weights.append(weight)
    filled = torch.where(weights[-1] > 0, values[-1], 0.5)
    for value, weight in zip(reversed(values[:-1]), reversed(weights[:-1]), strict=True):
        filled = value + (1 - weight) * resize(filled, value.shape[-2:], "bilinear")
    return torch.where(corruption_mask, filled, image)
