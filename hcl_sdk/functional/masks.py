"""Checking and shrinking corruption masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.functional import arrays


def check_mask(corruption_mask: Tensor) -> None:
    """Reject anything that is not a mask.

    Raises:
        TypeError: if the mask is not bool.
        ValueError: if the mask is not ``[B, 1, H, W]``.
    """
    if corruption_mask.dtype != torch.bool:
        raise TypeError(
            f"corruption_mask must be a bool tensor, True = corrupted; got {corruption_mask.dtype} "
            f"(for a tensor of 0 and 1 write mask > 0.5)"
        )
    if corruption_mask.ndim != 4 or corruption_mask.shape[1] != 1:
        raise ValueError(f"corruption_mask must be [B, 1, H, W]; got shape {tuple(corruption_mask.shape)}")


def pool_mask(mask: Tensor, stride: int) -> Tensor:
    """Shrink a bool mask ``[B, 1, H, W]`` to ``[B, 1, ceil(H / stride), ceil(W / stride)]``: any True pixel counts."""
    return F.max_pool2d(mask.float(), stride, ceil_mode=True) > 0


def shrink_mask(mask: Tensor, size: Sequence[int]) -> Tensor:
    """Shrink a bool mask ``[B, 1, H, W]`` to ``[B, 1, *size]``: any True pixel counts, even if two share it."""
    if mask.device.type != "cpu" or torch.compiler.is_compiling():
        return F.adaptive_max_pool2d(mask.float(), (size[0], size[1])) > 0
    small = [arrays.shrink_mask(one, size) for one in mask[:, 0].numpy()]
    return torch.from_numpy(np.stack(small)[:, None])
