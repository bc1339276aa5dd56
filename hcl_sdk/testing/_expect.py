"""Requirements shared by checks: a condition, values of a shape and range, results that agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from hcl_sdk.testing._inputs import pair_tensors
from hcl_sdk.testing._report import Fault


def require(condition: Any, message: str) -> None:
    """Raise :class:`Fault` unless a condition holds; it may be a tensor of one value."""
    if not condition:
        raise Fault(message)


def require_values(
    value: Any, shape: Sequence[int], what: str, *, low: float = -math.inf, high: float = math.inf
) -> None:
    """Require a finite float32 tensor of a shape, with values in a range; other layers refuse other precisions."""
    require(isinstance(value, Tensor), f"{what} are a {type(value).__name__} instead of a tensor")
    require(list(value.shape) == list(shape), f"{what}: expected {list(shape)}, got {list(value.shape)}")
    precision = str(value.dtype).removeprefix("torch.")
    require(value.dtype == torch.float32, f"{what} are {precision}; expected float32, like the input")
    require(value.isfinite().all(), f"{what} are not finite")
    least, most = float(value.min()), float(value.max())
    require(low <= least and most <= high, f"{what} go from {least:.3g} to {most:.3g}, beyond [{low:g}, {high:g}]")


def require_same(first: Any, second: Any, how: str) -> None:
    """Require that the tensors of two values of the same structure are equal; ``how`` says when they differ."""
    for path, a, b in pair_tensors(first, second):
        if not torch.equal(a, b):
            raise Fault(f"{path} differs {how} (by up to {measure_difference(a, b):.3g})")


def require_close(first: Any, second: Any, of_which: str, whole: str = "output") -> None:
    """Require that the tensors of two values are equal up to rounding; of bool tensors, 99.9 % of the values."""
    for path, a, b in pair_tensors(first, second, whole):
        what = f"{path} {of_which}"
        require(a.shape == b.shape, f"{what}: {list(a.shape)} and {list(b.shape)}")
        if not a.is_floating_point():
            share = float((a == b).double().mean()) if a.numel() else 1.0
            require(share >= 0.999, f"{what}: {100 * share:.2f} % are equal")
        elif not torch.allclose(a, b, rtol=1e-3, atol=1e-4 * max(1.0, float(b.abs().max())), equal_nan=False):
            raise Fault(f"{what}: they differ by up to {measure_difference(a, b):.3g}")


def require_near(value: Tensor, exact: Tensor, share: float, what: str) -> None:
    """Require that values differ from exact ones by at most a share of the largest of these; NaN is not near."""
    scale, difference = max(float(exact.abs().max()), 1e-3), measure_difference(value.float(), exact)
    require(difference <= share * scale, f"{what} differs by up to {difference:.3g}, at values of up to {scale:.3g}")


def measure_difference(a: Tensor, b: Tensor) -> float:
    """Return the largest absolute difference."""
    return float((a.double() - b.double()).abs().max()) if a.numel() else 0.0
