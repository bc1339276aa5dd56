"""Tracking whether code of plugins runs: what it prints is kept out of ``hcl``'s output."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_runs_plugin: ContextVar[bool] = ContextVar("runs_plugin", default=False)


@contextmanager
def mark_plugin_code() -> Iterator[None]:
    """Mark that code of plugins runs inside: modules being imported, hooks being called, components at work."""
    with _mark(is_plugin=True):
        yield


@contextmanager
def mark_own_code() -> Iterator[None]:
    """Mark that no code of plugins runs inside, within code that is marked."""
    with _mark(is_plugin=False):
        yield


@contextmanager
def _mark(*, is_plugin: bool) -> Iterator[None]:
    token = _runs_plugin.set(is_plugin)
    try:
        yield
    finally:
        _runs_plugin.reset(token)


def runs_plugin_code() -> bool:
    """Whether marked code runs."""
    return _runs_plugin.get()
