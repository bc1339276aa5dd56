"""A validator for fields that are a range."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs


def between(low: float, high: float = math.inf) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    """A validator: two numbers in order, from ``low`` to ``high``."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: tuple[float, float]) -> None:
        if not low <= value[0] <= value[1] <= high:
            limit = f"from {low} to {high}" if high < math.inf else f"at least {low}"
            raise ValueError(f"'{attribute.name}' must be two numbers in order, {limit}: {value}")

    return check
