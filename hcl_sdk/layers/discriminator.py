"""The published discriminator."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

CHANNELS = (64, 128, 128, 256, 512)


class PatchDiscriminator(nn.Module):
    """Says of every patch of an image whether it looks real: spectrally normalized 5x5 convolutions of stride 2, with
    LeakyReLU 0.2 after each (paper, section 3.4; Miyato et al., "Spectral Normalization", ICLR 2018).

    Args:
        channels: of each convolution.
    """

    def __init__(self, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            spectral_norm(nn.Conv2d(before, after, 5, stride=2, padding=2))
            for before, after in zip((3, *channels[:-1]), channels, strict=True)
        )

    def forward(self, image: Tensor) -> Tensor:
        """Scores ``[B, C, h, w]`` of ``[B, 3, H, W]`` images in [-1, 1]."""
        for convolution in self.convolutions:
            image = F.leaky_relu(convolution(image), 0.2)
        return image
