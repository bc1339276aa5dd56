"""Tracking of the component at work when an error is raised."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from hcl_sdk.registry._entries import COMPONENT_KINDS

if TYPE_CHECKING:
    from hcl_sdk.registry._registry import Registry


def find_component_at_work(registry: Registry, error: BaseException) -> str | None:
    """Find the innermost component in the traceback of an error: ``the loss l1``; None if there is none."""
    from hcl_sdk.interfaces import Configurable  # imports torch

    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        at_work = frame.f_locals.get("self")
        if isinstance(at_work, Configurable) and getattr(at_work, "kind", None) in COMPONENT_KINDS:
            cls = type(at_work)
            entry = registry.find_entry(cls)
            return f"the {cls.kind} {cls.__name__ if entry is None else entry.qualified_name}"
    return None
