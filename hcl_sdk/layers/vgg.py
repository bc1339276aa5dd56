"""The features of VGG-19 (Simonyan and Zisserman, "Very Deep Convolutional Networks", ICLR 2015, configuration E)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

CONVOLUTIONS = (2, 2, 4, 4, 4)
"""In each block; max-pooling follows each block."""

CHANNELS = (64, 128, 256, 512, 512)

LAYERS = tuple(f"relu{b}_{i}" for b, count in enumerate(CONVOLUTIONS, 1) for i in range(1, count + 1))


class VGG19Features(nn.Module):
    """VGG-19 as far as the deepest of some layers; ``features.N`` are torchvision's names.

    Args:
        layers: names such as ``relu3_2``: the activation after the second convolution of the third block.
        channels: of each block; other than VGG's own for small networks.
    """

    def __init__(self, layers: Sequence[str], channels: Sequence[int] = CHANNELS) -> None:
        super().__init__()
        wanted = set(layers)
        self.positions: dict[int, str] = {}
        modules: list[nn.Module] = []
        width = 3
        for block, count in enumerate(CONVOLUTIONS, 1):
            for i in range(1, count + 1):
                if not wanted:
                    break
                modules += [nn.Conv2d(width, channels[block - 1], 3, padding=1), nn.ReLU()]
                width = channels[block - 1]
                name = f"relu{block}_{i}"
                if name in wanted:
                    self.positions[len(modules) - 1] = name
                    wanted.remove(name)
            modules.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*modules[: max(self.positions) + 1])

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Features of ``[B, 3, H, W]`` images, of at least 16 pixels a side and normalized as ImageNet's are, by layer."""
        found: dict[str, Tensor] = {}
        for i, module in enumerate(self.features):
            image = module(image)
            if i in self.positions:
                found[self.positions[i]] = image
        return found
