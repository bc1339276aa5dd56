"""A decision on a whole image from a coarse grid of cells."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class CellJudge(nn.Module):
    """Layers that make one decision: maps ``[B, C, h, w]`` of any size -> logits ``[B]``.

    Two small convolutions; then the cells are summarized by their maximum, their mean and attention (Ilse et al.,
    "Attention-based Deep Multiple Instance Learning", ICML 2018, section 2.4). A base for components, which have the
    two numbers as fields.

    Attributes:
        dim: channels of a cell.
        queries: number of weighted means that attention computes over the cells.
    """

    dim: int
    queries: int

    def make_judge(self, channels: int) -> None:
        """Create the layers for maps with ``channels`` channels."""
        self.project = nn.Conv2d(channels, self.dim, 1)
        self.look_around = nn.Sequential(
            nn.Conv2d(self.dim, self.dim, 3, padding=1, groups=self.dim), nn.Conv2d(self.dim, self.dim, 1), nn.GELU()
        )
        self.attend = nn.Conv2d(self.dim, self.queries, 1)
        self.judge = nn.Sequential(
            nn.Dropout(0.3),
            nn.Linear(self.dim * (self.queries + 2), self.dim),
            nn.GELU(),
            nn.Dropout(0.3),
            nn.Linear(self.dim, 1),
        )

    def decide(self, pooled: Tensor) -> Tensor:
        """Compute logits ``[B]`` from logits ``[B, C, h, w]``, in float32."""
        with torch.autocast(pooled.device.type, enabled=False):
            cells = F.gelu(self.project(pooled / 4))
            cells = cells + self.look_around(cells)
            weights = self.attend(cells).flatten(2).softmax(dim=2)
            cells = cells.flatten(2)
            attended = torch.einsum("bqn,bdn->bqd", weights, cells).flatten(1)
            return self.judge(torch.cat([attended, cells.amax(dim=2), cells.mean(dim=2)], dim=1))[:, 0]
