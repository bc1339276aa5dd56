"""A restorer of image and mask, and one of features."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk import Detection, PyramidSpec, Restorer, component


@component
class MeanOfKnown(Restorer):
    default: float = attrs.field(default=0.5, validator=[attrs.validators.ge(0), attrs.validators.le(1)])

    def build(self, spec: PyramidSpec | None) -> None:
        """There are no layers to make."""

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        known = (~detection.corruption_mask).to(image.dtype)
        count = known.sum(dim=(2, 3), keepdim=True)
        mean = torch.where(count > 0, (image * known).sum(dim=(2, 3), keepdim=True) / count.clamp(min=1), self.default)
        return torch.where(detection.corruption_mask, mean, image)


@component
class FromFeatures(Restorer):
    uses_features = True

    def build(self, spec: PyramidSpec | None) -> None:
        if spec is None or len(spec) < 2:
            raise ValueError(f"FromFeatures needs two scales; got {spec}")
        self.to_image = nn.Conv2d(spec.channels[0] + spec.channels[1], 3, 1)

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        return self.outputs(image, detection)[-1]

    def outputs(self, image: Tensor, detection: Detection) -> tuple[Tensor, ...]:
        assert detection.pyramid is not None
        fine, coarse = detection.pyramid.maps[:2]
        known = (~detection.masks[1]).to(coarse.dtype)
        around = (coarse * known).sum(dim=(2, 3), keepdim=True) / known.sum(dim=(2, 3), keepdim=True).clamp(min=1)
        filled = torch.where(detection.masks[1], around, coarse)
        small = torch.cat([fine, F.interpolate(filled, fine.shape[-2:], mode="nearest")], dim=1)
        first = self.to_image(small).sigmoid()
        return F.interpolate(first, image.shape[-2:], mode="nearest"), F.interpolate(
            first, image.shape[-2:], mode="bilinear", align_corners=False
        )
