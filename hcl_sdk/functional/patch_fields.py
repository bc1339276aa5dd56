"""Nearest-neighbor fields of patches, and voting.

Sources: Barnes et al., "PatchMatch", SIGGRAPH 2009 (propagation and random search); Wexler, Shechtman and Irani,
"Space-Time Completion of Video", PAMI 2007 (votes, and their mode); Darabi et al., "Image Melding", SIGGRAPH 2012
(gains).

A *patch* is a square with an odd side, identified by its center pixel; pixels are numbered row by row. Patches that
touch the hole are *targets*; those that lie entirely within the photo and do not touch it are *sources*. A *field*
holds the number of a source for each target.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk._renamed import redirect
from hcl_sdk.functional.arrays import bound_mask
from hcl_sdk.functional.masks import check_mask

SAMPLES = 1024
"""Number of sources from which principal components are computed."""

_AT_ONCE = 1 << 20  # distances held at a time
_VOTED_AT_ONCE = 1 << 14  # pixels that are voted for at a time
_MODE = 0.003  # variance of the kernel of the mean shift


@dataclass(frozen=True, kw_only=True, eq=False)
class Patches:
    """The patches of an image that are targets, and those that are sources.

    Attributes:
        size: height and width of the image.
        patch_size: side of a patch, odd.
        hole: ``[P]`` int64, the pixels to fill.
        targets: ``[N]`` int64; together they cover the hole if ``patch_size`` is at most the shorter side.
        is_source: ``[H * W]`` bool.
    """

    size: tuple[int, int]
    patch_size: int
    hole: Tensor
    targets: Tensor
    is_source: Tensor

    @property
    def offsets(self) -> list[tuple[int, int]]:
        """The positions of the pixels of a patch relative to its center."""
        reach = self.patch_size // 2
        return [(y, x) for y in range(-reach, reach + 1) for x in range(-reach, reach + 1)]

    def number_offsets(self) -> Tensor:
        """Return what to add to the number of a patch's center for those of its pixels, ``[S * S]`` int64."""
        width = self.size[1]
        return torch.tensor([y * width + x for y, x in self.offsets], device=self.hole.device)


def find_patches(corruption_mask: Tensor, patch_size: int) -> Patches:
    """Find the targets and sources of an image.

    Args:
        corruption_mask: ``[1, 1, H, W]`` bool, True = corrupted.
        patch_size: side of a patch, odd.

    Raises:
        TypeError: if the mask is not bool.
        ValueError: if it is not the mask of one image, or ``patch_size`` is not an odd positive number.
    """
    check_mask(corruption_mask)
    if corruption_mask.shape[0] != 1:
        raise ValueError(f"expected the mask of one image; got {list(corruption_mask.shape)}")
    if patch_size < 1 or patch_size % 2 == 0:
        raise ValueError(f"patch_size must be odd and at least 1; got {patch_size}")
    height, width = corruption_mask.shape[-2:]
    reach = patch_size // 2
    touched = F.max_pool2d(corruption_mask.float(), patch_size, 1, reach) > 0
    inside = torch.zeros_like(corruption_mask)
    inside[..., reach : height - reach, reach : width - reach] = True
    return Patches(
        size=(height, width),
        patch_size=patch_size,
        hole=corruption_mask.flatten().nonzero().flatten(),
        targets=(touched & inside).flatten().nonzero().flatten(),
        is_source=(inside & ~touched).flatten(),
    )


