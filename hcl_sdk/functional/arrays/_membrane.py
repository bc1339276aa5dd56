"""Membranes: values continued smoothly into a hole, and the seams of a fill that they close."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SWEEPS = 10
"""Gauss-Seidel iterations at each scale of a membrane; what is left to do at a scale has a wavelength of few pixels."""

_Floats = NDArray[np.float32]
_Numbers = NDArray[np.intp]


def close_seam(image: _Floats, mask: NDArray[np.bool_], fill: _Floats) -> _Floats:
    """Do :func:`hcl_sdk.functional.compositing.close_seam` for one image: ``[C, H, W]`` and ``[H, W]``."""
    if not mask.any() or mask.all():
        return np.where(mask, fill, image)
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    box = slice(max(rows[0] - 1, 0), rows[-1] + 2), slice(max(columns[0] - 1, 0), columns[-1] + 2)
    hole = mask[box][..., None].astype(np.float32)
    inside = _add_sides(np.concatenate([fill[:, *box].transpose(1, 2, 0) * hole, hole], axis=-1))
    jump = image[:, *box].transpose(1, 2, 0) - inside[..., :-1] / np.maximum(inside[..., -1:], 1)
    closed = np.where(mask, fill, image)
    closed[:, *box] += (stretch_membrane(jump.astype(np.float32), mask[box]) * hole).transpose(2, 0, 1)
    return closed


def stretch_membrane(values: _Floats, mask: NDArray[np.bool_]) -> _Floats:
    """Continue values smoothly into a hole: the solution of Laplace's equation.

    Coarse to fine (cascadic multigrid), on the pixels of the hole alone; nothing flows through the border of the image.

    Args:
        values: ``[H, W, C]`` float32. Only those of pixels that have a side in common with the hole matter.
        mask: ``[H, W]``, True = where values are wanted; not True everywhere.

    Returns:
        ``[H, W, C]``: as ``values`` outside the mask.
    """
    hole = mask[..., None].astype(np.float32)
    border = (_add_sides(hole) > 0) * (1 - hole)  # what lies beyond it has no influence
    levels = [(np.where(mask[..., None], 0, values), mask)]
    while levels[-1][1].any():
        sums = _halve(np.concatenate([levels[-1][0] * border, border, hole], axis=-1))
        weight = sums[..., -2:-1]
        border = (weight > 0).astype(np.float32)
        hole = (sums[..., -1:] > 0) * (1 - border)
        levels.append((sums[..., :-2] / np.maximum(weight, 1), hole[..., 0] > 0))
    solved = levels[-1][0]
    for values, mask in reversed(levels[:-1]):
        width = mask.shape[1]
        flat = values.reshape(-1, values.shape[2])
        halves = _color_chessboard(mask)
        for numbers, _, _ in halves:
            flat[numbers] = solved[numbers // width // 2, numbers % width // 2]
        for _ in range(SWEEPS):
            for numbers, neighbors, inside in halves:
                total = sum(flat[near] for near in neighbors) - (4 - inside) * flat[numbers]
                flat[numbers] = total / np.maximum(inside, 1)
        solved = flat.reshape(values.shape)
    return solved


def _add_sides(image: _Floats) -> _Floats:
    """Sum the four neighbors of each pixel of ``[H, W, C]``; outside the border there are none."""
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    return padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]


def _halve(image: _Floats) -> _Floats:
    """Sum over squares of two by two."""
    height, width, channels = image.shape
    even = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)))
    return even.reshape((height + 1) // 2, 2, (width + 1) // 2, 2, channels).sum(axis=(1, 3))


def _color_chessboard(mask: NDArray[np.bool_]) -> list[tuple[_Numbers, _Numbers, _Floats]]:
    """Divide the True pixels like a chessboard into black and white ones: for either color, the indices of the pixels
    ``[P]`` and of their neighbors ``[4, P]`` (outside the image, the pixels themselves), and the number of neighbors
    inside it ``[P, 1]``.
    """
    height, width = mask.shape
    parts = []
    rows, columns = np.nonzero(mask)
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
