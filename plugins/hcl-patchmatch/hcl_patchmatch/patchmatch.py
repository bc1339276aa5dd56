"""``patchmatch.patch_match.inpaint`` as a restorer, on batches of tensors."""

from __future__ import annotations

import threading
from typing import Any

import attrs
import numpy as np
from attrs.validators import ge, lt
from patchmatch.patch_match import inpaint, set_random_seed
from torch import Tensor

from hcl_sdk import Detection, PyramidSpec, Restorer, component
from hcl_sdk.functional.eight_bit import from_uint8, to_uint8

_ONE_AT_A_TIME = threading.Lock()  # the library has one seed per process


def _is_odd(instance: Any, attribute: attrs.Attribute[Any], value: int) -> None:
    if value < 3 or value % 2 == 0:
        raise ValueError(f"'{attribute.name}' must be an odd number from 3 on; got {value}")


@component
class PatchMatch(Restorer):
    """Copies patches of the known photo that fit together: sharp, but without understanding what the photo shows.

    Source: Barnes et al., "PatchMatch: A Randomized Correspondence Algorithm for Structural Image Editing", SIGGRAPH
    2009, and Wexler et al., "Space-Time Completion of Video", PAMI 2007; as implemented in PyPatchMatch. The output is
    rounded to 8 bits, on the CPU, and carries no gradient.

    Attributes:
        patch_size: side of the patches in pixels, odd, at least 3.
        seed: random seed of the search, from 0 to 2^32 - 1. Equal inputs give equal outputs.
    """

    patch_size: int = attrs.field(default=11, validator=_is_odd)
    seed: int = attrs.field(default=0, validator=[ge(0), lt(1 << 32)])

    def build(self, spec: PyramidSpec | None) -> None:
        """Do nothing: there are no layers."""

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        """Fill images ``[B, 3, H, W]``; an image without any known pixel is returned unchanged."""
        masks = detection.corruption_mask[:, 0].cpu().numpy()
        filled = np.stack([self._inpaint(*each) for each in zip(to_uint8(image), masks, strict=True)])
        return from_uint8(filled, device=image.device, dtype=image.dtype)

    def _inpaint(self, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Fill one image ``[H, W, 3]`` of 8 bits, where its mask ``[H, W]`` is True."""
        if mask.all():
            return image
        with _ONE_AT_A_TIME:
            set_random_seed(self.seed)
            return inpaint(image, mask, patch_size=self.patch_size // 2)
