"""Shift maps: large holes are filled with few pieces of the photo, each of which is copied as a whole.

Sources: Pritch, Kav-Venaki and Peleg, "Shift-Map Image Editing", ICCV 2009 (a shift for every pixel, and what seams
between shifts cost); He and Sun, "Statistics of Patch Offsets for Image Completion", ECCV 2012 (the shifts to choose
from are those between similar patches of the photo); Tappen and Freeman, "Comparison of Graph Cuts with Belief
Propagation for Stereo", ICCV 2003 (messages that go through the grid one way after the other).

A *shift* is a number of rows and columns. A pixel of the hole that is given the shift (down, right) is copied from so
many rows below and columns to the right of it. Shifts are given to *cells* of 2 x 2 pixels.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import sparse
from scipy.ndimage import distance_transform_edt
from scipy.sparse.linalg import splu
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.functional.filters import blur, measure_grain
from hcl_sdk.functional.masks import check_mask
from hcl_sdk.functional.patch_fields import Patches, find_patches, make_filters
from hcl_sdk.functional.pull_push import pull_push

ITERATIONS = 2
"""Number of times that messages go through the grid in all four directions."""

CELL = 2
"""Side of a cell in pixels."""

_PATCH, _COMPONENTS = 7, 24  # side of the patches that are compared, and principal components
_SIMILAR, _FAR_SIMILAR, _CONTINUED = 44, 20, 32  # number of shifts of each kind
_QUERIES, _BORDER_QUERIES = 256, 200  # patches compared with all others
_AT_ONCE = 100  # of them
_LEAST_SHIFT = 1 / 15  # share of the longer side (He and Sun 2012, section 3): nearer, everything is similar
_NEAR = 8  # pixels around the hole in which patches are compared at least
_PEAK = 2  # pixels between peaks of the histogram
_RING = 2  # pixels around a cell in which copies are compared with what is known
_MISSING = 0.03  # squared difference assumed for what is missing in such a copy
_UNLIKE_CAP = 0.03  # the most that a squared difference from the fill counts
_BELIEVED = 8.0  # pixels: depth at which the weight of the fill has fallen to 1 / e
_GRAIN, _GRAIN_CAP = 4.0, 0.03  # weight of the strength of the grain, and the most its difference counts
_DISTANCE, _ROWS = 0.02, 0.03  # cost of a shift by the whole image, and by its height: what is level with it fits best
_SEAM, _SEAM_COLOR = 0.02, 0.7  # cost of every seam, and of the difference in color along it
_IMPOSSIBLE, _UNUSED = 1e3, 1e6
_LABELS_AT_ONCE = 32  # reductions are several times as fast for multiples
_LIKELY, _BEST = 64, 16  # number of shifts to choose from that are among the best in most cells
_LOW_SIGMA = 2.0  # pixels
_STEP = 0.06  # size of the steps that are leveled


def find_shifts(known: Tensor, corruption_mask: Tensor, hole: Tensor, generator: torch.Generator) -> Tensor:
    """Find shifts that are likely to continue what is around a hole.

    Those are the most frequent ones between similar patches of the photo near the hole: by at least a few pixels, and
    by more than the width of the hole; and between patches at the border of the hole and the patches most similar to
    what is known of them.

    Args:
        known: ``[1, 3, H, W]`` in [0, 1]. Values under the mask have no influence.
        corruption_mask: ``[1, 1, H, W]`` bool, True = corrupted.
        hole: ``[1, 1, H, W]`` bool, the part of the mask that is filled.
        generator: a generator on the CPU, so that the patches chosen are the same on every device.

    Returns:
        ``[K, 2]`` int64, different shifts; none where no patch is known.
    """
    check_mask(corruption_mask)
    size = corruption_mask.shape[-2], corruption_mask.shape[-1]
    patches = find_patches(corruption_mask, min(_PATCH, *((extent - 1) // 2 * 2 + 1 for extent in size)))
    sources = patches.is_source.nonzero().flatten()
    if not len(sources) or not hole.any():
        return sources.new_empty(0, 2)
    depth = torch.from_numpy(distance_transform_edt(hole[0, 0].cpu().numpy())).flatten()
    reach = math.ceil(float(depth.max()))
    away = torch.from_numpy(distance_transform_edt(~hole[0, 0].cpu().numpy())).flatten()
    around = (away <= max(_NEAR, reach)).to(known.device)
    width, filters = size[1], make_filters(patches, known, _COMPONENTS)
    described = F.conv2d(known, filters, padding=patches.patch_size // 2)[0].flatten(1).T
    near = _choose(sources[around[sources]], _QUERIES, generator)
    kinds = sorted([(_LEAST_SHIFT * max(size), _SIMILAR), (2.0 * reach, _FAR_SIMILAR)])
    similar = _find_similar(near, described, patches, [least for least, _ in kinds])
    found = [
        _find_peaks(torch.cat([shifts, -shifts]), size, count)
        for shifts, (_, count) in zip(similar, kinds, strict=True)
    ]
    touching = patches.targets[(hole.flatten() & (depth <= 2).to(known.device))[patches.targets]]
    border = _choose(touching, _BORDER_QUERIES, generator)
    if len(border):
        parts = torch.cat([-2 * known, known.square().sum(1, keepdim=True)], dim=1)
        theirs = F.unfold(parts, patches.patch_size, padding=patches.patch_size // 2)[0]
        places = (border[:, None] + patches.number_offsets()).flatten()
        valid = (~corruption_mask).to(known).flatten()[places]
        own = torch.cat([known[0].flatten(1)[:, places] * valid, valid[None]]).unflatten(1, (len(border), -1))
        unlike = own.transpose(0, 1).flatten(1) @ theirs
        nearest = unlike.masked_fill_(~patches.is_source, math.inf).argmin(1)
        found.append(_find_peaks(_find_steps(border, nearest, width), size, _CONTINUED))
    shifts = torch.unique(torch.cat(found), dim=0)
    return shifts[shifts.abs().amax(1) > 1]


def map_shifts(known: Tensor, corruption_mask: Tensor, hole: Tensor, shifts: Tensor, guidance: float = 3.0) -> Tensor:
    """Give a shift to every pixel of the hole.

    The shifts minimize an energy (Pritch et al. 2009, section 2): copies agree with what is known around the hole and
    with each other where they meet; low frequencies are similar to those of the fill, less so the deeper in the hole,
    where a fill tends to the mean color of all that could be there; shifts are short, and level rather than steep.

    Args:
        known: ``[1, 3, H, W]`` in [0, 1], with a fill in the hole.
        corruption_mask: ``[1, 1, H, W]`` bool, True = corrupted.
        hole: ``[1, 1, H, W]`` bool, the part of the mask that is filled.
        shifts: ``[K, 2]`` int64, to choose from, at least one.
        guidance: weight of the fill next to what is known, >= 0.

    Returns:
        ``[H, W, 2]`` int64; 0 outside the hole.
    """
    check_mask(corruption_mask)
    height, width = corruption_mask.shape[-2:]
    cells = F.max_pool2d(hole.float(), CELL, ceil_mode=True)[0, 0] > 0
    rows, columns = (CELL * part for part in cells.nonzero(as_tuple=True))
    margin = _RING + CELL
    color = F.pad(torch.where(corruption_mask, 0, known), (margin,) * 4)
    valid = F.pad((~corruption_mask).to(known.dtype), (margin,) * 4)
    share = (~corruption_mask).to(known.dtype)
    weight = blur(share, _LOW_SIGMA).clamp(min=1e-3)
    low = blur(known * share, _LOW_SIGMA) / weight
    grain = blur(measure_grain(known) * share, _LOW_SIGMA) / weight
    strength = pull_push(grain, corruption_mask).sqrt()  # what is expected, from that around the hole
    low, expected = torch.cat([low, grain.sqrt()], dim=1), torch.cat([blur(known, _LOW_SIGMA), strength], dim=1)
    table = torch.cat([color, valid], dim=1)[0].flatten(1).T.contiguous()
    step = width + 2 * margin
    last = torch.tensor([height, width], device=known.device)
    place = torch.stack([rows, columns], dim=1)[:, None] + shifts
    source = torch.minimum(place.clamp(min=-CELL), last)  # beyond, everything is missing, too
    source = (source[..., 0] + margin) * step + source[..., 1] + margin
    own = (rows + margin) * step + columns + margin
    parts = torch.stack([table[source + y * step + x] for y in range(CELL) for x in range(CELL)])
    is_possible, features = (parts[..., 3] > 0).all(0), parts[..., :3].permute(1, 2, 0, 3).flatten(2)
    del parts

    unary = _DISTANCE / max(height, width) * shifts.to(known.dtype).norm(dim=1) + _ROWS / height * shifts[:, 0].abs()
    unary = unary.repeat(len(rows), 1)
    nearest = rows.clamp(max=height - 1), columns.clamp(max=width - 1)
    depth = torch.from_numpy(distance_transform_edt(corruption_mask[0, 0].cpu().numpy())).to(known)[nearest]
    believed = guidance * torch.exp(depth / -_BELIEVED)[:, None]
    guide = expected[0, :, nearest[0], nearest[1]].T
    inside = torch.stack([place[..., 0].clamp(0, height - 1), place[..., 1].clamp(0, width - 1)])
    unlike = (low[0][:, inside[0], inside[1]].movedim(0, 2) - guide[:, None]).square()
    unary += believed * unlike[..., :3].sum(2).clamp_(max=_UNLIKE_CAP)
    unary += (_GRAIN * unlike[..., 3]).clamp_(max=_GRAIN_CAP)
    ring = range(-_RING, CELL + _RING)
    steps = torch.tensor([y * step + x for y in ring for x in ring], device=known.device)
    around = table[own[:, None] + steps]
    for number, offset in enumerate(steps.tolist()):
        some = around[:, number, 3].nonzero().flatten()
        copy = table[source[some] + offset]
        difference = (copy[..., :3] - around[some, None, number, :3]).square().sum(2)
        unary[some] += torch.where(copy[..., 3] > 0, difference, _MISSING)
    unary[~is_possible] += _IMPOSSIBLE
    kept = _keep_likely(unary)
    shifts, unary, features = shifts[kept], unary[:, kept], features[:, kept]
    chosen = label_grid(cells, unary, features)
    mapped = shifts.new_zeros(*cells.shape, 2)
    mapped[cells] = shifts[chosen]
    mapped = mapped.repeat_interleave(CELL, 0).repeat_interleave(CELL, 1)[:height, :width]
    return mapped * hole[0, 0, ..., None]


def _keep_likely(unary: Tensor) -> Tensor:
    """Keep the labels that are among the best ones of most cells, and what cells need that would have none.

    Args:
        unary: ``[N, K]``, the cost of each label.

    Returns:
        ``[<= K]`` int64, in ascending order.
    """
    if unary.shape[1] <= _LIKELY:
        return torch.arange(unary.shape[1], device=unary.device)
    best = unary.topk(_BEST, dim=1, largest=False).indices
    kept = torch.bincount(best.flatten().cpu(), minlength=unary.shape[1]).argsort(descending=True, stable=True)
    kept = kept[:_LIKELY].to(unary.device)
    lacking = unary[:, kept].amin(1) >= _IMPOSSIBLE
    return torch.cat([kept, unary[lacking].argmin(1)]).unique()


def label_grid(cells: Tensor, unary: Tensor, features: Tensor) -> Tensor:
    """Choose labels of little energy for the cells of a grid, by min-sum belief propagation.

    The energy is the sum of the cost of each cell's label, and, for each pair of neighbors whose labels differ, of a
    constant and the distance of the two labels' features, in the cell where it is smaller: if both labels bring the
    same to one of the cells, the other cell continues it as its label does, and no seam is seen. (Squared, many steps
    would cost less than one edge, although they are seen as well.)

    Args:
        cells: ``[H, W]`` bool, True = one of the N cells to label.
        unary: ``[N, K]``, the cost of each label.
        features: ``[N, K, D]``, what each label brings.

    Returns:
        ``[N]`` int64: of the labels after each iteration, those with the least energy.
    """
    spare = -unary.shape[1] % _LABELS_AT_ONCE
    unary, features = F.pad(unary, (0, spare), value=_UNUSED), F.pad(features, (0, 0, 0, spare))
    seam = _SEAM * (1 - torch.eye(unary.shape[1])).to(unary)
    squares, one = features.square().sum(2, keepdim=True), torch.ones_like(features[..., :1])
    left, right = torch.cat([-2 * features, squares, one], dim=2), torch.cat([features, one, squares], dim=2)
    unlike = torch.bmm(left, right.mT).clamp_(min=0).sqrt_().mul_(_SEAM_COLOR)
    number = torch.full(cells.shape, -1, device=cells.device)
    number[cells] = torch.arange(len(unary), device=cells.device)
    ways: list[list[tuple[Tensor, Tensor, Tensor]]] = []  # down and to the right: pairs of cells, line by line
    for grid in (number, number.T):
        both = (grid[:-1] >= 0) & (grid[1:] >= 0)
        lengths = [length for length in both.sum(1).tolist() if length]
        lines = []
        for first, second in zip(grid[:-1][both].split(lengths), grid[1:][both].split(lengths), strict=True):
            lines.append((first, second, torch.minimum(unlike[first], unlike[second]).add_(seam)))
        ways.append(lines)
    del unlike
    messages = unary.new_zeros(2, 2, *unary.shape)  # for both ways, those sent forward and those sent back
    total, best, least = unary.clone(), unary.argmin(1), math.inf
    for _ in range(ITERATIONS):
        for lines, (forward, back) in zip(ways, messages, strict=True):
            for first, second, cost in lines:
                _send(total, first, second, cost, back, forward)
            for first, second, cost in reversed(lines):  # what labels cost is symmetric
                _send(total, second, first, cost, forward, back)
        labels = total.argmin(1)
        energy = float(unary.gather(1, labels[:, None]).sum())
        for first, second, cost in (line for lines in ways for line in lines):
            energy += float(cost[torch.arange(len(cost), device=cost.device), labels[first], labels[second]].sum())
        if energy < least:
            best, least = labels, energy
    return best


def _send(total: Tensor, sender: Tensor, receiver: Tensor, cost: Tensor, heard: Tensor, told: Tensor) -> None:
    """Send messages: the cost of the receiver's labels, for the best labels of the sender; in place.

    Args:
        total: ``[N, K]``, the cost of labels, with all messages received.
        sender, receiver: ``[M]``, cells.
        cost: ``[M, K, K]``, of the labels of both.
        heard: ``[N, K]``, what senders were told by receivers, which is not sent back.
        told: ``[N, K]``, what receivers were told by senders.
    """
    message = (cost + (total[sender] - heard[sender])[:, :, None]).amin(1)
    message -= message.amin(1, keepdim=True)
    total[receiver] += message - told[receiver]
    told[receiver] = message


def level_steps(pixels: Tensor, filled: Tensor, hole: Tensor, shifts: Tensor, width: int) -> Tensor:
    """Level small steps in brightness and color between pieces.

    Neighbors should differ as much as their sources do (Perez, Gangnet and Blake, "Poisson Image Editing", SIGGRAPH
    2003). Large steps stay: they are edges of what is shown, whose colors would run.

    Args:
        pixels: ``[H * W, 3]`` in [0, 1]; only sources are used.
        filled: ``[P, 3]``, the pixels of the hole, which meet those around it.
        hole: ``[P]`` int64, their numbers.
        shifts: ``[P]`` int64, the numbers of their sources minus theirs; their neighbors have sources beside those.
        width: of the image.

    Returns:
        ``[P, 3]``.
    """
    number = torch.full((len(pixels),), -1, device=hole.device)
    number[hole] = torch.arange(len(hole), device=hole.device)
    row, column, height = hole // width, hole % width, len(pixels) // width
    firsts: list[Tensor] = []
    seconds: list[Tensor] = []
    bound = torch.full((len(hole),), 1e-6, dtype=torch.float64, device=hole.device)  # number of known neighbors
    sums = torch.zeros(len(hole), 3, dtype=torch.float64, device=hole.device)
    for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        inside = (row + down >= 0) & (row + down < height) & (column + right >= 0) & (column + right < width)
        first = inside.nonzero().flatten()
        second = number[hole[first] + down * width + right]
        bound.index_add_(0, first[second < 0], bound.new_ones(len(first[second < 0])))
        if down + right < 0:
            continue
        first, second = first[second >= 0], second[second >= 0]
        one, other = hole[first], hole[second]
        wanted = [pixels[one + shift] - pixels[other + shift] for shift in (shifts[first], shifts[second])]
        step = (wanted[0] + wanted[1]) / 2 - (filled[first] - filled[second])
        step = (step * torch.exp(step.square().sum(1, keepdim=True) / -(_STEP**2))).double()
        sums[first] += step  # a pixel is the first of one pair, and the second of one
        sums[second] -= step
        firsts.append(first)
        seconds.append(second)
    first, second = (torch.cat(part).cpu().numpy() for part in (firsts, seconds))
    ones = np.ones(len(first))
    pairs = sparse.coo_array((ones, (first, second)), shape=(len(hole), len(hole)))
    pairs = pairs + pairs.T
    system = sparse.diags_array(bound.cpu().numpy() + pairs.sum(1)) - pairs
    solved = splu(system.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(sums.cpu().numpy())
    return filled + torch.from_numpy(solved).to(filled)


def _choose(numbers: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Choose at most ``count`` of the numbers."""
    if len(numbers) <= count:
        return numbers
    return numbers[torch.randperm(len(numbers), generator=generator)[:count].to(numbers.device)]


