"""Partial convolution."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class PartialConv2d(nn.Module):
    """A 3x3 convolution of the valid pixels only, rescaled by 9 over their number under the kernel.

    Pixels beyond the border of the map count as corrupted. Where no pixel under the kernel is valid, the output is 0.

    Source: Liu et al., *Image Inpainting for Irregular Holes Using Partial Convolutions*, ECCV 2018, section 3.1.

    Args:
        channels: channels of the input and the output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, features: Tensor, corruption_mask: Tensor) -> Tensor:
        """Convolve ``[B, C, H, W]`` features under ``[B, 1, H, W]`` bool, True = corrupted; the same shape."""
        valid = (~corruption_mask).to(features.dtype)
        count = F.avg_pool2d(valid, 3, stride=1, padding=1, divisor_override=1)
        out = F.conv2d(features * valid, self.conv.weight, padding=1)
        out = out * (9 / count.clamp(min=1)) + (0 if self.conv.bias is None else self.conv.bias[:, None, None])
        return out * (count > 0)
