"""Validators for related fields; for single values see ``attrs.validators``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs


def as_many_as(other: str) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    """Return a validator: a tuple must have as many values as the field ``other``, which is declared before it.

    It runs when a configuration is checked, before anything is created, so its problem is reported with all others.
    """

    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        expected = len(getattr(instance, other))
        if len(value) != expected:
            raise ValueError(f"'{attribute.name}' must have as many values as '{other}', {expected}: {value}")

    return check
