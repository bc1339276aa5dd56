"""Texture from the photo itself, which is laid over a fill that is smoother than the photo.

Source: Wexler, Shechtman and Irani, "Space-Time Completion of Video", PAMI 2007 (energy, coarse to fine).

:mod:`hcl_sdk.functional.patch_fields` explains patches, targets, sources and fields;
:mod:`hcl_sdk.functional.shift_maps` how deep holes are filled with large pieces.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.functional.arrays import bound_mask, stretch_membrane
from hcl_sdk.functional.filters import blur, measure_grain
from hcl_sdk.functional.masks import check_mask
from hcl_sdk.functional.patch_fields import (
    FieldSearch,
    Patches,
    find_nearest,
    find_patches,
    index_targets,
    make_filters,
    vote,
)
from hcl_sdk.functional.pull_push import pull_push
from hcl_sdk.functional.shift_maps import CELL, find_shifts, level_steps, map_shifts

COARSEST = 24
"""Minimum number of pixels of the shorter side of the coarsest level, which has less than twice as many."""

EXACT = 1 << 20
"""Maximum number of pairs of targets and sources for which all are compared."""

ROUNDS = 8
"""Maximum number of times that patches are searched for and vote at a level."""

PIECED_ROUNDS = 3
"""Maximum number of times at levels with deep holes, where pieces only have to fit at their seams."""

SEARCHES = 24_000
"""Budget of targets to search at a level, in all iterations after the first: coarse levels, where iterations are cheap,
get more of them. At the photo's own scale, holes with at most half as many targets have twice the budget: most of a
patch over a thin stroke is known, so that what is wrong shows."""

SEARCHED = 300_000
"""Levels with more pixels reuse the field of the coarser level: what matters about a patch is known by then."""

DEEP = 4.0
"""Depth in pixels, at the level where holes are mapped, from which a hole is filled with large pieces; twice that if it
is the photo's own scale."""

MAPPED = 51_200
"""Maximum number of pixels of the level where shifts are mapped."""

CELLS = 2000
"""Maximum number of cells to map; if there are more, a coarser level is mapped."""

LEVELED = 1 << 16
"""Maximum number of pixels of the holes in which steps between pieces are leveled."""

COMPONENTS = 24
"""Number of principal components of a patch that are compared."""

_GRAIN = 1e-5  # variance below which a guide counts as good as any: less than eight bits resolve
_LEAST_TRUST = 0.1  # factor of a guide that has lost all grain
_STRENGTH = 10.0  # weight of the strength of the grain relative to colors
_CERTAINTY = 1.3  # how much less a pixel inwards is known (Wexler et al. 2007, section 3.2)
_DEEPEST = 200  # pixels; farther inwards, weights would underflow float32, and there would be no votes
_REFINED_AT_ONCE = 1 << 16  # targets
_JUMP, _FADE = 0.2, 6  # size of the differences at the border that are continued; pixels within which larger ones fade
_RELIABLE = 8.0  # pixels of the photo: depth at which the minimum of the trust in a guide has fallen to 1 / e
_LOW_SIGMA = 1.0  # pixels: cutoff of the texture's low frequencies
_PULL, _PULLED = 0.5, 0.25  # share of a small difference from the fill that is not made, and what counts as small

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
    known. Where the votes differ from the photo at the border, small differences are continued smoothly into the hole
    and subtracted; large ones fade within a few pixels.

    Deep holes start from a shift map instead, see :func:`~hcl_sdk.functional.shift_maps.map_shifts`: large pieces of
    the photo, each copied as a whole. Their seams alone are searched, the guide has no influence far inside, and small
    steps in brightness between them are leveled.

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

    Patches that match in detail are often slightly off in color, where a network is closer to the truth: where low
    frequencies differ little, the texture's weight is half of what it is elsewhere. Where they differ much, the mean of
    both would be a haze.

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
    low = blur(difference, _LOW_SIGMA)
    low *= _PULL * torch.exp(low.square().sum(1, keepdim=True) / -(_PULLED**2))
    blended = fill + share * (difference - low)
    return torch.where(difference == 0, fill, blended.clamp(0, 1))


@dataclass(kw_only=True, eq=False)
class _Level:
    """An image at one scale.

    Attributes:
        known: ``[1, 3, H, W]``, the photo, and the guide in the hole.
        mask: ``[1, 1, H, W]``.
        patches: targets and sources.
        factor: pixels of the photo per pixel of this level, along a side.
        deep: ``[1, 1, H, W]`` bool, the deep holes; None if there are none, or if nothing is searched for.
        field, weights: the result of the search.
    """

    known: Tensor
    mask: Tensor
    patches: Patches
    factor: int
    deep: Tensor | None = None
    field: Tensor | None = None
    weights: Tensor | None = None


