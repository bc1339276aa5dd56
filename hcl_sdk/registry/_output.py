"""Tracking whether code of plugins runs: what it prints while being imported is kept out of ``hcl``'s output."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_runs_plugin: ContextVar[bool] = ContextVar("runs_plugin", default=False)


@contextmanager
def mark_plugin_code() -> Iterator[None]:
    """Mark that code of plugins runs inside: modules being imported, hooks being called."""
    token = _runs_plugin.set(True)
    try:
        yield
    finally:
        _runs_plugin.reset(token)


def runs_plugin_code() -> bool:
    """Whether marked code runs."""
    return _runs_plugin.get()
