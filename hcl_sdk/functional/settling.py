"""Selection of the pixels that a scale settles for good, from coarse to fine (paper, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def select_most_certain(values: Tensor, among: Tensor, share: float) -> Tensor:
    """Select the ``share`` of the pixels ``among`` with the highest ``values``, per image; the count is truncated.

    Args:
        values: ``[B, 1, H, W]``, at least 0.
        among: ``[B, 1, H, W]`` bool.
        share: in [0, 1].

    Returns:
        ``[B, 1, H, W]`` bool, a subset of ``among``.
    """
    if share in (0, 1):  # nothing to sort
        return among & bool(share)
    flat = values.masked_fill(~among, -1.0).flatten(1)
    rank = flat.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    exact = torch.float32 if values.device.type == "mps" else torch.float64  # no float64 there
    count = (among.flatten(1).sum(dim=1, keepdim=True).to(exact) * share).floor()
    return (rank < count).view_as(among) & among


def erode_mask(mask: Tensor) -> Tensor:
    """Erode a bool mask ``[B, 1, H, W]`` to the pixels whose 8 neighbors are all in it; the border is replicated."""
    return -F.max_pool2d(-mask.float(), 3, stride=1, padding=1) > 0