def _synthesize_one(
    known: Tensor, mask: Tensor, patch_size: int, guidance: float, radius: int | None, seed: int
) -> None:
    """Put texture into the hole of ``known``, ``[1, 3, H, W]``, which holds the guide there."""
    generator = torch.Generator().manual_seed(seed)
    levels = _make_levels(known, mask, patch_size)
    mapped = _map_deep(levels, generator, guidance, radius)
    if mapped is not None and torch.equal(levels[mapped].mask, cast("Tensor", levels[mapped].deep)):
        del levels[mapped + 1 :]  # what they would find is not used
    coarser = None
    pixels = None
    while levels:
        level, pixels = levels.pop(), None  # a coarse level is not held longer than the next one needs it
        if coarser is not None:
            refined = _refine(coarser, level.patches)
            level.field = refined if level.field is None else torch.where(_touch_deep(level), level.field, refined)
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
    deep, shifts = None, hole
    if mapped is not None and coarser.deep is not None and len(hole) <= LEVELED and patches.patch_size > 1:
        deep = coarser.deep.flatten()[hole]
        shifts = _take_shifts(hole[deep], patches, coarser.field)
    del coarser, pixels, patches, everywhere  # large, as is what follows
    jump = np.zeros((*holes[part].shape, 3), np.float32)
    jump[border[:, 0].cpu().numpy(), border[:, 1].cpu().numpy()] = missed.cpu().numpy()
    membrane = _continue_jump(jump, holes[part])[holes[part]]
    filled.add_(torch.from_numpy(membrane).to(filled))
    if deep is not None:
        filled[deep] = level_steps(known[0].flatten(1).T, filled[deep], hole[deep], shifts, width)
    for channel, values in zip(known[0], filled.T, strict=True):
        low, high = channel.masked_fill(mask[0, 0], math.inf).min(), channel.masked_fill(mask[0, 0], -math.inf).max()
        channel.view(-1)[hole] = values.clamp_(low, high)


