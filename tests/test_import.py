from __future__ import annotations

import ast
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import hcl_sdk

PACKAGE = Path(hcl_sdk.__file__).parent
STUB = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
NAMES = [alias.name for node in STUB.body if isinstance(node, ast.ImportFrom) for alias in node.names]


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, hcl_sdk; print(*{'torch', 'numpy', 'PIL', 'accelerate', 'huggingface_hub'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_there(name: str) -> None:
    assert name in dir(hcl_sdk)
    assert getattr(getattr(hcl_sdk, name), "__name__", name) == name


def test_the_version_matches_the_installed_package_and_needs_nothing_heavy() -> None:
    code = "import sys, hcl_sdk; print(hcl_sdk.__version__, {'torch', 'numpy'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == f"{metadata.version('hcl_sdk')} set()"


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="Detecter"):
        hcl_sdk.Detecter  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue]
