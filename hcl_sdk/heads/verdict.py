"""One decision for a whole image: whether it is damaged at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import attrs
import torch
from attrs.validators import ge
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.functional.arrays import CERTAIN
from hcl_sdk.interfaces import Bindable, PyramidSpec, component
from hcl_sdk.layers.cell_judge import CellJudge


@component
class Verdict(CellJudge, Bindable):
    """Judges from the confidence at every scale whether the image is damaged anywhere.

    A suspicious pixel means more among a thousand others than alone on a shop sign. The verdict uses only the
    confidence, as logits, without features, so that what it learns from drawn damage also holds for real damage. The
    logits of every scale are pooled to the grid of the coarsest one, by maximum and by mean, and its cells are judged
    together, with attention.

    Attributes:
        dim: channels of a cell.
        queries: number of weighted means that attention computes over the cells.
        calibration: how a pipeline calibrates the verdict on a photo: the weight of its logit, the weight of the logit
            of the mean confidence in the surest thousandth of the pixels, and a bias, see
            :func:`~hcl_sdk.functional.arrays.calibrate_verdict`. Training does not use it.
    """

    kind: ClassVar[str] = "verdict"

    dim: int = attrs.field(default=32, validator=ge(1))
    queries: int = attrs.field(default=4, validator=ge(1))
    calibration: tuple[float, float, float] = (1.0, 0.0, 0.0)

    def bind(self, spec: PyramidSpec) -> Self:
        """Create the layers for detections at the scales of ``spec``. Returns self.

        Raises:
            ValueError: if a stride does not divide the coarsest one, or it is already bound to another spec.
        """
        self._bind(spec)
        return self

    def build(self, spec: PyramidSpec) -> None:
        """Create the layers for detections at the scales of ``spec``."""
        if any(spec.strides[-1] % stride for stride in spec.strides):
            raise ValueError(f"a verdict needs strides that divide the coarsest one; got {spec.strides}")
        self._factors = [spec.strides[-1] // stride for stride in spec.strides]
        self.make_judge(2 * len(spec))

    def forward(self, confidences: Sequence[Tensor]) -> Tensor:
        """Compute logits ``[B]`` of *this image is damaged*, float32.

        Args:
            confidences: ``[B, 1, H_s, W_s]`` for each scale, fine to coarse: the probability of *corrupted*.
        """
        return self.decide(self.pool(confidences))

    def pool(self, confidences: Sequence[Tensor]) -> Tensor:
        """Pool confidences to ``[B, 2 S, H_S, W_S]``, maximum and mean of the logits of each of the ``S`` scales."""
        maps = []
        for confidence, factor in zip(confidences, self._factors, strict=True):
            logits = torch.logit(confidence.float(), CERTAIN)
            maps.append(F.max_pool2d(logits, factor, ceil_mode=True))
            maps.append(F.avg_pool2d(logits, factor, ceil_mode=True, count_include_pad=False))
        return torch.cat(maps, dim=1)
