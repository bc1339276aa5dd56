"""ConvNeXt blocks (Liu et al., "A ConvNet for the 2020s", CVPR 2022, section 2)."""

from __future__ import annotations

from torch import Tensor, nn

from hcl_sdk.layers.norm import ChannelNorm


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, channel normalization, pointwise MLP, residual, on ``[B, C, H, W]``.

    Args:
        dim: channels.
        kernel_size: of the depthwise convolution, odd.
        expansion: width of the MLP relative to ``dim``.
    """

    def __init__(self, dim: int, kernel_size: int = 7, expansion: int = 4) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(dim, dim, kernel_size, padding=kernel_size // 2, groups=dim)
        self.norm = ChannelNorm(dim, eps=1e-6)
        self.expand = nn.Conv2d(dim, expansion * dim, 1)
        self.act = nn.GELU()
        self.project = nn.Conv2d(expansion * dim, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.project(self.act(self.expand(self.norm(self.depthwise(x)))))
