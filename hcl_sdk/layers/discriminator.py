"""The published discriminator."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm


class PatchDiscriminator(nn.Module):
    """Scores how real every patch of an image looks (paper, section 3.4).

    5x5 convolutions of stride 2 and padding 2, with LeakyReLU 0.2 after each, the last one too. Their weights are
    divided by their largest singular value (Miyato et al., "Spectral Normalization", ICLR 2018), whose estimate
    improves with every call in training mode.

    The parameters of ``convolutions.N`` are those of ``disc.N.conv`` in a published checkpoint's ``pdisc``.

    Args:
        channels: of each convolution.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            spectral_norm(nn.Conv2d(before, after, 5, stride=2, padding=2))
            for before, after in zip((3, *channels[:-1]), channels, strict=True)
        )

    def forward(self, image: Tensor) -> Tensor:
        """Score ``[B, 3, H, W]`` images in [-1, 1] of any size, high for real ones.

        ``[B, C, h, w]``, where C is the last of ``channels``, and each of n convolutions halves the size, rounding up.
        """
        for convolution in self.convolutions:
            image = F.leaky_relu(convolution(image), 0.2)
        return image
