"""High-pass residuals: an image without its smooth part."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

KERNELS = (
    ((0, 0, 0, 0, 0), (0, -1, 2, -1, 0), (0, 2, -4, 2, 0), (0, -1, 2, -1, 0), (0, 0, 0, 0, 0)),
    ((-1, 2, -2, 2, -1), (2, -6, 8, -6, 2), (-2, 8, -12, 8, -2), (2, -6, 8, -6, 2), (-1, 2, -2, 2, -1)),
    ((0, 0, 0, 0, 0), (0, 0, 0, 0, 0), (0, 1, -2, 1, 0), (0, 0, 0, 0, 0), (0, 0, 0, 0, 0)),
)
DIVISORS = (4, 12, 2)


class NoiseResiduals(nn.Module):
    """Logarithms of the strength of high-pass residuals: ``[B, 3, H, W]`` in [0, 1] -> ``[B, 9, H, W]`` in [0, 1].

    The three filters of the spatial rich model that manipulation detection uses (Fridrich and Kodovsky, "Rich Models
    for Steganalysis of Digital Images", TIFS 2012; Zhou et al., "Learning Rich Features for Image Manipulation
    Detection", CVPR 2018, section 3.2), for each color. Generated, moved or scaled content has different residuals than
    the photo around it; a flat color has none, which the logarithm distinguishes even from weak noise.
    """

    channels = 9
    kernels: Tensor

    def __init__(self) -> None:
        super().__init__()
        # In Python, because on the meta device, tensor arithmetic imports PyTorch's compiler: a second and 170 MB.
        kernels = [
            [[[x / divisor for x in row] for row in kernel]] for kernel, divisor in zip(KERNELS, DIVISORS, strict=True)
        ]
        self.register_buffer("kernels", torch.tensor(3 * kernels), persistent=False)  # [9, 1, 5, 5]

    def forward(self, image: Tensor) -> Tensor:
        with torch.autocast(image.device.type, enabled=False):  # half precision would lose such small differences
            padded = F.pad(image.float(), (2, 2, 2, 2), mode="replicate")
            residuals = F.conv2d(padded, 255 * self.kernels.float(), groups=3)
            return residuals.abs_().add_(1).log2_().div_(8).to(image.dtype)
