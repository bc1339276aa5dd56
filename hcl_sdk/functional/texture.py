"""Texture from the photo itself, which is laid over a fill that is smoother than the photo.

Source: Wexler, Shechtman and Irani, "Space-Time Completion of Video", PAMI 2007 (energy, coarse to fine).

:mod:`hcl_sdk.functional.patch_fields` explains patches, targets, sources and fields.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.functional.arrays import bound_mask, stretch_membrane
from hcl_sdk.functional.masks import check_mask
from hcl_sdk.functional.patch_fields import FieldSearch, Patches, find_nearest, find_patches, index_targets, vote
from hcl_sdk.functional.pull_push import pull_push

COARSEST = 24
"""Minimum number of pixels of the shorter side of the coarsest level, which has less than twice as many."""

EXACT = 1 << 20
"""Maximum number of pairs of targets and sources for which all are compared."""

ROUNDS = 8
"""Maximum number of times that patches are searched for and vote at a level."""

SEARCHES = 24_000
"""Budget of targets to search at a level, in all iterations after the first: coarse levels, where iterations are cheap,
get more of them. At the photo's own scale, holes with at most half as many targets have twice the budget: most of a
patch over a thin stroke is known, so that what is wrong shows."""

SEARCHED = 300_000
"""Levels with more pixels reuse the field of the coarser level: what matters about a patch is known by then."""

COMPONENTS = 24
"""Number of principal components of a patch that are compared."""

SAMPLES = 4096
"""Number of sources from which the principal components are computed."""

_GRAIN = 1e-5  # variance below which a guide counts as good as any: less than eight bits resolve
_LEAST_TRUST = 0.1  # factor of a guide that has lost all grain
_STRENGTH = 10.0  # weight of the strength of the grain relative to colors
_CERTAINTY = 1.3  # how much less a pixel inwards is known (Wexler et al. 2007, section 3.2)
_DEEPEST = 200  # pixels; farther inwards, weights would underflow float32, and there would be no votes
_REFINED_AT_ONCE = 1 << 16  # targets
_RELIABLE = 8.0  # pixels of the photo: depth at which the minimum of the trust in a guide has fallen to 1 / e
_LOW_SIGMA, _LOW_SHARE = 1.0, 0.7  # cutoff of the texture's low frequencies, and their weight

BLEND_REACH = math.ceil(3 * _LOW_SIGMA)
"""Number of pixels around a pixel that influence :func:`blend_texture`."""


def synthesize(
    image: Tensor,
    corruption_mask: Tensor,
    guide: Tensor,
    *,
    patch_size: int = 5,
    guidance: float = 3.0,
    radius: int | None = None,
    seed: int = 0,
) -> Tensor:
    """Fill holes with texture of the photo, guided by a fill that is smoother than the photo.

    From coarse to fine, each patch over the hole is matched with the patch of the known photo that is nearest in color,
    in low frequencies of the guide and in the strength of the grain; then all patches over a pixel vote, and the search
    is repeated. Where the guide has lost the grain of its surroundings, it is trusted less, except next to what is
    known. The difference between the votes and the photo at the border is continued smoothly into the hole and
    subtracted.

    Args:
        image: ``[B, 3, H, W]`` in [0, 1]. Values under the mask have no influence.
        corruption_mask: ``[B, 1, H, W]`` bool, True = corrupted.
        guide: ``[B, 3, H, W]`` in [0, 1], the fill. Values outside the mask have no influence.
        patch_size: side of the patches in pixels, odd.
        guidance: weight of the guide relative to the color of patches, >= 0.
        radius: the maximum number of rows and columns that texture is copied across; None for the whole photo.
        seed: random seed of the search.

    Returns:
        ``[B, 3, H, W]``: ``image`` outside the mask; ``guide`` where there is nothing to take texture from.

    Raises:
        TypeError: if the mask is not bool.
        ValueError: if the shapes do not match, or ``patch_size`` is not an odd positive number.
    """
    check_mask(corruption_mask)
    if not image.shape == guide.shape == (len(image), 3, *corruption_mask.shape[-2:]) or len(image) != len(
        corruption_mask
    ):
        raise ValueError(
            f"image and guide must be [B, 3, H, W] and the mask [B, 1, H, W]; got {list(image.shape)}, "
            f"{list(guide.shape)} and {list(corruption_mask.shape)}"
        )
    if patch_size < 1 or patch_size % 2 == 0:
        raise ValueError(f"patch_size must be odd and at least 1; got {patch_size}")
    filled = torch.where(corruption_mask, guide.to(image.dtype), image)
    for i, mask in enumerate(corruption_mask):
        if mask.any():
            one = filled[i : i + 1].float()
            _synthesize_one(one, mask[None], patch_size, guidance, radius, seed)
            filled[i : i + 1] = one
    return filled


def blend_texture(fill: Tensor, textured: Tensor, share: float) -> Tensor:
    """Lay texture over a fill.

    The texture's weight is ``share`` at high frequencies, and less at low ones: patches that match in detail are often
    slightly off in color, where a network is closer to the truth.

    Args:
        fill: ``[B, 3, H, W]``, the guide of :func:`synthesize`.
        textured: ``[B, 3, H, W]``, the output of :func:`synthesize`.
        share: in [0, 1].

    Returns:
        ``[B, 3, H, W]``: equal to ``fill`` where ``textured`` is, and for a ``share`` of 0.
    """
    if share == 0:
        return fill
    difference = textured - fill
    blended = fill + share * (difference - (1 - _LOW_SHARE) * _blur(difference, _LOW_SIGMA))
    return torch.where(difference == 0, fill, blended.clamp(0, 1))


@dataclass(kw_only=True, eq=False)
class _Level:
    """An image at one scale.

    Attributes:
        known: ``[1, 3, H, W]``, the photo, and the guide in the hole.
        mask: ``[1, 1, H, W]``.
        patches: targets and sources.
        factor: pixels of the photo per pixel of this level, along a side.
        field, weights: the result of the search.
    """

    known: Tensor
    mask: Tensor
    patches: Patches
    factor: int
    field: Tensor | None = None
    weights: Tensor | None = None


def _synthesize_one(
    known: Tensor, mask: Tensor, patch_size: int, guidance: float, radius: int | None, seed: int
) -> None:
    """Put texture into the hole of ``known``, ``[1, 3, H, W]``, which holds the guide there."""
    generator = torch.Generator().manual_seed(seed)
    levels = _make_levels(known, mask, patch_size)
    coarser = None
    pixels = None
    while levels:
        level, pixels = levels.pop(), None  # a coarse level is not held longer than the next one needs it
        if coarser is not None:
            level.field = _refine(coarser, level.patches)
        if coarser is None or level.mask.numel() <= SEARCHED:
            reach = None if radius is None else max(1, radius // level.factor)
            pixels = _flatten(level.known)
            _search(level, pixels, generator, guidance, reach)
        else:
            level.weights = torch.ones_like(level.patches.targets, dtype=known.dtype)
        coarser = level
    if coarser is None:
        return
    assert coarser.field is not None
    assert coarser.weights is not None
    pixels = known[0].flatten(1).T if pixels is None else pixels
    patches, width, holes = coarser.patches, mask.shape[-1], mask[0, 0].cpu().numpy()
    box = bound_mask(holes)
    top, left = max(box[0].start - 1, 0), max(box[1].start - 1, 0)
    part = slice(top, box[0].stop + 1), slice(left, box[1].stop + 1)  # which includes the border
    inside = mask[..., *part]
    border = ((F.max_pool2d(inside.float(), 3, 1, 1) > 0) & ~inside)[0, 0].nonzero()
    numbers = (border[:, 0] + top) * width + border[:, 1] + left
    everywhere = replace(patches, hole=torch.cat([patches.hole, numbers]))
    votes = vote(everywhere, coarser.field, coarser.weights, pixels, modes=2)
    # Known pixels are voted for, too: the difference is what a seam would show.
    missed = torch.nan_to_num(pixels[numbers] - votes[len(patches.hole) :])  # patches of one pixel do not reach there
    hole, filled = patches.hole, votes[: len(patches.hole)]
    del coarser, pixels, patches, everywhere  # large, as is what follows
    jump = np.zeros((*holes[part].shape, 3), np.float32)
    jump[border[:, 0].cpu().numpy(), border[:, 1].cpu().numpy()] = missed.cpu().numpy()
    membrane = stretch_membrane(jump, holes[part])[holes[part]]
    filled.add_(torch.from_numpy(membrane).to(filled))
    for channel, values in zip(known[0], filled.T, strict=True):
        low, high = channel.masked_fill(mask[0, 0], math.inf).min(), channel.masked_fill(mask[0, 0], -math.inf).max()
        channel.view(-1)[hole] = values.clamp_(low, high)


def _make_levels(known: Tensor, mask: Tensor, patch_size: int) -> list[_Level]:
    """Make the levels, fine to coarse, as long as there is something to take texture from."""
    largest = min(patch_size, *((extent - 1) // 2 * 2 + 1 for extent in mask.shape[-2:]))
    levels: list[_Level] = []
    factor = 1
    while True:
        shorter = min(mask.shape[-2:])
        size = largest if shorter >= 2 * COARSEST or not levels else min(5, largest)
        if mask.numel() > SEARCHED:  # votes of small patches suffice, and there are fewer
            size = min(3, largest)
        patches = find_patches(mask, size)
        while size > 1 and not levels and not patches.is_source.any():  # hardly anything of the photo is known
            size -= 2
            patches = find_patches(mask, size)
        if not patches.is_source.any():
            return levels
        levels.append(_Level(known=known, mask=mask, patches=patches, factor=factor))
        if shorter < 2 * COARSEST:
            return levels
        known = F.avg_pool2d(known, 2, ceil_mode=True, count_include_pad=False)
        mask = F.max_pool2d(mask.float(), 2, ceil_mode=True) > 0
        factor *= 2


def _refine(coarse: _Level, patches: Patches) -> Tensor:
    """Refine a field for the next finer level: patches keep the offset to their source, or take the nearest one."""
    assert coarse.field is not None
    (height, width), (coarse_height, coarse_width) = patches.size, coarse.patches.size
    reach = coarse.patches.patch_size // 2
    place, refined = index_targets(coarse.patches), []
    for targets in patches.targets.split(_REFINED_AT_ONCE):
        row, column = targets // width, targets % width
        above = (row // 2).clamp_(reach, coarse_height - 1 - reach)
        beside = (column // 2).clamp_(reach, coarse_width - 1 - reach)
        source = coarse.field[place[above * coarse_width + beside].long()]
        row, column = row + 2 * (source // coarse_width - above), column + 2 * (source % coarse_width - beside)
        refined.append(row.clamp_(0, height - 1) * width + column.clamp_(0, width - 1))
    field = torch.cat(refined)
    if not patches.is_source[field].all():  # a source there may be closer than a patch to the hole here
        missing = ~patches.is_source.view(height, width).cpu().numpy()
        edt = distance_transform_edt(missing, return_distances=False, return_indices=True)
        rows, columns = cast("NDArray[np.int32]", edt)
        field = torch.from_numpy(rows.astype(np.int64) * width + columns).to(field.device).flatten()[field]
    return field


def _search(
    level: _Level,
    pixels: Tensor,
    generator: torch.Generator,
    guidance: float,
    radius: int | None,
) -> None:
    """Alternate searching and voting (Wexler et al. 2007, section 3.3); the hole of ``pixels`` is filled."""
    patches, known, mask = level.patches, level.known, level.mask
    valid = (~mask).to(known.dtype)
    grain = (known - _blur(known, 1.0)).square().mean(1, keepdim=True)
    around = pull_push(_blur(grain * valid, 2.0) / _blur(valid, 2.0).clamp(min=1e-6), mask)
    trust = ((_blur(grain, 2.0) + _GRAIN) / (around + _GRAIN)).clamp(_LEAST_TRUST, 1).flatten()[patches.targets]
    describe = _Descriptions(patches, known, around.sqrt(), math.sqrt(guidance) * _blur(known, 2.0))
    descriptions = describe(known)
    numbers = patches.is_source.nonzero().flatten()
    depth = torch.from_numpy(distance_transform_edt(mask[0, 0].cpu().numpy())).to(pixels).flatten()[patches.targets]
    certainty = _CERTAINTY ** -depth.clamp(max=_DEEPEST)
    trust = torch.maximum(trust, torch.exp((depth - 1).clamp_(min=0).mul_(-level.factor / _RELIABLE)))
    exact = len(patches.targets) * len(numbers) <= EXACT
    compared = exact or level.field is None
    sources, near = (descriptions[numbers], _is_near(patches, numbers, radius)) if compared else (descriptions, None)
    shared = describe.shared
    level.weights = certainty
    if level.field is not None:
        pixels[patches.hole] = vote(patches, level.field, certainty, pixels)
    count = max(1, len(patches.targets))
    budget = 2 * SEARCHES if level.factor == 1 and count <= SEARCHES // 2 else SEARCHES
    for _ in range(max(1, min(ROUNDS, budget // count))):
        targets = describe.describe_targets(_unflatten(pixels, patches.size))
        search = FieldSearch(patches, targets, descriptions, trust=trust, shared=shared, radius=radius)
        if level.field is None:  # the colors in the hole are the guide's: smooth patches would be nearest to them
            rest = slice(-shared - 1, None)
            level.field = numbers[find_nearest(targets[:, rest], sources[:, rest], trust, shared, near)]
            distance = search.measure(level.field)
        elif exact:
            level.field = numbers[find_nearest(targets, sources, trust, shared, near)]
            distance = search.measure(level.field)
        else:
            level.field, distance = search.improve(level.field, 1, generator)
        scale = 0.4 * distance.median().clamp(min=1e-6)
        level.weights = (torch.exp(-distance / scale) + 1e-6) * certainty
        pixels[patches.hole] = vote(patches, level.field, level.weights, pixels)


class _Descriptions:
    """Descriptions by which patches are compared: principal components, mean color, strength of the grain; last the
    guide.

    Args:
        patches: targets and sources.
        known: ``[1, 3, H, W]``; the components are computed from its sources.
        strength: ``[1, 1, H, W]``, the strength of the grain.
        smooth: ``[1, 3, H, W]``, the low frequencies.
    """

    shared = 3 * 5  # low frequencies, in the middle of a patch and at its corners

    def __init__(self, patches: Patches, known: Tensor, strength: Tensor, smooth: Tensor) -> None:
        side, reach, width = patches.patch_size, patches.patch_size // 2, patches.size[1]
        self.patches = patches
        offsets = torch.tensor([y * width + x for y, x in patches.offsets], device=known.device)
        numbers = patches.is_source.nonzero().flatten()
        if len(numbers) > SAMPLES:
            numbers = numbers[torch.arange(SAMPLES, device=numbers.device) * len(numbers) // SAMPLES]
        # On the CPU and in float64, so that all devices search with the same components.
        colors = _flatten(known)[numbers[:, None] + offsets].transpose(1, 2).cpu().double()
        colors = (colors - colors.mean(2, keepdim=True)).flatten(1)
        axes = torch.linalg.eigh(colors.T @ colors)[1][:, -COMPONENTS:].T.reshape(-1, 3, side, side)
        axes = axes - axes.mean((2, 3), keepdim=True)
        means = torch.eye(3, dtype=axes.dtype)[:, :, None, None].expand(3, 3, side, side) / side
        self.filters, self.reach = torch.cat([axes, means]).to(known), reach
        padded = F.pad(smooth, (reach, reach, reach, reach), mode="replicate")
        height, places = patches.size[0], (0, 2 * reach)
        corners = [padded[..., y : y + height, x : x + width] for y in places for x in places]
        self.rest = torch.cat(
            [strength * (side * math.sqrt(_STRENGTH)), *(x * (side / math.sqrt(5)) for x in (*corners, smooth))], dim=1
        )

    def __call__(self, image: Tensor) -> Tensor:
        """Describe ``[1, 3, H, W]`` -> ``[H * W, D]``; meaningless near the border, for incomplete patches."""
        described = image.new_empty(image[0, 0].numel(), len(self.filters) + self.rest.shape[1])
        described[:, : len(self.filters)] = F.conv2d(image, self.filters, padding=self.reach)[0].flatten(1).T
        described[:, len(self.filters) :] = self.rest[0].flatten(1).T
        return described

    def describe_targets(self, image: Tensor) -> Tensor:
        """Describe only the targets in ``[1, 3, H, W]``, ``[N, D]``: holes are a small part of most images."""
        width, targets = self.patches.size[1], self.patches.targets
        rows, columns = targets // width, targets % width
        (top, bottom), (left, right) = ((int(x.min()), int(x.max()) + 1) for x in (rows, columns))
        around = image[..., top - self.reach : bottom + self.reach, left - self.reach : right + self.reach]
        described = torch.cat([F.conv2d(around, self.filters), self.rest[..., top:bottom, left:right]], dim=1)
        return described[0].flatten(1)[:, (rows - top) * (right - left) + columns - left].T.contiguous()


def _is_near(patches: Patches, sources: Tensor, radius: int | None) -> Tensor | None:
    """Whether a source is within the radius of a target, ``[N, M]``; if none is, all count as near."""
    if radius is None:
        return None
    width = patches.size[1]
    rows = (patches.targets[:, None] // width - sources // width).abs()
    columns = (patches.targets[:, None] % width - sources % width).abs()
    near = torch.maximum(rows, columns) <= radius
    return near | ~near.any(1, keepdim=True)


def _blur(image: Tensor, sigma: float) -> Tensor:
    """Blur ``[B, C, H, W]`` with a Gaussian; the outermost pixels are repeated beyond the border."""
    reach = math.ceil(3 * sigma)
    kernel = [math.exp(x**2 / (-2 * sigma**2)) for x in range(-reach, reach + 1)]
    for dim, pad in ((2, (0, 0, reach, reach)), (3, (reach, reach, 0, 0))):
        padded, extent = F.pad(image, pad, mode="replicate"), image.shape[dim]
        image = torch.zeros_like(image)  # depthwise convolutions are slow on CPUs
        for x, weight in enumerate(kernel):
            image.add_(padded.narrow(dim, x, extent), alpha=weight / sum(kernel))
    return image


def _flatten(image: Tensor) -> Tensor:
    """Flatten ``[1, C, H, W]`` -> ``[H * W, C]``."""
    return image[0].flatten(1).T.contiguous()


def _unflatten(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Invert :func:`_flatten`."""
    return pixels.T.reshape(1, -1, *size)
