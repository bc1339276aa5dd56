"""Fuses the confidence in a whole photo with that in its own pixels: one decision per pixel and one for the photo."""

from __future__ import annotations

from typing import ClassVar

import attrs
import torch
from attrs.validators import and_, deep_iterable, ge, le
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk.functional.arrays import cut_bands
from hcl_sdk.functional.resize import resize
from hcl_sdk.interfaces import Component, component
from hcl_sdk.layers.cell_judge import CellJudge

_CELLS = 16
"""Number of cells along the shorter side when a photo of any size is judged as a whole."""

_BAND = 1 << 18
"""Number of pixels that are fused at a time."""


@component
class DetailFusion(CellJudge, Component):
    """Fuses two confidences of a photo: one of the whole photo at a working size, and one of its own pixels in tiles.

    A line of two pixels is lost when a photo is shrunk; in a tile, the rest of the photo is unknown, and every twig is
    suspicious. Both inputs are logits, without features, so that what is learned from drawn damage also holds for real
    damage. A few depthwise convolutions with growing dilation weigh them against each other, pixel by pixel, beginning
    with their mean. A photo is judged once, over all tiles: from the maximum and mean logits of both inputs and of
    their fusion, in cells of the working image, and from the verdict on the working image.

    Attributes:
        dim: channels of the fusion and of a cell.
        dilations: dilations of the convolutions, which determine the receptive field.
        queries: number of weighted means that attention computes over the cells.
    """

    kind: ClassVar[str] = "detail fusion"

    stride: ClassVar[int] = 2
    """Pixels of the large image per fused pixel."""

    dim: int = attrs.field(default=8, validator=ge(1))
    dilations: tuple[int, ...] = attrs.field(default=(1, 2, 4, 8), validator=deep_iterable(and_(ge(1), le(1024))))
    queries: int = attrs.field(default=4, validator=ge(1))

    def __attrs_post_init__(self) -> None:
        self.enter = nn.Conv2d(2, self.dim, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(self.dim, self.dim, 3, padding=dilation, dilation=dilation, groups=self.dim),
                nn.Conv2d(self.dim, self.dim, 1),
                nn.GELU(),
            )
            for dilation in self.dilations
        )
        self.leave = nn.Conv2d(self.dim, 1, 1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # pyright: ignore[reportArgumentType]
        self.shares = nn.Parameter(torch.tensor([0.5, 0.5]))
        self.trust = nn.Parameter(torch.ones(()))
        self.make_judge(6)

    def forward(self, coarse: Tensor, fine: Tensor, verdict_logits: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Compute logits of *corrupted* for every pixel, and of *this image is damaged*, in float32.

        Args:
            coarse: ``[B, 1, h, w]``, the logits of the whole image at the working size.
            fine: ``[B, 1, H, W]``, the logits of the larger image, at its ``stride``.
            verdict_logits: ``[B]``, the verdict on the working image; None counts as undecided.

        Returns:
            ``[B, 1, H, W]`` and ``[B]``.
        """
        with torch.autocast(coarse.device.type, enabled=False):
            fused = self.fuse(coarse, fine)
            return fused, self.judge_cells(self.pool(coarse, fine, fused), verdict_logits)

    def fuse(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Fuse the logits of every pixel, ``[B, 1, H, W]``; the first half of :meth:`forward`."""
        fine = fine.float()
        both = torch.cat([resize(coarse.float(), fine.shape[-2:], "bilinear"), fine], dim=1)
        return torch.cat([self._fuse_rows(both, rows) for rows in cut_bands(*fine.shape[-2:], pixels=_BAND)], dim=2)

    def pool(self, coarse: Tensor, fine: Tensor, fused: Tensor) -> Tensor:
        """Pool the logits that the photo is judged by: ``[B, 6, h, w]``, maximum and mean of the three in each cell."""
        shorter = min(fine.shape[-2:])
        rows, columns = (max(1, round(_CELLS * extent / shorter)) for extent in fine.shape[-2:])
        pools = F.adaptive_max_pool2d, F.adaptive_avg_pool2d
        return torch.cat(
            [pool(logits.float(), (rows, columns)) for logits in (coarse, fine, fused) for pool in pools], dim=1
        )

    def judge_cells(self, pooled: Tensor, verdict_logits: Tensor | None = None) -> Tensor:
        """Compute logits ``[B]`` of *this image is damaged* from the result of :meth:`pool` and the earlier verdict."""
        verdict = self.decide(pooled)
        return verdict if verdict_logits is None else verdict + self.trust * verdict_logits.float()

    def _fuse_rows(self, both: Tensor, rows: slice) -> Tensor:
        """Fuse some of the rows; values do not depend on the band in which they are computed."""
        reach = 1 + sum(self.dilations)
        first, last = max(0, rows.start - reach), min(both.shape[-2], rows.stop + reach)
        # Depthwise convolutions are several times as fast with channels last on a CPU.
        part = both[:, :, first:last].contiguous(memory_format=torch.channels_last)
        x = F.gelu(self.enter(part / 4))
        for block in self.blocks:
            x = x + block(x)
        mean = torch.einsum("bchw,c->bhw", part, self.shares)[:, None]
        return (mean + 4 * self.leave(x))[:, :, rows.start - first : rows.stop - first]
