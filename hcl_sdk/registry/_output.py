"""What plugins print while they are imported stays out of the output of ``hcl``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_runs_plugin: ContextVar[bool] = ContextVar("runs_plugin", default=False)


@contextmanager
def plugin_code() -> Iterator[None]:
    """Mark that code of plugins runs inside: modules that are imported, hooks that are called."""
    token = _runs_plugin.set(True)
    try:
        yield
    finally:
        _runs_plugin.reset(token)


@contextmanager
def own_output() -> Iterator[None]:
    """Keep standard output for what a command itself prints; what marked code of plugins prints goes to standard error.

    For a program alone, not for the library: it replaces ``sys.stdout``.
    """
    before = sys.stdout
    sys.stdout = _Output(before)  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.stdout = before


class _Output:
    """Standard output, or standard error where plugins run."""

    def __init__(self, stdout: Any) -> None:
        self._stdout = stdout

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr if _runs_plugin.get() else self._stdout, name)
