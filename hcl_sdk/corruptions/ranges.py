"""Fields that are ranges or lists of choices: validating them, and drawing from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import attrs
import numpy as np

_T = TypeVar("_T")


def check_growing(_: Any, attribute: attrs.Attribute[Any], value: Sequence[float]) -> None:
    """Validate shares of an image, each greater than the one before."""
    if any(not 0 <= low < high <= 1 for low, high in pairwise(value)):
        raise ValueError(f"'{attribute.name}' must be increasing shares of a photo, from 0 to 1: {value}")


def between(low: float, high: float = math.inf) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    """Make a validator for two numbers in order, from ``low`` to ``high``."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: tuple[float, float]) -> None:
        if not low <= value[0] <= value[1] <= high:
            limit = f"from {low} to {high}" if high < math.inf else f"at least {low}"
            raise ValueError(f"'{attribute.name}' must be two numbers in order, {limit}: {value}")

    return check


def pick(rng: np.random.Generator, choices: Sequence[_T]) -> _T:
    """Pick one of several choices, all equally likely; one that is listed twice is twice as likely."""
    return choices[int(rng.integers(len(choices)))]


def pick_count(rng: np.random.Generator, limits: tuple[int, int]) -> int:
    """Pick an integer between two, both included."""
    return int(rng.integers(limits[0], limits[1] + 1))


def pick_number(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    """Draw a number between two limits; where they are equal, nothing is drawn from the generator."""
    return limits[0] if limits[0] == limits[1] else float(rng.uniform(*limits))
