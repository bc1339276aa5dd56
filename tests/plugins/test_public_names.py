"""What the reference documents is public: it exists, and this project's own plugins use nothing else."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path
from typing import Any

import pytest

import hcl_sdk

ROOT = Path(__file__).parents[2]
DOCUMENTED = {
    name
    for page in (ROOT / "docs" / "reference").glob("*.md")
    for name in re.findall(r"^::: ([\w.]+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
}
"""Names, and modules of which all is documented."""

MODULES = sorted(
    path for path in ROOT.glob("plugins/*/hcl_*/**/*.py") if "tests" not in path.relative_to(ROOT / "plugins").parts
)


def find(name: str) -> Any:
    """The module or object of a dotted name."""
    module, _, rest = name.partition(".")
    found: Any = importlib.import_module(module)
    for part in filter(None, rest.split(".")):
        if not hasattr(found, part):
            importlib.import_module(f"{found.__name__}.{part}")
        found = getattr(found, part)
    return found


def imports(path: Path) -> list[tuple[int, str, str]]:
    """(line, module, name) of everything that a module imports from hcl_sdk; the name is empty for whole modules."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found += [(node.lineno, node.module, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [(node.lineno, alias.name, "") for alias in node.names]
    return [item for item in found if item[1].split(".")[0] == "hcl_sdk"]


def is_public(module: str, name: str) -> bool:
    if any(part.startswith("_") for part in (*module.split("."), name)):
        return False
    if module == "hcl_sdk":
        return name in dir(hcl_sdk) or name == ""
    return bool({module, f"{module}.{name}"} & DOCUMENTED)


@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_documented_names_exist(name: str) -> None:
    assert find(name).__doc__ or not callable(find(name))


def test_there_are_plugins_to_check() -> None:
    assert {path.relative_to(ROOT / "plugins").parts[0] for path in MODULES} >= {"hcl-onnx", "hcl-ray", "hcl-timm"}
    assert sum(len(imports(path)) for path in MODULES) > 50


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT / "plugins")))
def test_plugins_import_public_names_alone(path: Path) -> None:
    private = [f"line {line}: {module}.{name}" for line, module, name in imports(path) if not is_public(module, name)]
    assert not private, "not documented in docs/reference, so not promised to plugins"
