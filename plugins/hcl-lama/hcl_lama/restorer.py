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
"""The minimum side in pixels: at its coarsest the network pads by mirroring, which takes two pixels."""


@component
class LaMa(Restorer):
    """Fills large holes and continues patterns: a network of Fourier convolutions, which see the whole image.

    Source: Suvorov et al., "Resolution-robust Large Mask Inpainting with Fourier Convolutions", WACV 2022. The network
    is the published Big-LaMa as TorchScript: the file ``big-lama.pt`` that tools such as IOPaint use. It is not trained
    further, always computes in float32, because its Fourier transforms need it, and takes one image at a time.

    Saved weights hold the path and hash of the file, not its content, because the network is code. Where they are
    loaded, the file must exist as well.

    Attributes:
        weights: the file, or ``download``, which gets IOPaint's (200 MB) and keeps it in the cache of ``torch.hub``.
        sha256: the SHA-256 that the file must have, as 64 lower-case hexadecimal digits, so that a saved pipeline gets
            no other network; filled in when the restorer is made. TorchScript is code: a file that is not known to be
            LaMa is loaded only if ``hcl_lama.trust(sha256)`` was called or the environment variable ``HCL_LAMA_TRUST``
            names its hash. Naming it here is not enough, because configurations may come from anybody.
        max_size: the maximum longer side, in pixels, of the images that the network gets, at least 256. In a larger
            image every damaged region is filled on its own with its surroundings, and shrunk if still too large.

    Raises:
        ValueError: if the file does not exist, cannot be downloaded, or may not be loaded.
    """

    weights: str = "download"
    sha256: str | None = attrs.field(default=None, validator=optional(matches_re(r"[0-9a-f]{64}")))
    max_size: int = attrs.field(default=1280, validator=ge(256))

    @classmethod
    def testing_example(cls, folder: Path) -> LaMa:
        """Make one with a tiny network in place of LaMa, for the conformance kit."""
        from hcl_lama.example import write_example

        trust(write_example(folder / "tiny-lama.pt"))
        return cls(weights=str(folder / "tiny-lama.pt"))

    def build(self, spec: PyramidSpec | None) -> None:
        """Read the file."""
        content, found = read(self.weights, self.sha256)
        # Fields are read-only once the restorer is made.
        vars(self)["sha256"] = found
        # In a tuple, which keeps the network out of the modules that are saved and trained. It follows the images to
        # their device.
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
        """Fill one image ``[1, 3, H, W]`` of any size."""
        height, width = image.shape[-2:]
        both = torch.cat([image, mask.to(image.dtype)], dim=1)
        multiple = MULTIPLE if min(height, width) > MULTIPLE else SMALLEST
        padded = pad_to_multiple(both, multiple)
        # Without TorchScript's optimizer, which would run again for every size and change the last digits.
        with torch.jit.optimized_execution(False):  # pyright: ignore[reportPrivateImportUsage]
            filled = self._network[0].to(image.device)(padded[:, :3], padded[:, 3:])
        expected = (1, 3, *padded.shape[-2:])
        if not isinstance(filled, Tensor) or filled.shape != expected:
            got = list(filled.shape) if isinstance(filled, Tensor) else type(filled).__name__
            raise ValueError(f"{self.weights!r} is not LaMa: for an image {list(expected)} it returns {got}")
        return filled[..., :height, :width].clamp(0, 1)
