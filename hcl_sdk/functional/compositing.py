"""Where a restored picture is laid over its photo, and how strongly: dilated masks and feathered alpha."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from hcl_sdk.functional.masks import check_mask


def feathered_alpha(corruption_mask: Tensor, dilate: float, feather: float) -> Tensor:
    """How much of the restored picture every pixel gets: all of it on the mask, none of it far away.

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
    for name, width in (("dilate", dilate), ("feather", feather)):
        if not isinstance(width, int | float) or isinstance(width, bool):
            raise TypeError(f"{name} must be a number of pixels; got {width!r} ({type(width).__name__})")
        if not 0 <= width < math.inf:
            raise ValueError(f"{name} must be a number of pixels >= 0; got {width!r}")
    alpha = np.zeros(corruption_mask.shape, np.float32)
    for i, mask in enumerate(corruption_mask[:, 0].cpu().numpy()):
        box = _box(mask, margin=math.ceil(dilate + feather))
        distance = _distance(mask[box])
        weight = (distance <= dilate).astype(np.float64)
        # 1 and 0 are stated, not left to rounding: what lies beyond has to stay bit-identical to the photo.
        rim = (distance > dilate) & (distance < dilate + feather)
        weight[rim] = 0.5 + 0.5 * np.cos(np.pi * (distance[rim] - dilate) / feather)
        alpha[i, 0][box] = weight
    return torch.from_numpy(alpha).to(corruption_mask.device)


def _distance(mask: np.ndarray) -> np.ndarray:
    """Distance of every pixel from the nearest True one; an array without pixels stays so."""
    return distance_transform_edt(~mask) if mask.size else np.zeros(mask.shape)  # pyright: ignore[reportReturnType]


def _box(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    """The slices of the box around the True pixels, wider by ``margin``, inside the array; without pixels if none are.

    Distances cost time and tens of bytes a pixel, and the damage is mostly a small part of the photo.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return slice(0, 0), slice(0, 0)
    return (
        slice(max(int(rows[0]) - margin, 0), int(rows[-1]) + 1 + margin),
        slice(max(int(columns[0]) - margin, 0), int(columns[-1]) + 1 + margin),
    )
