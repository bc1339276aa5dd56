"""Blending weights for compositing a restored image over its photo: dilated masks and feathered alpha."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hcl_sdk._renamed import redirect
from hcl_sdk.functional import arrays
from hcl_sdk.functional.masks import check_mask


def feather_mask(corruption_mask: Tensor, dilate: float, feather: float) -> Tensor:
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
    >>> feather_mask(mask, dilate=1, feather=2).flatten().tolist()
    [1.0, 1.0, 0.5, 0.0, 0.0, 0.0]
    """
    check_mask(corruption_mask)
    alpha = np.empty(corruption_mask.shape, np.float32)
    for i, mask in enumerate(corruption_mask[:, 0].cpu().numpy()):
        alpha[i, 0] = arrays.feather_mask(mask, dilate, feather)
    return torch.from_numpy(alpha).to(corruption_mask.device)


def close_seam(image: Tensor, corruption_mask: Tensor, fill: Tensor) -> Tensor:
    """Make a fill meet the photo at the border of the hole.

    The difference between the photo and the fill at the border is the *jump*. A membrane with the jump as its boundary
    values is added to the fill, which changes the fill's gradients only smoothly (Perez, Gangnet and Blake, "Poisson
    Image Editing", SIGGRAPH 2003, section 2: the correction of a guided interpolation is a membrane).

    Args:
        image: ``[B, C, H, W]``, float. Values under the mask have no influence.
        corruption_mask: ``[B, 1, H, W]`` bool, True = corrupted.
        fill: ``[B, C, H, W]``, float. Values outside the mask have no influence.

    Returns:
        ``[B, C, H, W]``: ``image`` outside the mask; ``fill`` if nothing else is known.

    Raises:
        TypeError: if the mask is not bool.
        ValueError: if the shapes do not fit.
    """
    check_mask(corruption_mask)
    batch, _, height, width = corruption_mask.shape
    if image.ndim != 4 or image.shape != fill.shape or (len(image), *image.shape[2:]) != (batch, height, width):
        raise ValueError(
            f"image and fill must be [B, C, H, W] and the mask [B, 1, H, W]; got {list(image.shape)}, "
            f"{list(fill.shape)} and {list(corruption_mask.shape)}"
        )
    masks = corruption_mask[:, 0].cpu().numpy()
    images, fills = (x.detach().cpu().float().numpy() for x in (image, fill))
    closed = [arrays.close_seam(*each) for each in zip(images, masks, fills, strict=True)]
    return torch.from_numpy(np.stack(closed)).to(image)


redirect(__name__, {"feathered_alpha": "feather_mask"})
