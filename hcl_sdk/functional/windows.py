"""Feature maps of any size as square windows of tokens, and which tokens of a window may attend to each other.

A map is ``[B, H, W, C]`` here, channels last. Windows are ``w x w`` tokens, row-major; a map whose size is not a
multiple of the window is padded at the bottom and the right, and padding is never a key. This is equivalent to
shrinking the window to a map that is smaller.

During an export, no step is skipped because the current size does not need it: the graph is for all sizes.
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk._renamed import redirect
from hcl_sdk.functional.resize import get_padding


def pad_to_windows(features: Tensor, window: int, value: float = 0.0) -> Tensor:
    """Pad ``[B, H, W, C]`` at the bottom and the right with ``value`` to multiples of ``window``."""
    down, right = get_padding(features.shape[1], window), get_padding(features.shape[2], window)
    if torch.compiler.is_exporting() or down or right:
        return F.pad(features, (0, 0, 0, right, 0, down), value=value)
    return features


def choose_shift(height: int, width: int, window: int) -> tuple[int, int]:
    """Choose the shift of windows in every other block: half a window where the map is larger than one, otherwise 0."""
    if torch.compiler.is_exporting():
        return torch.sym_ite(height > window, window // 2, 0), torch.sym_ite(width > window, window // 2, 0)
    return (window // 2 if height > window else 0), (window // 2 if width > window else 0)


def partition(features: Tensor, window: int, shift: tuple[int, int] = (0, 0)) -> Tensor:
    """Cut ``[B, H, W, C]``, multiples of ``window``, into windows ``[B, H W / w^2, w^2, C]``.

    Args:
        features: the map.
        window: the side ``w`` of a window.
        shift: rows and columns by which the map is rolled up and left before it is cut.
    """
    features = _roll(features, (-shift[0], -shift[1]))
    return rearrange(features, "b (down y) (across x) c -> b (down across) (y x) c", y=window, x=window)


def merge(windows: Tensor, size: tuple[int, int], window: int, shift: tuple[int, int] = (0, 0)) -> Tensor:
    """Undo :func:`partition`: ``[B, H W / w^2, w^2, C]`` -> ``[B, H, W, C]`` of ``size`` (H, W)."""
    features = rearrange(
        windows, "b (down across) (y x) c -> b (down y) (across x) c", down=size[0] // window, y=window
    )
    return _roll(features, shift)


def _roll(features: Tensor, shift: tuple[int, int]) -> Tensor:
    """Roll ``[B, H, W, C]`` down and right by less than its size."""
    if torch.compiler.is_exporting():
        for dim, by in enumerate(shift, start=1):
            if not isinstance(by, int) or by != 0:  # otherwise it is 0 at all sizes
                extent = features.shape[dim]
                source = torch.arange(extent, device=features.device) - by
                source = torch.where(source < 0, source + extent, source)
                source = torch.where(source < extent, source, source - extent)
                features = features.index_select(dim, source)
        return features
    return features.roll(shift, (1, 2)) if any(shift) else features


def index_relative_positions(window: int) -> Tensor:
    """Compute the row of a table of ``(2w - 1)^2`` relative positions for each query and key: int64 ``[w^2, w^2]``.

    With ``dy = y_query - y_key`` and ``dx`` likewise, it is ``(dy + w - 1)(2w - 1) + (dx + w - 1)``.
    """
    along = torch.arange(window)
    difference = along[:, None] - along[None, :] + window - 1
    rows, columns = difference[:, None, :, None], difference[None, :, None, :]
    return (rows * (2 * window - 1) + columns).reshape(window**2, window**2)


def find_window_neighbors(
    size: tuple[int, int], window: int, shift: tuple[int, int] = (0, 0), device: torch.device | None = None
) -> Tensor | None:
    """Find out which tokens of each window were neighbors on the map before it was padded and rolled.

    Args:
        size: height and width of the map, before padding.
        window: the side ``w`` of a window.
        shift: as in :func:`partition`.
        device: the device of the result.

    Returns:
        bool ``[windows, w^2, w^2]``, query by key: True if both come from the same side of the seam that rolling
        created, and the key is not padding. A token is always its own neighbor, so every query has a key. None if all
        are True.
    """
    if not torch.compiler.is_exporting() and not any(shift) and not any(extent % window for extent in size):
        return None
    rows, columns = (_find_axis_neighbors(extent, window, by, device) for extent, by in zip(size, shift, strict=True))
    both = rows[:, None, :, None, :, None] & columns[None, :, None, :, None, :]
    itself = torch.eye(window**2, dtype=torch.bool, device=device)
    return both.reshape(-1, window**2, window**2) | itself


def _find_axis_neighbors(extent: int, window: int, shift: int, device: torch.device | None) -> Tensor:
    """Find the neighbors along one axis as :func:`find_window_neighbors` does: ``[windows, w, w]``."""
    padded = extent + get_padding(extent, window)
    position = torch.arange(padded, device=device)
    origin = torch.where(position < padded - shift, position + shift, position + shift - padded)
    seam = (position >= padded - shift).reshape(-1, window)  # rolled over from the other end of the map
    real = (origin < extent).reshape(-1, window)
    return (seam[:, :, None] == seam[:, None, :]) & real[:, None, :]


def find_attendable(neighbors: Tensor | None, corrupted: Tensor | None) -> Tensor | None:
    """Find the keys that each query attends to, given its neighbors and the corrupted tokens of the windows.

    The published method adds -100 to the logit of a key that is not a neighbor, and again if it is corrupted, so only
    the keys with the fewest of these have a nonzero weight in float32. These are returned: the valid neighbors of a
    query; if it has none, its corrupted neighbors and the other valid tokens.

    Args:
        neighbors: bool ``[windows, N, N]`` or None.
        corrupted: bool ``[B, windows, N]`` or None. Padding counts as corrupted.

    Returns:
        bool mask, broadcastable to ``[B, windows, heads, N, N]``; None if every key may be attended to.
    """
    if corrupted is None:
        return None if neighbors is None else neighbors[:, None]
    valid = ~corrupted[:, :, None, None, :]
    if neighbors is None:
        return valid | ~valid.any(-1, keepdim=True)
    near = neighbors[:, None]
    best = near & valid
    return torch.where(best.any(-1, keepdim=True), best, near | valid)


redirect(
    __name__,
    {
        "attendable": "find_attendable",
        "half_shift": "choose_shift",
        "relative_position_index": "index_relative_positions",
        "window_neighbors": "find_window_neighbors",
    },
)
