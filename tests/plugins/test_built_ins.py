"""A built-in component is one file and one line in ``builtin.py``; what else there has to be is said here.

CONTRIBUTING.md has the steps.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

import hcl_sdk
from hcl_sdk.plugins import registry
from hcl_sdk.registry import COMPONENT_KINDS, Entry

ROOT = Path(__file__).parents[2]
PACKAGE = Path(hcl_sdk.__file__).parent
TOP_LEVEL = ("encoder", "interaction", "head", "clusterer", "restorer")
"""Kinds whose built-ins are imported from ``hcl_sdk`` itself."""

BUILT_INS = [e for e in registry.list_entries() if e.distribution is None and e.kind in COMPONENT_KINDS]
each_built_in = pytest.mark.parametrize("entry", BUILT_INS, ids=lambda e: f"{e.kind}-{e.name}")


@each_built_in
def test_its_line_says_what_it_is(entry: Entry) -> None:
    assert entry.summary, f"the line of {entry.name!r} in builtin.py needs a summary"
    assert "\n" not in entry.summary
    assert (entry.target_text.partition(":")[0] + ".").startswith("hcl_sdk.")


@each_built_in
def test_it_can_be_imported_by_its_public_name(entry: Entry) -> None:
    module, _, name = entry.target_text.partition(":")
    _, room, *deeper = module.split(".")
    if entry.kind in TOP_LEVEL:
        file, line = "hcl_sdk/__init__.pyi", f"from .{'.'.join((room, *deeper))} import {name} as {name}"
        public = importlib.import_module("hcl_sdk")
    else:
        file, line = f"hcl_sdk/{room}/__init__.py", f"from {module} import {name}  (and {name!r} in __all__)"
        public = importlib.import_module(f"hcl_sdk.{room}")
    assert name in public.__all__, f"{file} needs the line: {line}"
    assert getattr(public, name) is registry.get(entry.kind, entry.name)


@each_built_in
def test_its_class_says_what_each_field_is(entry: Entry) -> None:
    cls = registry.get(entry.kind, entry.name)
    assert cls.__doc__, f"{cls.__name__} needs a docstring"
    for field in cls.__attrs_attrs__:  # type: ignore[attr-defined]
        said = [base.__doc__ or "" for base in cls.__mro__]
        assert any(field.name in text for text in said), f"the docstring of {cls.__name__} does not say {field.name!r}"


def test_every_built_in_is_in_the_reference_once(pages: ModuleType) -> None:
    reference = (ROOT / "docs" / "reference").glob("*.md")
    lines = [line for page in reference for line in pages.on_page_markdown(page.read_text("utf-8")).splitlines()]
    for cls in pages.built_ins():
        assert lines.count(f"::: {pages.public_name(cls)}") == 1, cls