def _continue_jump(jump: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Continue the difference at the border ``[H, W, 3]`` into the hole ``[H, W]``.

    Small differences are continued throughout, as a membrane. Large ones are edges of what is shown, whose colors would
    run: they fade within a few pixels.
    """
    small = jump * np.exp(np.square(jump).sum(axis=2, keepdims=True) / -(_JUMP**2))
    inner = ndimage.minimum_filter(hole.view(np.uint8), 2 * _FADE + 1, mode="constant", cval=1) > 0
    membrane = stretch_membrane(small, hole)
    membrane += stretch_membrane(jump - small, hole & ~inner)
    return membrane


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
    return _take_sources(field, patches)


def _take_sources(field: Tensor, patches: Patches) -> Tensor:
    """Replace what is no source by the nearest one."""
    if patches.is_source[field].all():
        return field
    rows, columns = _find_nearest_true(patches.is_source.view(patches.size))
    return torch.from_numpy(rows.astype(np.int64) * patches.size[1] + columns).to(field.device).flatten()[field]


def _find_nearest_true(where: Tensor) -> NDArray[np.int32]:
    """Find the row and the column of the nearest True pixel for each pixel of ``[H, W]``: ``[2, H, W]``."""
    indices = distance_transform_edt(~where.cpu().numpy(), return_distances=False, return_indices=True)
    return cast("NDArray[np.int32]", indices)


def _find_deep(levels: list[_Level]) -> tuple[int, Tensor] | None:
    """Find the level at which deep holes are mapped, and these holes there, as a mask; None if there are none."""
    for number, level in enumerate(levels):
        if level.mask.numel() > MAPPED:
            continue
        holes = level.mask[0, 0].cpu().numpy()
        regions, count = cast("tuple[NDArray[np.int32], int]", ndimage.label(holes, np.ones((3, 3))))
        depth = np.asarray(ndimage.maximum(distance_transform_edt(holes), regions, np.arange(count + 1)))
        is_deep = depth >= (2 * DEEP if level.factor == 1 else DEEP)  # no hole has a depth of 0
        if not is_deep.any():
            return None
        deep = torch.from_numpy(is_deep[regions]).to(level.mask.device)[None, None]
        if F.max_pool2d(deep.float(), CELL, ceil_mode=True).sum() <= CELLS:
            return number, deep
    return None


def _map_deep(levels: list[_Level], generator: torch.Generator, guidance: float, radius: int | None) -> int | None:
    """Give the targets of deep holes the sources that a shift map says, at one level, whose number is returned.

    Deep holes are marked there and at finer levels. None is returned, and nothing changed, if there is no deep hole or
    no shift.
    """
    found = _find_deep(levels)
    if found is None:
        return None
    number, deep = found
    level = levels[number]
    patches, (height, width) = level.patches, level.patches.size
    shifts = find_shifts(level.known, level.mask, deep, generator)
    if radius is not None:
        shifts = shifts[shifts.abs().amax(1) <= radius // level.factor]
    if not len(shifts):
        return None
    mapped = map_shifts(level.known, level.mask, deep, shifts, guidance).cpu().numpy()
    mapped = torch.from_numpy(mapped[tuple(_find_nearest_true(deep[0, 0]))]).to(patches.targets.device).flatten(0, 1)
    shift = mapped[patches.targets]
    rows = (patches.targets // width + shift[:, 0]).clamp(0, height - 1)
    columns = (patches.targets % width + shift[:, 1]).clamp(0, width - 1)
    level.field, level.deep = _take_sources(rows * width + columns, patches), deep
    for finer in reversed(levels[:number]):
        deep = deep.repeat_interleave(2, 2).repeat_interleave(2, 3)
        deep = deep[..., : finer.mask.shape[2], : finer.mask.shape[3]] & finer.mask
        finer.deep = deep
    return number


def _touch_deep(level: _Level) -> Tensor:
    """Whether targets touch deep holes, ``[N]``."""
    assert level.deep is not None
    size = level.patches.patch_size
    return (F.max_pool2d(level.deep.float(), size, 1, size // 2) > 0).flatten()[level.patches.targets]


def _take_shifts(pixels: Tensor, patches: Patches, field: Tensor) -> Tensor:
    """Find the shift to the source of the patch around each pixel, or the nearest patch, as a difference of numbers."""
    (height, width), reach = patches.size, patches.patch_size // 2
    rows = (pixels // width).clamp(reach, height - 1 - reach)
    columns = (pixels % width).clamp(reach, width - 1 - reach)
    target = index_targets(patches)[rows * width + columns].long()
    return (field - patches.targets)[target]


def _search(
    level: _Level,
    pixels: Tensor,
    generator: torch.Generator,
    guidance: float,
    radius: int | None,
) -> None:
    """Alternate voting and searching (Wexler et al. 2007, section 3.3); the hole of ``pixels`` is overwritten."""
    patches, known, mask = level.patches, level.known, level.mask
    valid = (~mask).to(known.dtype)
    grain = measure_grain(known)
    around = pull_push(blur(grain * valid, 2.0) / blur(valid, 2.0).clamp(min=1e-6), mask)
    trust = ((blur(grain, 2.0) + _GRAIN) / (around + _GRAIN)).clamp(_LEAST_TRUST, 1).flatten()[patches.targets]
    describe = _Descriptions(patches, known, around.sqrt(), math.sqrt(guidance) * blur(known, 2.0))
    descriptions = describe(known)
    numbers = patches.is_source.nonzero().flatten()
    depth = torch.from_numpy(distance_transform_edt(mask[0, 0].cpu().numpy())).to(pixels).flatten()[patches.targets]
    certainty = _CERTAINTY ** -depth.clamp(max=_DEEPEST)
    near = torch.exp((depth - 1).clamp_(min=0).mul_(-level.factor / _RELIABLE))
    trust = torch.maximum(trust, near)
    exact = len(patches.targets) * len(numbers) <= EXACT
    pieced = level.deep is not None and level.field is not None
    if pieced:  # pieces stay whole: deep inside, what fits them decides
        trust, exact = torch.where(_touch_deep(level), near, trust), False
    compared = exact or level.field is None
    sources, near = (descriptions[numbers], _is_near(patches, numbers, radius)) if compared else (descriptions, None)
    shared = describe.shared
    level.weights = certainty
    count = max(1, len(patches.targets))
    budget = 2 * SEARCHES if level.factor == 1 and count <= SEARCHES // 2 and level.deep is None else SEARCHES
    rounds = max(1, min(PIECED_ROUNDS if pieced else ROUNDS, budget // count))
    for _ in range(rounds):
        if level.field is not None:
            pixels[patches.hole] = vote(patches, level.field, level.weights, pixels)
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
            level.field, distance = search.improve(level.field, 1, generator, is_local=pieced)
        scale = 0.4 * distance.median().clamp(min=1e-6)
        level.weights = (torch.exp(-distance / scale) + 1e-6) * certainty


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
        side, reach = patches.patch_size, patches.patch_size // 2
        self.patches = patches
        self.filters, self.reach = make_filters(patches, known, COMPONENTS), reach
        padded = F.pad(smooth, (reach, reach, reach, reach), mode="replicate")
        (height, width), places = patches.size, (0, 2 * reach)
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


def _flatten(image: Tensor) -> Tensor:
    """Flatten ``[1, C, H, W]`` -> ``[H * W, C]``."""
    return image[0].flatten(1).T.contiguous()


def _unflatten(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Invert :func:`_flatten`."""
    return pixels.T.reshape(1, -1, *size)
