"""Membranes: values continued smoothly into a hole, and the seams of a fill that they close."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from hcl_sdk.functional.arrays._boxes import bound_mask, cut_bands, surround

SWEEPS = 10
"""Gauss-Seidel iterations at each scale of a membrane; the error left at a scale has a wavelength of a few pixels."""

_AT_ONCE = 1 << 16  # pixels that are interpolated at a time
_DEEP = 3  # at this many scales coarser than its own, a pixel is a pixel away from what is near the border, or more

_Floats = NDArray[np.float32]
_Numbers = NDArray[np.intp]


def close_seam(image: _Floats, mask: NDArray[np.bool_], fill: _Floats) -> _Floats:
    """Do :func:`hcl_sdk.functional.compositing.close_seam` for one image: ``[C, H, W]`` and ``[H, W]``."""
    if not mask.any() or mask.all():
        return np.where(mask, fill, image)
    box = surround(bound_mask(mask), mask.shape, most=1)
    hole = mask[box][..., None].astype(np.float32)
    inside = _add_sides(np.concatenate([fill[:, *box].transpose(1, 2, 0) * hole, hole], axis=-1))
    jump = image[:, *box].transpose(1, 2, 0) - inside[..., :-1] / np.maximum(inside[..., -1:], 1)
    closed = np.where(mask, fill, image)
    closed[:, *box] += (stretch_membrane(jump.astype(np.float32), mask[box]) * hole).transpose(2, 0, 1)
    return closed


def stretch_membrane(values: _Floats, mask: NDArray[np.bool_]) -> _Floats:
    """Continue values smoothly into a hole: the solution of Laplace's equation.

    It is solved from coarse to fine (cascadic multigrid), for the pixels of the hole only; nothing flows through the
    border of the image. Far from the border of the hole, where a membrane is smooth, the values of a coarser scale are
    used (Agarwala, "Efficient Gradient-Domain Compositing Using Quadtrees", SIGGRAPH 2007), so that the time is
    proportional to the length of the border.

    Args:
        values: ``[H, W, C]`` float32. Only pixels that share a side with the hole matter.
        mask: ``[H, W]``, True = where values are wanted; not True everywhere.

    Returns:
        ``[H, W, C]``: equal to ``values`` outside the mask.
    """
    levels = [_Level(np.where(mask[..., None], 0, values), mask, _find_border(mask))]
    while levels[-1].mask.any():
        levels.append(_coarsen(levels[-1]))
    solved = levels[-1].values
    for number in reversed(range(len(levels) - 1)):
        values, mask, _ = levels[number]
        coarser = levels[number + 1]
        flat = values.reshape(-1, values.shape[2])
        weighted = np.concatenate([solved, np.ones_like(solved[..., :1])], axis=-1)
        weighted[~(coarser.mask | coarser.border)] = 0
        shallow = None
        if number + _DEEP < len(levels):
            deep = ndimage.binary_erosion(levels[number + _DEEP].mask, np.ones((3, 3)), border_value=1)
            shallow = np.logical_not(deep)
        relaxed = []
        for band in cut_bands(*mask.shape, pixels=_AT_ONCE):
            rows, columns = np.nonzero(mask[band])
            rows += band.start
            flat[rows * mask.shape[1] + columns] = _interpolate(weighted, rows, columns)
            near = slice(None) if shallow is None else shallow[rows >> _DEEP, columns >> _DEEP]
            relaxed.append((rows[near], columns[near]))
        rows, columns = (np.concatenate(parts) for parts in zip(*relaxed, strict=True))
        halves = _color_chessboard(rows, columns, mask.shape)
        for _ in range(SWEEPS):
            for numbers, neighbors, inside in halves:
                total = sum(flat[near] for near in neighbors) - (4 - inside) * flat[numbers]
                flat[numbers] = total / np.maximum(inside, 1)
        solved = flat.reshape(values.shape)
    return solved


class _Level(NamedTuple):
    """Values ``[H, W, C]`` at one scale, and masks ``[H, W]`` of where they are wanted, and known next to it."""

    values: _Floats
    mask: NDArray[np.bool_]
    border: NDArray[np.bool_]


def _find_border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Find the pixels that share a side with the hole: those beyond have no influence."""
    padded = np.pad(mask, 1)
    return (padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]) & ~mask


def _coarsen(level: _Level) -> _Level:
    """Halve a scale: a value is known where any of four is."""
    count, wanted = (_halve(part[..., None].astype(np.float32)) for part in (level.border, level.mask))
    values = _halve(np.where(level.border[..., None], level.values, np.float32(0)))
    values /= np.maximum(count, 1)
    border = count[..., 0] > 0
    return _Level(values, (wanted[..., 0] > 0) & ~border, border)


def _interpolate(weighted: _Floats, rows: _Numbers, columns: _Numbers) -> _Floats:
    """Interpolate bilinearly at twice the scale between values that are followed by their weights, ``[P, C]``."""
    (height, width), flat = weighted.shape[:2], weighted.reshape(-1, weighted.shape[2])
    total = np.zeros((len(rows), flat.shape[1]), np.float32)
    for y, far in ((rows // 2, 0.75), ((rows // 2 + rows % 2 * 2 - 1).clip(0, height - 1), 0.25)):
        for x, wide in ((columns // 2, 0.75), ((columns // 2 + columns % 2 * 2 - 1).clip(0, width - 1), 0.25)):
            total += np.float32(far * wide) * flat.take(y * width + x, axis=0)
    return total[:, :-1] / total[:, -1:]


def _add_sides(image: _Floats) -> _Floats:
    """Sum the four neighbors of each pixel of ``[H, W, C]``; outside the border there are none."""
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    return padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]


def _halve(image: _Floats) -> _Floats:
    """Sum over squares of two by two."""
    height, width, _ = image.shape
    even = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0))) if height % 2 or width % 2 else image
    return even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]


def _color_chessboard(
    rows: _Numbers, columns: _Numbers, size: tuple[int, ...]
) -> list[tuple[_Numbers, _Numbers, _Floats]]:
    """Divide pixels like a chessboard into black and white ones: for either color, the indices of the pixels ``[P]``
    and of their neighbors ``[4, P]`` (outside the image, the pixels themselves), and the number of neighbors inside it
    ``[P, 1]``.
    """
    height, width = size
    parts = []
    for color in (0, 1):
        chosen = (rows + columns) % 2 == color
        y, x = rows[chosen], columns[chosen]
        places = (
            (np.maximum(y - 1, 0), x),
            (np.minimum(y + 1, height - 1), x),
            (y, np.maximum(x - 1, 0)),
            (y, np.minimum(x + 1, width - 1)),
        )
        numbers = y * width + x
        neighbors = np.stack([row * width + column for row, column in places])
        parts.append((numbers, neighbors, (neighbors != numbers).sum(axis=0)[:, None].astype(np.float32)))
    return parts
