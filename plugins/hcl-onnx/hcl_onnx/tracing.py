"""Replacing operations that cannot be exported while a model is traced.

ONNX has no pooling to a dynamic size, no binary search, no stable sorting, and cannot reproduce PyTorch's random
numbers. Components need not know of this: their calls are intercepted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class Draws(TorchFunctionMode):
    """Records the random numbers that a model draws from its own generators, so that they can become constants."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[list[float]] = []

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if _is_draw(func, kwargs):
            self.drawn.append(result.tolist())
        return result


class Exportable(TorchFunctionMode):
    """Replaces operations that cannot be exported; active while a model is traced.

    Args:
        drawn: the numbers that :class:`Draws` recorded in an earlier run; the same calls get them as constants.
    """

    def __init__(self, drawn: list[list[float]]) -> None:
        super().__init__()
        self._drawn = iter(drawn)

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if _is_draw(func, kwargs):
            return torch.tensor(next(self._drawn))
        return (_REPLACED.get(func) or func)(*args, **kwargs)


def _is_draw(func: Any, kwargs: dict[str, Any] | None) -> bool:
    return func in (torch.rand, torch.randn, torch.randint, torch.randperm) and bool((kwargs or {}).get("generator"))


def _adaptive_avg_pool2d(x: Tensor, output_size: Any) -> Tensor:
    """Multiply with the matrices that average rows and columns."""
    rows, columns = (_make_averaging_matrix(x.shape[dim], output_size[dim], x) for dim in (-2, -1))
    return rows @ x @ columns.transpose(0, 1)


def _make_averaging_matrix(extent: int, to: int, like: Tensor) -> Tensor:
    """Make a matrix ``[to, extent]``: row ``i`` averages ``i * extent / to`` to ``(i + 1) * extent / to``."""
    i = torch.arange(to, device=like.device)[:, None]
    j = torch.arange(extent, device=like.device)
    inside = (j >= i * extent // to) & (j < ((i + 1) * extent + to - 1) // to)
    weight = inside.to(like.dtype)
    return weight / weight.sum(dim=1, keepdim=True)


def _searchsorted(sorted_sequence: Tensor, values: Tensor) -> Tensor:
    return (sorted_sequence[..., None, :] < values[..., None]).sum(dim=-1)


def _argsort(x: Tensor, *, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    # ONNX's TopK is stable.
    return x.topk(x.shape[dim], dim=dim, largest=descending, sorted=True).indices


def _avg_pool2d(
    x: Tensor,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    if divisor_override is None:
        return F.avg_pool2d(x, kernel_size, stride, padding, ceil_mode, count_include_pad)
    mean = F.avg_pool2d(x, kernel_size, stride, padding, ceil_mode, True)
    return mean * (kernel_size**2 / divisor_override)


def _where(condition: Tensor, *values: Any) -> Any:
    if len(values) == 2 and all(isinstance(v, Tensor) and v.dtype == torch.bool for v in values):
        return (condition & values[0]) | (~condition & values[1])  # ONNX Runtime selects numbers only
    return torch.where(condition, *values)


_REPLACED: dict[Any, Callable[..., Any]] = {
    F.adaptive_avg_pool2d: _adaptive_avg_pool2d,
    F.avg_pool2d: _avg_pool2d,
    torch.searchsorted: _searchsorted,
    Tensor.argsort: _argsort,
    torch.argsort: _argsort,
    torch.where: _where,
}
