"""LaMa as a restorer."""

from __future__ import annotations

from pathlib import Path

import attrs
import torch
from attrs.validators import ge, matches_re, optional
from torch import Tensor

from hcl_lama.files import load, read
from hcl_lama.regions import fill_in_parts
from hcl_lama.trusted import trust
from hcl_sdk import Detection, PyramidSpec, Restorer, component
from hcl_sdk.functional.resize import pad_to_multiple

MULTIPLE = 8
"""The network halves its maps three times."""

SMALLEST = 16
"""Pixels a side: at its coarsest the network continues maps by mirroring, which takes two pixels."""


@component
class LaMa(Restorer):
    """Fills large holes and continues patterns: a network of Fourier convolutions, which see the whole image.

    Source: Suvorov et al., "Resolution-robust Large Mask Inpainting with Fourier Convolutions", WACV 2022. The network
    is the published Big-LaMa as TorchScript, the file ``big-lama.pt`` that tools such as IOPaint use. It takes images
    in [0, 1] and a mask of which 1 is to be filled. It is not trained further here, always computes in float32, since
    its Fourier transforms are not for less, and takes one image at a time.

    Weights that are saved hold the place and the hash of the file and not what is in it: the network is code, which
    does not fit in there. Where they are loaded, the file has to be as well.

    Attributes:
        weights: the file, or ``download``, which gets that of IOPaint (200 MB) and keeps it where ``torch.hub`` does.
        sha256: that the file must have, as 64 lower-case hexadecimal digits, so that a saved pipeline gets no other
            network. Filled in when a restorer is made. TorchScript is code: a file that is not known to be LaMa is only
            loaded if ``hcl_lama.trust(sha256)`` was called or the environment variable ``HCL_LAMA_TRUST`` names its
            hash; that it stands here is not enough, as configurations may come from anybody.
        max_size: longer side, in pixels, of what the network gets at once, at least 256. Of a larger image every
            damaged region is filled by itself, with its surroundings, and shrunk if it is still too large.

    Raises:
        ValueError: if there is no such file, it cannot be downloaded, or it is none that may be loaded.
    """

    weights: str = "download"
    sha256: str | None = attrs.field(default=None, validator=optional(matches_re(r"[0-9a-f]{64}")))
    max_size: int = attrs.field(default=1280, validator=ge(256))

    @classmethod
    def testing_example(cls, folder: Path) -> LaMa:
        """One with a tiny network in the place of LaMa, for the conformance kit."""
        from hcl_lama.example import write_example

        trust(write_example(folder / "tiny-lama.pt"))
        return cls(weights=str(folder / "tiny-lama.pt"))

    def build(self, spec: PyramidSpec | None) -> None:
        """Read the file."""
        content, found = read(self.weights, self.sha256)
        # Fields are read-only for everybody else; here the restorer is not yet made.
        vars(self)["sha256"] = found
        # In a tuple, so that the network is none of the modules whose weights are saved and trained. It follows the
        # images to their device.
        self._network = (load(content, self.weights),)

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        """Fill ``[B, 3, H, W]`` images in [0, 1]; one without corrupted pixels comes back as it is."""
        mask = detection.corruption_mask
        with torch.autocast(image.device.type, enabled=False):
            filled = [
                fill_in_parts(one, own, self.max_size, self._fill) if own.any() else one
                for one, own in zip(image.float().split(1), mask.split(1), strict=True)
            ]
        return torch.cat(filled).to(image.dtype)

    def _fill(self, image: Tensor, mask: Tensor) -> Tensor:
        """What the network makes of one image ``[1, 3, H, W]`` of any size and its mask."""
        height, width = image.shape[-2:]
        both = torch.cat([image, mask.to(image.dtype)], dim=1)
        multiple = MULTIPLE if min(height, width) > MULTIPLE else SMALLEST
        padded = pad_to_multiple(both, multiple)
        # Without the optimizer of TorchScript, which would work anew for every size, and change the last digits.
        with torch.jit.optimized_execution(False):  # pyright: ignore[reportPrivateImportUsage]
            filled = self._network[0].to(image.device)(padded[:, :3], padded[:, 3:])
        expected = (1, 3, *padded.shape[-2:])
        if not isinstance(filled, Tensor) or filled.shape != expected:
            got = list(filled.shape) if isinstance(filled, Tensor) else type(filled).__name__
            raise ValueError(f"{self.weights!r} is no LaMa: for an image {list(expected)} it returns {got}")
        return filled[..., :height, :width].clamp(0, 1)
