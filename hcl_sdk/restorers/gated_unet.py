"""A restorer that needs only the image and the mask."""

from __future__ import annotations

import attrs
import torch
from attrs.validators import deep_iterable, ge, min_len
from torch import Tensor

from hcl_sdk.interfaces import Detection, PyramidSpec, Restorer, component
from hcl_sdk.layers.gated import GatedUNetBody


@component
class GatedUNet(Restorer):
    """U-Net of gated residual blocks (Yu et al., "Free-Form Image Inpainting with Gated Convolution", ICCV 2019).

    This is the published refinement network on its own: pixels under the mask are removed, and the mask is a further
    input.

    Attributes:
        dim: width of the finest level.
        multipliers: width of each level relative to ``dim``, fine to coarse; each level halves the resolution.
    """

    exportable = True

    dim: int = attrs.field(default=32, validator=ge(1))
    multipliers: tuple[int, ...] = attrs.field(
        default=(1, 2, 4, 4),
        validator=[deep_iterable(ge(1)), min_len(1)],
    )

    def build(self, spec: PyramidSpec | None) -> None:
        self.body = GatedUNetBody(self.dim, self.multipliers)

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        valid = (~detection.corruption_mask).to(image.dtype)
        return (self.body(torch.cat([(image * 2 - 1) * valid, valid], dim=1)) + 1) / 2
