"""Write the lines that export the built-in components: they follow from the lines in ``hcl_sdk/builtin.py``.

    python benchmarks/exports.py

A class that is registered as ``hcl_sdk.heads.plain:PlainHead`` is exported by a line in ``hcl_sdk/__init__.pyi``;
losses, shapes, contents and datasets are exported by the ``__init__.pyi`` of their room. Type checkers and editors read
these files, and so does the package when it looks a name up. Lines that export anything else stay as they are.
"""

from __future__ import annotations

import ast
from pathlib import Path

import hcl_sdk
from hcl_sdk.plugins import registry
from hcl_sdk.registry import COMPONENT_KINDS, Entry

PACKAGE = Path(hcl_sdk.__file__).parent
TOP_LEVEL = ("encoder", "interaction", "head", "clusterer", "restorer")
"""Kinds whose built-ins are imported from ``hcl_sdk`` itself."""


def find_exporting_package(entry: Entry) -> str:
    """Return the name of the package that exports a built-in component."""
    return "hcl_sdk" if entry.kind in TOP_LEVEL else ".".join(entry.target_text.split(".")[:2])


def make_stubs() -> dict[Path, str]:
    """Make the text of every ``__init__.pyi`` that exports built-in components."""
    lines: dict[str, set[tuple[str, str]]] = {}
    for entry in registry.list_entries():
        if entry.distribution is None and entry.kind in COMPONENT_KINDS:
            module, _, name = entry.target_text.partition(":")
            package = find_exporting_package(entry)
            lines.setdefault(package, set()).add((module.removeprefix(package), name))
    stubs = {}
    for package, exported in lines.items():
        stub = PACKAGE.parent.joinpath(*package.split("."), "__init__.pyi")
        exported |= _read_other_lines(stub)
        stubs[stub] = "".join(f"from {module} import {name} as {name}\n" for module, name in sorted(exported))
    return stubs


def _read_other_lines(stub: Path) -> set[tuple[str, str]]:
    """Read the lines of a stub whose modules exist: those of a component that was removed or renamed go."""
    kept = set()
    for line in ast.parse(stub.read_text(encoding="utf-8")).body if stub.exists() else ():
        assert isinstance(line, ast.ImportFrom)
        assert line.module is not None
        module = stub.parent.joinpath(*line.module.split("."))
        if module.is_dir() or module.with_suffix(".py").exists():
            kept |= {(f".{line.module}", alias.name) for alias in line.names}
    return kept


if __name__ == "__main__":
    for path, text in make_stubs().items():
        path.write_text(text, encoding="utf-8")
