from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
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


def test_the_version_is_that_of_the_installed_package_and_needs_nothing_heavy() -> None:
    code = "import sys, hcl_sdk; print(hcl_sdk.__version__, {'torch', 'numpy'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == f"{metadata.version('hcl_sdk')} set()"


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="Detecter"):
        hcl_sdk.Detecter  # noqa: B018


# --- Imports point one way -------------------------------------------------------------------------------------------

COMPONENTS = ("encoders", "interactions", "heads", "clusterers", "restorers", "losses", "corruptions")
LEVELS = (
    ("_version", "errors", "files", "messages", "functional"),
    ("layers", "photos", "settings"),
    ("interfaces",),
    COMPONENTS,
    ("registry", "plugins", "builtin", "config"),
    ("detector", "pipeline", "result", "runtime", "weights", "published"),
    ("folders",),
    ("data", "training", "evaluation", "testing"),
    ("cli",),
)
LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names}
MODULES = {
    ".".join(("hcl_sdk", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}


def imports(path: Path, *, top_level: bool) -> Iterator[str]:
    """The modules of the package that a file imports; at its top level only, or anywhere."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has relative imports"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                target = full if full in MODULES else node.module
                if target in MODULES:
                    yield target


@pytest.mark.parametrize("module", [m for m in MODULES if m != "hcl_sdk"])
def test_imports_point_one_way(module: str) -> None:
    room = module.split(".")[1]
    for imported in imports(MODULES[module], top_level=False):
        if imported == "hcl_sdk":  # what plugins write; the public names
            assert LEVEL[room] >= LEVEL["cli"], f"{module} imports the package's public names"
            continue
        other = imported.split(".")[1]
        assert LEVEL[other] <= LEVEL[room], f"{module} imports {imported}"
        if room in COMPONENTS and other != room:
            assert other not in COMPONENTS, f"{module} imports a component of another kind: {imported}"


def test_imports_go_in_no_circle() -> None:
    graph = {module: set(imports(path, top_level=True)) - {module} for module, path in MODULES.items()}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(MODULES)
