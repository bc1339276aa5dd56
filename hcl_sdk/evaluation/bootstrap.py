"""Confidence intervals by bootstrap over photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
"""A measure over all images, followed by each bootstrap sample, ``[1 + resamples]``; NaN if undefined."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A measure with its 95 % confidence interval by bootstrap over photos; all None if undefined."""

    value: float | None
    low: float | None
    high: float | None


def resample(sources: Sequence[str], resamples: int, seed: int) -> NDArray[np.float64]:
    """Draw how often each image counts, ``[1 + resamples, images]``: once, and then in each bootstrap sample.

    Whole sources are drawn, with all their images: damaged copies of one photo are not independent. All measures are
    functions of sums over images, so a sample is a row of weights.
    """
    numbers: dict[str, int] = {}
    source = [numbers.setdefault(name, len(numbers)) for name in sources]
    count = len(numbers)
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    return np.concatenate([np.ones((1, count)), drawn.astype(np.float64)])[:, source]


def estimate(values: Values) -> Estimate:
    """Return the value and the interval that contains 95 % of the bootstrap samples."""
    if not np.isfinite(values[0]):
        return Estimate(value=None, low=None, high=None)
    resampled = values[1:][np.isfinite(values[1:])]
    if len(resampled) == 0:
        return Estimate(value=float(values[0]), low=None, high=None)
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Estimate(value=float(values[0]), low=float(low), high=float(high))


def divide(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide; NaN if there is nothing to divide by."""
    return np.divide(numerator, denominator, out=np.full_like(numerator, np.nan), where=denominator > 0)
