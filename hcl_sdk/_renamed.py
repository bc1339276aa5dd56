"""Old names of public functions, which keep working with a warning until a date."""

from __future__ import annotations

import functools
import pkgutil
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

UNTIL = "2028-01-31"
"""Until when the old names below are kept."""


def redirect(module: str, names: Mapping[str, str]) -> None:
    """Keep the old names of ``{old: new}`` working in a module; a ``new`` name elsewhere includes its module."""

    def find_renamed(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warn_renamed(f"{module}.{name}", names[name])
        return pkgutil.resolve_name(names[name] if "." in names[name] else f"{module}.{names[name]}")

    # Set here, not assigned there: type checkers would take a module with a __getattr__ to have every name.
    sys.modules[module].__dict__["__getattr__"] = find_renamed


def keep_old_name(old: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that calls ``method`` and warns that the name ``old`` will be removed."""

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        warn_renamed(f"{method.__qualname__.rpartition('.')[0]}.{old}", method.__name__)
        return method(*args, **kwargs)

    return call


def warn_renamed(old: str, new: str) -> None:
    """Warn the user of an old name, two calls up, that it will be removed."""
    # A FutureWarning, because Python hides a DeprecationWarning from users of a package that uses the old name.
    warnings.warn(f"{old} has been renamed to {new}; the old name works until {UNTIL}", FutureWarning, stacklevel=3)
