"""A built-in component is one file and one line in ``builtin.py``; what else there has to be is said here.

CONTRIBUTING.md has the steps.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import hcl_sdk
from hcl_sdk.plugins import registry
from hcl_sdk.registry import COMPONENT_KINDS, Entry

ROOT = Path(__file__).parents[2]
PACKAGE = Path(hcl_sdk.__file__).parent
EXPORTS = ROOT / "benchmarks" / "exports.py"

BUILT_INS = [e for e in registry.list_entries() if e.distribution is None and e.kind in COMPONENT_KINDS]
each_built_in = pytest.mark.parametrize("entry", BUILT_INS, ids=lambda e: f"{e.kind}-{e.name}")


@each_built_in
def test_its_line_describes_it(entry: Entry) -> None:
    assert entry.summary, f"the line of {entry.name!r} in builtin.py needs a summary"
    assert "\n" not in entry.summary
    assert (entry.target_text.partition(":")[0] + ".").startswith("hcl_sdk.")


@pytest.fixture(scope="module")
def exports() -> ModuleType:
    """The script that writes the exports."""
    spec = importlib.util.spec_from_file_location("exports", EXPORTS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_exports_match_the_lines_in_builtin(exports: ModuleType) -> None:
    stubs = exports.make_stubs()
    assert {str(path.relative_to(PACKAGE).parent) for path in stubs} == {".", "losses", "corruptions", "data"}
    for path, text in stubs.items():
        assert path.read_text("utf-8") == text, "run python benchmarks/exports.py"


@each_built_in
def test_it_can_be_imported_by_its_public_name(entry: Entry, exports: ModuleType) -> None:
    public = importlib.import_module(exports.find_exporting_package(entry))
    name = entry.target_text.partition(":")[2]
    assert name in public.__all__, "run python benchmarks/exports.py"
    assert getattr(public, name) is registry.get(entry.kind, entry.name)


@pytest.mark.parametrize("package", ["data", "losses", "corruptions"])
def test_every_export_of_a_room_is_there(package: str) -> None:
    public = importlib.import_module(f"hcl_sdk.{package}")
    assert public.__doc__
    for name in public.__all__:
        assert getattr(public, name).__name__ == name


def test_a_file_and_a_line_are_enough(tmp_path: Path) -> None:
    """As CONTRIBUTING.md describes it, in a copy of the package."""
    copy = tmp_path / "hcl_sdk"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "assets"))
    identity = (PACKAGE / "interactions" / "identity.py").read_text("utf-8")
    (copy / "interactions" / "plain.py").write_text(identity.replace("class Identity", "class Plain"), "utf-8")
    built_in = (copy / "builtin.py").read_text("utf-8")
    line = 'registry.interaction("plain", "hcl_sdk.interactions.plain:Plain", summary="plain")'
    (copy / "builtin.py").write_text(built_in.rstrip() + f"\n    {line}\n", "utf-8")
    look = (
        "import hcl_sdk; from hcl_sdk.plugins import registry as r; print(hcl_sdk.Plain, r.get('interaction', 'plain'))"
    )
    printed = [
        subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for command in ([str(EXPORTS)], ["-c", look])
    ]
    assert printed == ["", "<class 'hcl_sdk.interactions.plain.Plain'> <class 'hcl_sdk.interactions.plain.Plain'>\n"]
    changed = {
        str(path.relative_to(copy))
        for path in copy.rglob("*.py*")
        if path.suffix != ".pyc"
        and (not (before := PACKAGE / path.relative_to(copy)).exists() or before.read_bytes() != path.read_bytes())
    }
    assert changed == {"builtin.py", "interactions/plain.py", "__init__.pyi"}


@each_built_in
def test_its_class_documents_each_field(entry: Entry) -> None:
    cls = registry.get(entry.kind, entry.name)
    assert cls.__doc__, f"{cls.__name__} needs a docstring"
    for field in cls.__attrs_attrs__:  # type: ignore[attr-defined]
        said = [base.__doc__ or "" for base in cls.__mro__]
        assert any(field.name in text for text in said), f"the docstring of {cls.__name__} does not say {field.name!r}"


def test_every_built_in_is_in_the_reference_once(pages: ModuleType) -> None:
    reference = (ROOT / "docs" / "reference").glob("*.md")
    lines = [line for page in reference for line in pages.on_page_markdown(page.read_text("utf-8")).splitlines()]
    for cls in pages.list_built_ins():
        assert lines.count(f"::: {pages.get_public_name(cls)}") == 1, cls
