"""A restorer that adds the photo's own texture to another restorer's fill."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from attrs.validators import ge, le, optional
from torch import Tensor

from hcl_sdk.functional.compositing import close_seam
from hcl_sdk.functional.texture import blend_texture, synthesize
from hcl_sdk.interfaces import Detection, PyramidSpec, Restorer, component
from hcl_sdk.restorers.residual_unet import ResidualUNet

_LARGEST_PATCH = 99


def _is_odd(instance: Any, attribute: attrs.Attribute[Any], value: int) -> None:
    if not 1 <= value <= _LARGEST_PATCH or value % 2 == 0:
        raise ValueError(f"'{attribute.name}' must be an odd number from 1 to {_LARGEST_PATCH}: {value}")


@component
class PatchSynthesis(Restorer):
    """Structure from another restorer, texture from the photo itself.

    The guide fills; then patches of the known photo that fit its fill are laid over it, and in deep holes large pieces
    of it, see :func:`~hcl_sdk.functional.texture.synthesize` and
    :func:`~hcl_sdk.functional.texture.blend_texture`. In training mode only the guide is used, since nothing
    else learns.

    Attributes:
        guide: the restorer whose fill is refined.
        texture: the share of the texture, in [0, 1]: 0 is the guide alone, which has the smallest pixel error; 1
            looks most like a photo. Above 0 the fill meets the photo at the border of the hole.
        patch_size: side of the patches in pixels, odd.
        guidance: weight of the guide relative to the color of patches.
        radius: maximum distance in pixels that texture is copied from; None for the whole photo.
        seed: random seed of the search.

    Example:
        >>> from hcl_sdk import GatedUNet
        >>> restorer = PatchSynthesis(guide=GatedUNet(dim=4, multipliers=(1, 2)), patch_size=5)
        >>> image, mask = torch.rand(1, 3, 32, 48), torch.zeros(1, 1, 32, 48, dtype=torch.bool)
        >>> mask[..., 10:20, 10:20] = True
        >>> with torch.no_grad():
        ...     restorer.eval()(image, Detection.from_mask(mask)).shape
        torch.Size([1, 3, 32, 48])
    """

    guide: Restorer = attrs.field(factory=ResidualUNet)
    texture: float = attrs.field(default=1.0, validator=[ge(0), le(1)])
    patch_size: int = attrs.field(default=5, validator=_is_odd)
    guidance: float = attrs.field(default=3.0, validator=ge(0))
    radius: int | None = attrs.field(default=None, validator=optional(ge(1)))
    seed: int = 0

    @property
    def uses_features(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether the guide uses features."""
        return self.guide.uses_features

    def build(self, spec: PyramidSpec | None) -> None:
        self.guide.bind(spec)

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        fill = self.guide(image, detection)
        if self.training or self.texture == 0:
            return fill
        with torch.no_grad(), torch.autocast(image.device.type, enabled=False):
            fill = close_seam(image, detection.corruption_mask, fill.to(image.dtype).clamp(0, 1)).clamp(0, 1)
            textured = synthesize(
                image,
                detection.corruption_mask,
                fill,
                patch_size=self.patch_size,
                guidance=self.guidance,
                radius=self.radius,
                seed=self.seed,
            )
        return blend_texture(fill, textured, self.texture)

    def outputs(self, image: Tensor, detection: Detection) -> tuple[Tensor, ...]:
        return self.guide.outputs(image, detection) if self.training else (self(image, detection),)
