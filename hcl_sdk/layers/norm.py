"""Layer normalization over the channels of a feature map."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class ChannelNorm(nn.LayerNorm):
    """``nn.LayerNorm`` over the channels of every pixel of ``[B, C, H, W]``: independent of image size and batch."""

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input.permute(0, 2, 3, 1), self.normalized_shape, self.weight, self.bias, self.eps).permute(
            0, 3, 1, 2
        )
