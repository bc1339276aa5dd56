"""Public names that are imported when first used; the stub of a package is the one list of them."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from typing import Any

import lazy_loader


def attach_stub(spec: ModuleSpec) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a package with an ``__init__.pyi``, wherever it is imported from.

    ``lazy_loader.attach_stub`` wants the stub as a file, which it is not in a zip archive; the package's own loader has
    it in either case. In a frozen program it is there because the hook for PyInstaller brings it.

    Args:
        spec: of the package. The stub holds lines ``from .module import Name as Name`` and nothing else.

    Raises:
        ImportError: if the stub is not there.
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
    return lazy_loader.attach(spec.name, submod_attrs=names)
