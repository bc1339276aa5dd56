"""Measuring the restoration of one image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.functional.image import structural_similarity_index_measure

from hcl_sdk.evaluation.rows import RestorationRow
from hcl_sdk.losses.perceptual import PerceptualLoss
from hcl_sdk.result import Result


def measure_restoration(
    result: Result,
    damaged: Tensor,
    clean: Tensor,
    corruption_mask: Tensor | None,
    *,
    network: PerceptualLoss | None = None,
) -> RestorationRow:
    """Compare a restored image with the clean one: the composited image, and the restorer's raw output.

    Args:
        result: the result for one image.
        damaged, clean: ``[1, 3, H, W]`` in [0, 1].
        corruption_mask: ``[1, 1, H, W]`` bool, the true mask, True = corrupted; None if unknown.
        network: the network whose features are compared; None skips that.
    """
    composited = damaged if result.composited is None else result.composited.rgb
    raw = damaged if result.raw is None else result.raw  # if nothing was found, nothing was to be filled
    # PSNR and SSIM are averaged over damaged images, before and after: the PSNR of equal images is infinite, and
    # excluding only these would reward harm.
    is_damaged = not torch.equal(damaged, clean)
    row = RestorationRow(
        psnr=_psnr(composited, clean) if is_damaged else None,
        ssim=_ssim(composited, clean) if is_damaged else None,
        raw_psnr=_psnr(raw, clean) if is_damaged else None,
        raw_ssim=_ssim(raw, clean) if is_damaged else None,
        damaged_psnr=_psnr(damaged, clean) if is_damaged else None,
        image_squared_error=float(((composited - clean) * 255).double().square().sum()),
        image_values=clean.numel(),
    )
    if corruption_mask is not None and corruption_mask.any():
        inside = corruption_mask.expand_as(clean)
        error, raw_error = (
            float(((image - clean)[inside] * 255).double().square().sum()) for image in (composited, raw)
        )
        row = replace(
            row,
            squared_error=error,
            raw_squared_error=raw_error,
            values=int(inside.sum()),
            high_pass=sum_high_pass(composited, corruption_mask),
            true_high_pass=sum_high_pass(clean, corruption_mask),
        )
        if network is not None:
            row = replace(row, feature_distance=compare_features(network, composited, clean, corruption_mask))
    if result.alpha is not None:
        across, along = sum_seam_gradients(composited, result.alpha > 0.5)
        row = replace(row, across_seam=across, along_seam=along)
    return row


def sum_high_pass(image: Tensor, hole: Tensor) -> float:
    """Sum the energy of the highest frequencies in a hole: squared differences to the mean of the 3 x 3 neighborhood.

    Args:
        image: ``[1, C, H, W]`` in [0, 1]; padded by repeating its outermost pixels.
        hole: ``[1, 1, H, W]`` bool.
    """
    image = image.double()
    smooth = F.avg_pool2d(F.pad(image, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return float(((image - smooth).square() * hole).sum())


def measure_grain(image: Tensor, hole: Tensor, width: int = 16) -> tuple[float, float]:
    """Measure the grain in a hole, and around it: medians of the absolute high pass, which edges hardly change.

    Args:
        image: ``[1, C, H, W]`` in [0, 1].
        hole: ``[1, 1, H, W]`` bool, neither empty nor everywhere.
        width: width of the surroundings, in pixels.
    """
    smooth = F.avg_pool2d(F.pad(image, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    grain = (image - smooth).abs().mean(dim=1, keepdim=True)
    around = (F.max_pool2d(hole.float(), 2 * width + 1, 1, width) > 0) & ~hole
    return float(grain[hole].median()), float(grain[around].median())


def sum_seam_gradients(image: Tensor, hole: Tensor) -> tuple[float, float]:
    """Sum gradients across the border of a hole, and along it on both sides; their quotient is 1 if no seam is visible.

    For every two neighbors of which one is in the hole: the absolute difference between them, summed over channels; and
    the mean of the differences between either and its neighbor in the other direction, if that is on the same side.
    Pairs without such a neighbor do not count.

    Args:
        image: ``[1, C, H, W]`` in [0, 1].
        hole: ``[1, 1, H, W]`` bool.
    """
    across = along = 0.0
    for this, other in ((image, hole), (image.mT, hole.mT)):
        own_across, own_along = _sum_horizontal(this[0].double(), other[0, 0])
        across, along = across + own_across, along + own_along
    return across, along


def _sum_horizontal(image: Tensor, hole: Tensor) -> tuple[float, float]:
    """Sum both for horizontal neighbors."""
    crosses = hole[:, 1:] != hole[:, :-1]
    across = image.diff(dim=2).abs().sum(dim=0)
    same_side = (hole[1:] == hole[:-1]).double()
    down = image.diff(dim=1).abs().sum(dim=0) * same_side
    # For each pixel, its differences to the pixels above and below it, and their number.
    sums = F.pad(down, (0, 0, 1, 0)) + F.pad(down, (0, 0, 0, 1))
    counts = F.pad(same_side, (0, 0, 1, 0)) + F.pad(same_side, (0, 0, 0, 1))
    pair_sums, pair_counts = sums[:, 1:] + sums[:, :-1], counts[:, 1:] + counts[:, :-1]
    counted = crosses & (pair_counts > 0)
    return float(across[counted].sum()), float((pair_sums[counted] / pair_counts[counted]).sum())


def compare_features(network: PerceptualLoss, image: Tensor, clean: Tensor, hole: Tensor) -> float:
    """Compare the features of two images in a hole: distance between unit vectors, averaged over the scales.

    At each scale, a position is weighted by its share inside the hole. Unit vectors are as in LPIPS (Zhang et al., "The
    Unreasonable Effectiveness of Deep Features", CVPR 2018), without its learned weights.

    Args:
        network: VGG-19, or any encoder.
        image, clean: ``[1, 3, H, W]`` in [0, 1].
        hole: ``[1, 1, H, W]`` bool, not empty.
    """
    device = next(network.parameters()).device
    with torch.no_grad():
        maps: list[Sequence[Tensor]] = [network.features(x.to(device)) for x in (image, clean)]
    distances = []
    for ours, true in zip(*maps, strict=True):
        weights = F.adaptive_avg_pool2d(hole.to(device).float(), ours.shape[-2:])
        distance = (F.normalize(ours, dim=1) - F.normalize(true, dim=1)).norm(dim=1, keepdim=True)
        distances.append((distance * weights).sum() / weights.sum())
    return float(torch.stack(distances).mean())


def _psnr(image: Tensor, clean: Tensor) -> float:
    """PSNR of 8-bit images; for equal images, for which it is infinite, that of a single value that differs by one."""
    least = 1 / (255**2 * clean.numel())
    return -10 * math.log10(max(float((image - clean).double().square().mean()), least))


def _ssim(image: Tensor, clean: Tensor) -> float | None:
    if min(image.shape[-2:]) < 11:  # the window
        return None
    value = structural_similarity_index_measure(image, clean, data_range=1.0)
    assert isinstance(value, Tensor)
    return float(value)
