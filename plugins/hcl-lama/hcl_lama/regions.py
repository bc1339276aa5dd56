"""Filling large images in parts, which bounds memory and keeps the photo's detail around small damage."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.functional.arrays import Window, label_regions, shift, surround
from hcl_sdk.functional.masks import pool_mask, shrink_mask
from hcl_sdk.functional.resize import resize, shrink

CELL = 64
"""Side in pixels of the squares that damage is grouped by; damage in squares that touch is filled together."""

Fill = Callable[[Tensor, Tensor], Tensor]
"""``[1, 3, H, W]`` image and ``[1, 1, H, W]`` bool mask -> filled image."""


def fill_in_parts(image: Tensor, corruption_mask: Tensor, size: int, fill: Fill) -> Tensor:
    """Fill an image without passing anything larger than ``size`` to ``fill``.

    A small image is passed as a whole. In a larger one, each region of damage is filled on its own, with surroundings
    as wide as itself; if that is still too large, it is shrunk, and the fill is enlarged. Regions that were filled
    earlier count as known.

    Args:
        image: ``[1, 3, H, W]``.
        corruption_mask: ``[1, 1, H, W]`` bool, True = to be filled.
        size: the maximum length of the longer side, in pixels.
        fill: the network.

    Returns:
        ``[1, 3, H, W]``. In a large image, pixels outside the mask are unchanged.
    """
    if max(image.shape[-2:]) <= size:
        return fill(image, corruption_mask)
    filled, left = image.clone(), corruption_mask.clone()
    for place, own in _find_regions(corruption_mask):
        box = surround(place, image.shape[-2:])
        result = _fill_shrunk(filled[..., *box], left[..., *box], size, fill)
        filled[..., *place] = torch.where(own, result[..., *shift(place, box)], filled[..., *place])
        left[..., *place] &= ~own
    return filled


def _find_regions(corruption_mask: Tensor) -> Iterator[tuple[Window, Tensor]]:
    """Group damage that lies close together: yield the box and mask of each group. No pixel is in two of them."""
    height, width = corruption_mask.shape[-2:]
    cells = pool_mask(corruption_mask, CELL)[0, 0].cpu().numpy()
    labels, _ = label_regions(cells)
    for number, found in enumerate(ndimage.find_objects(labels), 1):
        rows, columns = (
            slice(c.start * CELL, min(c.stop * CELL, extent)) for c, extent in zip(found, (height, width), strict=True)
        )
        own_cells = torch.from_numpy(labels[found] == number).to(corruption_mask.device)
        own = own_cells.repeat_interleave(CELL, 0).repeat_interleave(CELL, 1)
        part = corruption_mask[..., rows, columns]
        yield (rows, columns), part & own[: part.shape[-2], : part.shape[-1]]


def _fill_shrunk(image: Tensor, mask: Tensor, size: int, fill: Fill) -> Tensor:
    """Call ``fill`` with an image that is first shrunk if it is larger than ``size``."""
    height, width = image.shape[-2:]
    scale = size / max(height, width)
    if scale >= 1:
        return fill(image, mask)
    small = max(1, round(height * scale)), max(1, round(width * scale))
    # Three pixels wider, because the filter that shrinks the image mixes in pixels this far away.
    small_mask = F.max_pool2d(shrink_mask(mask, small).float(), 7, stride=1, padding=3) > 0
    return resize(fill(shrink(image, small), small_mask), (height, width), "bilinear")