def _find_similar(queries: Tensor, described: Tensor, patches: Patches, least: list[float]) -> list[Tensor]:
    """Find the shifts from patches to the most similar sources that are farther away than each of ``least``, in
    ascending order: ``[<= N, 2]`` for each.
    """
    height, width = patches.size
    squares = described.square().sum(1).masked_fill_(~patches.is_source, math.inf)
    columns = torch.cat([-2 * described, squares[:, None]], dim=1).T
    found: list[list[Tensor]] = [[] for _ in least]
    for part in queries.split(_AT_ONCE):
        unlike = torch.cat([described[part], torch.ones_like(described[part, :1])], dim=1) @ columns
        down = (part[:, None] // width - torch.arange(height, device=part.device)).abs()[:, :, None]
        right = (part[:, None] % width - torch.arange(width, device=part.device)).abs()[:, None]
        for shifts, near in zip(found, least, strict=True):
            unlike.masked_fill_(((down <= near) & (right <= near)).flatten(1), math.inf)
            smallest, nearest = unlike.min(1)
            some = smallest < math.inf  # others are too near to all of them
            shifts.append(_find_steps(part[some], nearest[some], width))
    return [torch.cat(shifts) for shifts in found]


def _find_steps(numbers: Tensor, others: Tensor, width: int) -> Tensor:
    """Find the rows and columns from pixels to others, ``[N, 2]``."""
    return torch.stack([others // width - numbers // width, others % width - numbers % width], dim=1)


def _find_peaks(shifts: Tensor, size: tuple[int, int], count: int) -> Tensor:
    """Find the most frequent shifts, ``[<= count, 2]``: the highest peaks of their smoothed histogram."""
    height, width = size
    middle = torch.tensor(size, device=shifts.device)
    columns = 2 * width + 1
    places = (shifts + middle) @ torch.tensor([columns, 1], device=shifts.device)
    bins = torch.bincount(places.cpu(), minlength=(2 * height + 1) * columns).view(1, 1, -1, columns).float()
    bins = blur(bins, 1.0)
    highest = F.max_pool2d(bins, 2 * _PEAK + 1, 1, _PEAK)
    peaks = ((bins == highest) & (bins > 0))[0, 0].nonzero()
    order = bins[0, 0, peaks[:, 0], peaks[:, 1]].argsort(descending=True, stable=True)
    return peaks[order[:count]].to(shifts.device) - middle
