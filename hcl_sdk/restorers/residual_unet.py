"""A restorer that learns the residual of a smooth fill."""

from __future__ import annotations

from itertools import pairwise

import attrs
import torch
from attrs.validators import deep_iterable, ge, min_len
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk.functional.pull_push import pull_push
from hcl_sdk.functional.resize import pad_to_multiple, resize
from hcl_sdk.interfaces import Detection, PyramidSpec, Restorer, as_many_as, component
from hcl_sdk.layers.residual import ResidualBlock, make_conv_bn


@component
class ResidualUNet(Restorer):
    """A pull-push fill, plus a U-Net of residual blocks that learns the residual to the true image.

    Untrained, it fills like :func:`~hcl_sdk.functional.pull_push.pull_push`, so that even little training
    improves on it. It works at half the resolution and below, with a pixel's four neighbors as channels (Shi et
    al., "Real-Time Single Image and Video Super-Resolution ...", CVPR 2016), which is fast on a CPU.

    Attributes:
        channels: width of each level, fine to coarse; the first is at half the resolution, each next one at half that
            of the previous one.
        depths: number of residual blocks of each level, on the way down and again on the way up.
    """

    exportable = True

    channels: tuple[int, ...] = attrs.field(default=(32, 48, 64, 96, 128), validator=[deep_iterable(ge(1)), min_len(1)])
    depths: tuple[int, ...] = attrs.field(
        default=(1, 1, 2, 1, 1), validator=[deep_iterable(ge(0)), as_many_as("channels")]
    )

    def build(self, spec: PyramidSpec | None) -> None:
        steps = list(pairwise(self.channels))
        self.first = nn.Sequential(make_conv_bn(4 * 4, self.channels[0]), nn.ReLU(inplace=True))
        self.encode = nn.ModuleList(_make_blocks(w, d) for w, d in zip(self.channels, self.depths, strict=True))
        self.down = nn.ModuleList(_make_downsampling(fine, coarse) for fine, coarse in steps)
        self.up = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in steps)
        self.decode = nn.ModuleList(_make_blocks(w, d) for w, d in zip(self.channels, self.depths, strict=True))
        self.last = nn.Conv2d(self.channels[0], 3 * 4, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        assert self.last.bias is not None
        nn.init.zeros_(self.last.bias)

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        mask = detection.corruption_mask
        smooth = pull_push(image, mask)
        x = torch.cat([smooth * 2 - 1, mask.to(image.dtype)], dim=1)
        x = self.first(F.pixel_unshuffle(pad_to_multiple(x, 2 ** len(self.channels)), 2))
        skips: list[Tensor] = []
        for level, blocks in enumerate(self.encode):
            x = blocks(x)
            skips.append(x)
            if level < len(self.down):
                x = self.down[level](x)
        for level in reversed(range(len(self.decode))):
            x = self.decode[level](x)
            if level > 0:
                x = skips[level - 1] + resize(self.up[level - 1](x), skips[level - 1].shape[-2:], "bilinear")
        difference = F.pixel_shuffle(self.last(x), 2)[..., : image.shape[-2], : image.shape[-1]]
        return (smooth + difference).clamp(0, 1)


def _make_blocks(width: int, depth: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(width) for _ in range(depth)))


def _make_downsampling(fine: int, coarse: int) -> nn.Sequential:
    return nn.Sequential(make_conv_bn(fine, coarse, stride=2), nn.ReLU(inplace=True))
