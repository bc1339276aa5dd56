"""Public names that are imported when first used; the stub of a package is the one list of them."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Mapping
from importlib.machinery import ModuleSpec
from typing import Any

import lazy_loader

from hcl_sdk._renamed import warn_renamed


def attach_stub(
    spec: ModuleSpec, renamed: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Make ``__getattr__``, ``__dir__`` and ``__all__`` for a package with an ``__init__.pyi``.

    Unlike ``lazy_loader.attach_stub``, this reads the stub through the package's own loader, which also works in a zip
    archive. In a frozen program, the hook for PyInstaller provides the stub.

    Args:
        spec: the package's. The stub holds lines ``from .module import Name as Name`` and nothing else.
        renamed: ``{old: new}``, old names that keep working with a warning.

    Raises:
        ImportError: if the stub is missing.
    """
    assert spec.origin is not None
    stub = os.path.join(os.path.dirname(spec.origin), "__init__.pyi")
    try:
        text = spec.loader.get_data(stub)  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
    except OSError as error:
        raise ImportError(
            f"{spec.name} has no __init__.pyi, which lists its public names: whatever copied the package left it out; "
            f"expected {stub}"
        ) from error
    names: dict[str, list[str]] = {}
    for line in ast.parse(text).body:
        assert isinstance(line, ast.ImportFrom)
        assert line.module is not None
        names.setdefault(line.module, []).extend(alias.name for alias in line.names)
    find, list_names, public = lazy_loader.attach(spec.name, submod_attrs=names)

    def find_renamed(name: str) -> Any:
        if renamed is not None and name in renamed:
            warn_renamed(f"{spec.name}.{name}", renamed[name])
            name = renamed[name]
        return find(name)

    return find_renamed, list_names, public
