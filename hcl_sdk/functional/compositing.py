"""Blending weights for compositing a restored image over its photo: dilated masks and feathered alpha."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hcl_sdk.functional import arrays
from hcl_sdk.functional.masks import check_mask


def feathered_alpha(corruption_mask: Tensor, dilate: float, feather: float) -> Tensor:
    """Compute the weight of the restored image in every pixel: 1 on the mask, 0 far away.

    Args:
        corruption_mask: ``[B, 1, H, W]`` bool, True = corrupted.
        dilate: pixels by which the mask grows in every direction (Euclidean), >= 0.
        feather: width in pixels of the rim around the grown mask over which alpha falls, >= 0.

    Returns:
        ``[B, 1, H, W]`` float32 in [0, 1]: exactly 1 within ``dilate`` of the mask, exactly 0 from ``dilate + feather``
        on, half a cosine wave in between; on the mask's device. With ``dilate = feather = 0`` it is the mask.

    Raises:
        TypeError: if the mask is not bool, or a width is not a number.
        ValueError: if the mask is not ``[B, 1, H, W]``, or a width is negative or not finite.

    >>> mask = torch.zeros(1, 1, 1, 6, dtype=torch.bool)
    >>> mask[..., 0] = True
    >>> feathered_alpha(mask, dilate=1, feather=2).flatten().tolist()
    [1.0, 1.0, 0.5, 0.0, 0.0, 0.0]
    """
    check_mask(corruption_mask)
    alpha = np.empty(corruption_mask.shape, np.float32)
    for i, mask in enumerate(corruption_mask[:, 0].cpu().numpy()):
        alpha[i, 0] = arrays.feathered_alpha(mask, dilate, feather)
    return torch.from_numpy(alpha).to(corruption_mask.device)