def make_filters(patches: Patches, known: Tensor, count: int) -> Tensor:
    """Make filters that describe patches: the directions in which the sources differ most, then the mean colors.

    Args:
        patches: targets and sources.
        known: ``[1, 3, H, W]``.
        count: the number of directions.

    Returns:
        ``[min(count, 3 * S * S) + 3, 3, S, S]`` with the side S of the patches; directions in ascending order.
    """
    side, offsets = patches.patch_size, patches.number_offsets()
    numbers = patches.is_source.nonzero().flatten()
    if len(numbers) > SAMPLES:
        numbers = numbers[torch.arange(SAMPLES, device=numbers.device) * len(numbers) // SAMPLES]
    # On the CPU and in float64, so that all devices search with the same components.
    colors = known[0].flatten(1).T[numbers[:, None] + offsets].transpose(1, 2).cpu().double()
    colors = (colors - colors.mean(2, keepdim=True)).flatten(1)
    axes = torch.linalg.eigh(colors.T @ colors)[1][:, -count:].T.reshape(-1, 3, side, side)
    axes = (axes - axes.mean((2, 3), keepdim=True)).to(known)
    means = torch.eye(3)[:, :, None, None].expand(3, 3, side, side) / side
    return torch.cat([axes, means.to(axes)])


def find_nearest(
    targets: Tensor,
    sources: Tensor,
    trust: Tensor | None = None,
    shared: int = 0,
    allowed: Tensor | None = None,
) -> Tensor:
    """Find the nearest source of every target by comparing all pairs.

    Args:
        targets: ``[N, D]``, descriptions of patches.
        sources: ``[M, D]``, descriptions of sources.
        trust: ``[N]``, factor of the squared differences of the last ``shared`` numbers of a target's description.
        shared: the number of these.
        allowed: ``[N, M]`` bool, the sources that a target may have; None for any.

    Returns:
        ``[N]`` int64, the row of ``sources`` at the smallest squared distance; the first one if several are equal.
    """
    own = sources.shape[1] - shared
    squares, shared_squares = sources[:, :own].square().sum(1), sources[:, own:].square().sum(1)
    factor = torch.ones_like(targets[:, :1]) if trust is None else trust[:, None]
    # Apart from terms that are the same for all sources, distances are one matrix product, which is searched while it
    # is in the caches.
    rows = torch.cat([-2 * targets[:, :own], -2 * factor * targets[:, own:], torch.ones_like(factor), factor], dim=1)
    columns = torch.cat([sources, squares[:, None], shared_squares[:, None]], dim=1).T
    nearest = []
    for part in torch.arange(len(targets), device=targets.device).split(max(1, _AT_ONCE // len(sources))):
        distances = rows[part] @ columns
        nearest.append((distances if allowed is None else distances.masked_fill_(~allowed[part], math.inf)).argmin(1))
    return torch.cat(nearest)


class FieldSearch:
    """PatchMatch (Barnes et al. 2009, section 3) for all targets at once.

    In each step, a target tries the continuation of its neighbor's source, or a random place around its own source, and
    takes it if it is nearer.

    Args:
        patches: targets and sources.
        targets: ``[N, D]``, descriptions of the targets.
        descriptions: ``[H * W, D]``, descriptions of all patches of the photo; only those of sources are used.
        trust, shared: as in :func:`find_nearest`.
        radius: the maximum number of rows and columns between a target and its source; None for any.
    """

    def __init__(
        self,
        patches: Patches,
        targets: Tensor,
        descriptions: Tensor,
        *,
        trust: Tensor | None = None,
        shared: int = 0,
        radius: int | None = None,
    ) -> None:
        self.patches, self.radius = patches, radius
        self.targets, self.descriptions = targets, descriptions
        self.trust, self.own = trust, descriptions.shape[1] - shared
        width = patches.size[1]
        self.rows, self.columns = patches.targets // width, patches.targets % width
        self.place = index_targets(patches)

    def measure(self, field: Tensor) -> Tensor:
        """Measure the squared distance of every target from its source, ``[N]``."""
        squares = (self.targets - self.descriptions[field]).square_()
        if self.trust is None:
            return squares.sum(1)
        return squares[:, : self.own].sum(1) + self.trust * squares[:, self.own :].sum(1)

    def improve(
        self, field: Tensor, iterations: int, generator: torch.Generator, *, is_local: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Improve a field; return one with distances that are nowhere larger, and these distances.

        Args:
            field: ``[N]`` int64, sources.
            iterations: the number of times that neighbors and random places are tried.
            generator: a generator on the CPU, so that random numbers are the same on every device.
            is_local: whether to try only the nearest neighbors and the places next to a source, so that a field of
                large pieces remains one.
        """
        distance = self.measure(field)
        reach = max(self.patches.size) if self.radius is None else min(self.radius, max(self.patches.size))
        for _ in range(iterations):
            for step in (1,) if is_local else (4, 1):
                for down, right in ((0, -step), (0, step), (-step, 0), (step, 0)):
                    field, distance = self._ask_neighbor(field, distance, down, right)
            for radius in (1,) if is_local else (reach, reach / 8, reach / 64):
                rows, columns = self._draw(field, radius, generator)
                field, distance = self._try(field, distance, rows, columns)
        return field, distance

    def _ask_neighbor(self, field: Tensor, distance: Tensor, down: int, right: int) -> tuple[Tensor, Tensor]:
        height, width = self.patches.size
        rows, columns = (self.rows + down).clamp(0, height - 1), (self.columns + right).clamp(0, width - 1)
        neighbor = self.place[rows * width + columns]
        theirs = torch.where(neighbor >= 0, field[neighbor], field)
        return self._try(field, distance, theirs // width - down, theirs % width - right)

    def _draw(self, field: Tensor, reach: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        width = self.patches.size[1]
        drawn = (torch.rand(2, len(field), generator=generator) * 2 - 1).to(field.device) * max(reach, 1.5)
        down, right = drawn.round().long()
        return field // width + down, field % width + right

    def _try(self, field: Tensor, distance: Tensor, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        height, width = self.patches.size
        other = rows.clamp(0, height - 1) * width + columns.clamp(0, width - 1)
        possible = self.patches.is_source[other]
        if self.radius is not None:
            far = torch.maximum((other // width - self.rows).abs(), (other % width - self.columns).abs())
            possible &= far <= self.radius
        other = torch.where(possible, other, field)
        found = self.measure(other)
        nearer = found < distance
        return torch.where(nearer, other, field), torch.where(nearer, found, distance)


def vote(
    patches: Patches, field: Tensor, weights: Tensor, values: Tensor, *, gains: Tensor | None = None, modes: int = 0
) -> Tensor:
    """Compute each pixel of the hole from the sources of all targets that cover it (Wexler et al. 2007, section 3.2).

    Args:
        patches: targets and sources.
        field: ``[N]`` int64, sources.
        weights: ``[N]``, the weight of each target, > 0.
        values: ``[H * W, C]``, the values of all pixels; only those in sources are used.
        gains: ``[N, C]``, added to the values of a target's source.
        modes: the number of mean-shift steps from the vote with the largest weight. 0 for the mean, which is smooth
            where sources differ; the mode is as sharp as they are.

    Returns:
        ``[P, C]``, for the pixels of the hole.
    """
    place, shifts = index_targets(patches), None
    if gains is None and len(patches.targets):
        shifts = _Shifts(patches, field)
    votes = values.new_empty(len(patches.hole), values.shape[1])
    for pixels, voted in zip(patches.hole.split(_VOTED_AT_ONCE), votes.split(_VOTED_AT_ONCE), strict=True):
        disputed: Tensor | slice = slice(None)
        if shifts is not None:
            shift, is_agreed = shifts.find(pixels)
            voted[:] = values[torch.where(is_agreed, pixels + shift, 0)]
            disputed = (~is_agreed).nonzero().flatten()
        voted[disputed] = _combine(patches, place, pixels[disputed], field, weights, values, gains, modes)
    return votes


class _Shifts:
    """The largest and the smallest shift from each pixel to its source, over all patches that cover it.

    Where both are the same, all patches agree on a pixel. In a field that was refined from a coarser one, most of them
    do, and there is nothing to combine.
    """

    def __init__(self, patches: Patches, field: Tensor) -> None:
        (height, width), reach = patches.size, patches.patch_size // 2
        self.width = width
        touched = torch.zeros(height * width, dtype=torch.bool)
        touched[patches.hole.cpu()] = touched[patches.targets.cpu()] = True
        self.box = rows, columns = bound_mask(touched.view(height, width).numpy())
        del touched
        shape = rows.stop - rows.start + 2 * reach, columns.stop - columns.start + 2 * reach
        shift, missing = (field - patches.targets).int(), height * width
        at, self.most = self._locate(patches.targets, reach), []
        for sign in (1, -1):  # the greatest, and the least
            most = shift.new_full(shape, -missing)
            most.view(-1)[at] = sign * shift
            for dim in (0, 1):
                extent = most.shape[dim] - 2 * reach
                parts = [most.narrow(dim, place, extent) for place in range(patches.patch_size)]
                most = reduce(torch.maximum, parts)
            self.most.append(most.reshape(-1))

    def find(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the shift of pixels of the hole, and whether all patches agree on it, ``[N]`` each."""
        at = self._locate(pixels, 0)
        most, most_back = (each[at] for each in self.most)
        return most, most == -most_back

    def _locate(self, numbers: Tensor, margin: int) -> Tensor:
        """Convert numbers of pixels in the photo to numbers in the box with a margin; in place, as there are many."""
        rows, columns = self.box
        places = (numbers // self.width).sub_(rows.start - margin).mul_(columns.stop - columns.start + 2 * margin)
        return places.add_(numbers % self.width).sub_(columns.start - margin)


def _combine(
    patches: Patches,
    place: Tensor,
    hole: Tensor,
    field: Tensor,
    weights: Tensor,
    values: Tensor,
    gains: Tensor | None,
    modes: int,
) -> Tensor:
    """Combine the votes for a few pixels of the hole, as in :func:`vote`."""
    height, width = patches.size
    down, right = torch.tensor(patches.offsets, device=hole.device).T[..., None]
    step = down * width + right
    y, x = hole // width - down, hole % width - right
    target = place[(hole - step).clamp_(0, height * width - 1)].long()
    counts = (y >= 0) & (y < height) & (x >= 0) & (x < width) & (target >= 0)
    weight, value = weights[target] * counts, values[field[target] + step]
    if gains is not None:
        value += gains[target]
    mode = value[weight.argmax(0), torch.arange(len(hole), device=hole.device)] if modes else None
    for _ in range(max(1, modes)):
        likely = weight
        if mode is not None:
            likely = weight * torch.exp((value - mode).square().sum(2) / (-2 * _MODE))
        mode = (likely[..., None] * value).sum(0) / likely.sum(0)[:, None]
    assert mode is not None
    return mode


def index_targets(patches: Patches) -> Tensor:
    """Find the index of the target at each pixel, ``[H * W]`` int32; -1 for none."""
    height, width = patches.size
    place = torch.full((height * width,), -1, dtype=torch.int32, device=patches.targets.device)
    place[patches.targets] = torch.arange(len(patches.targets), dtype=torch.int32, device=place.device)
    return place


redirect(__name__, {name: f"hcl_sdk.functional.texture.{name}" for name in ("blend_texture", "synthesize")})
