"""The plugins of this repository declare the packages that they import, and register without importing them."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(file.parent for file in ROOT.glob("plugins/*/pyproject.toml"))
DISTRIBUTIONS = {"PIL": "pillow", "cv2": "opencv-python-headless", "patchmatch": "pypatchmatch"}
"""Names of packages to install, where they differ from the names to import by more than hyphens."""

PROGRAM = """
import importlib, json, sys

import hcl_sdk.plugins

class Recorder:
    def __init__(self):
        self.targets = []

    def __getattr__(self, kind):
        return lambda name, target, **options: self.targets.append(target)

before, recorder = set(sys.modules), Recorder()
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    plugin = importlib.import_module(name)
    hooks = [getattr(plugin, hook) for hook in ("hcl_register", "hcl_add_commands") if hasattr(plugin, hook)]
    assert hooks, name
    for hook in hooks:
        hook(recorder)
imported = {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
print(json.dumps([sorted(imported), recorder.targets]))
"""


def test_there_are_plugins() -> None:
    assert len(PACKAGES) > 10


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_registering_imports_the_package_alone(package: Path) -> None:
    project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    modules = project["entry-points"]["hcl_sdk"].values()
    command = [sys.executable, "-c", PROGRAM, str(package), *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    imported, targets = json.loads(done.stdout)
    assert set(imported) <= {package.name.replace("-", "_"), "hcl_sdk"}
    for target in targets:
        module = package / Path(*target.partition(":")[0].split("."))
        assert module.is_dir() or module.with_suffix(".py").is_file(), f"{target} does not exist"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_imported_packages_are_declared(package: Path) -> None:
    declared = list_declared(package)
    if package.name == "hcl-onnx":  # exported models run without hcl_sdk's own dependencies
        declared |= list_declared(ROOT)
    assert list_imported(package) - declared <= {package.name}


def list_declared(package: Path) -> set[str]:
    """List the packages that a package or its extras depend on."""
    project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [each for name, more in project["optional-dependencies"].items() if name != "test" for each in more]
    return {re.split(r"[\[<>=]", text)[0].replace("_", "-") for text in [*project["dependencies"], *extras]}


def list_imported(package: Path) -> set[str]:
    """List the packages that the modules of a plugin import, by the names under which they are installed."""
    imported = set()
    for file in package.glob("hcl_*/**/*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                imported.add(node.module.partition(".")[0])
            elif isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
    return {DISTRIBUTIONS.get(name, name).replace("_", "-") for name in imported - set(sys.stdlib_module_names)}
