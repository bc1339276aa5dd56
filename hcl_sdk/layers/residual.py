"""Plain residual convolutions with batch normalization (He et al., "Deep Residual Learning ...", CVPR 2016)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk.layers.conv_bn import ConvBN


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, plus the input: ``[B, width, H, W]`` -> the same.

    Args:
        width: channels.
        activate: whether a ReLU follows the sum; without it, values keep their sign.
    """

    def __init__(self, width: int, *, activate: bool = True) -> None:
        super().__init__()
        self.conv1 = make_conv_bn(width, width)
        self.conv2 = make_conv_bn(width, width)
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.conv2(F.relu(self.conv1(x), inplace=True))
        return F.relu(x, inplace=True) if self.activate else x


def make_conv_bn(in_channels: int, out_channels: int, stride: int = 1) -> ConvBN:
    """Make a 3x3 convolution without bias, followed by batch normalization."""
    return ConvBN(
        nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(out_channels)
    )
