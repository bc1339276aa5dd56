"""Images as arrays of 8 bits per channel, as most libraries outside PyTorch take them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_uint8(image: Tensor) -> NDArray[np.uint8]:
    """Round images to 8 bits.

    Args:
        image: ``[B, C, H, W]``, of any floating-point dtype and on any device; clipped to [0, 1].

    Returns:
        ``[B, H, W, C]``, 255 for 1.
    """
    scaled = image.detach().float().clamp(0, 1) * 255
    return scaled.round().byte().permute(0, 2, 3, 1).cpu().numpy()


def from_uint8(
    pixels: NDArray[np.uint8], *, device: torch.device | None = None, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Convert images of 8 bits, ``[B, H, W, C]``, to ``[B, C, H, W]`` in [0, 1].

    Args:
        pixels: the images; 255 becomes 1.
        device: the device of the result; the CPU by default.
        dtype: its floating-point dtype.
    """
    return (torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float() / 255).to(dtype)
