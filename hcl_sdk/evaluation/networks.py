"""LPIPS and FID: measures that use a network, of the composited images and of the restorer's raw output."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from hcl_sdk.interfaces import get_device
from hcl_sdk.runtime import gather


class Networks:
    """LPIPS and FID of the composited and the raw images, if their networks are available.

    Args:
        lpips: called with two batches of images ``[B, 3, H, W]`` in [0, 1]; returns their distance. None skips it.
        features: uint8 images ``[B, 3, H, W]`` -> features ``[B, D]``, for FID. None skips it.
        unavailable: what was requested but is not available, and why.
    """

    def __init__(
        self,
        lpips: nn.Module | None = None,
        features: nn.Module | None = None,
        unavailable: dict[str, str] | None = None,
    ) -> None:
        self.lpips, self.features = lpips, features
        self.unavailable = unavailable or {}
        self._seen: list[tuple[Tensor, Tensor, Tensor]] = []

    @classmethod
    def load(cls, lpips: Literal["alex", "vgg", "squeeze"] | None, fid: str | None, device: torch.device) -> Networks:
        """Load the networks of torchmetrics; if one is not available, it is skipped and the reason recorded.

        Args:
            lpips: the backbone; its weights are torchvision's, in torch's own cache folder or downloaded into it.
            fid: a file with Inception's weights in torch-fidelity's format, or ``download``.
            device: where to run.
        """
        distance: nn.Module | None = None
        features: nn.Module | None = None
        unavailable: dict[str, str] = {}
        if lpips is not None:
            try:
                from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

                distance = LearnedPerceptualImagePatchSimilarity(net_type=lpips, normalize=True).to(device)
            except Exception as error:  # missing packages, failed downloads
                unavailable["lpips"] = _explain(error)
        if fid is not None:
            try:
                from torchmetrics.image.fid import NoTrainInceptionV3

                features = NoTrainInceptionV3(
                    name="inception-v3-compat",
                    features_list=["2048"],
                    feature_extractor_weights_path=None if fid == "download" else fid,
                ).to(device)
            except Exception as error:
                unavailable["fid"] = _explain(error)
        return cls(distance, features, unavailable)

    def measure(self, composited: Tensor, raw: Tensor, clean: Tensor) -> dict[str, float]:
        """Measure one image: its ``lpips`` and ``raw_lpips``, if there is a network; store its features for FID."""
        found: dict[str, float] = {}
        if self.lpips is not None:
            device = get_device(self.lpips)
            for name, image in (("lpips", composited), ("raw_lpips", raw)):
                found[name] = float(self.lpips(image.to(device), clean.to(device)))
        if self.features is not None:
            device = get_device(self.features)
            own, unpasted, true = (
                self.features((image * 255).round().byte().to(device)).flatten(1).double().cpu()[0]
                for image in (composited, raw, clean)
            )
            self._seen.append((own, unpasted, true))
        return found

    def collect_results(self) -> dict[str, float | str | None]:
        """Compute ``fid`` and ``raw_fid`` over all images and processes, and list what was not available."""
        found: dict[str, float | str | None] = {name: f"not available: {why}" for name, why in self.unavailable.items()}
        if self.features is not None:
            own, unpasted, true = (torch.stack(list(one)) for one in zip(*gather(self._seen), strict=True))
            found |= {"fid": frechet_distance(own, true), "raw_fid": frechet_distance(unpasted, true)}
        return found


def frechet_distance(first: Tensor, second: Tensor) -> float | None:
    """Frechet distance of Gaussians fitted to two sets of features ``[N, D]``, float64; None for fewer than two."""
    if len(first) < 2 or len(second) < 2:
        return None
    difference = (first.mean(dim=0) - second.mean(dim=0)).square().sum()
    a, b = torch.cov(first.T), torch.cov(second.T)
    # The trace of the square root of a product, from its eigenvalues.
    roots = torch.linalg.eigvals(a @ b).sqrt().real.sum()
    return float(difference + a.trace() + b.trace() - 2 * roots)


def _explain(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):  # torchmetrics' advice names the extra of another package
        return "it needs pip install 'hcl_sdk[metrics]'"
    return " ".join(str(error).split())[:300] or type(error).__name__
