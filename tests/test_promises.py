"""Each line of the page "What holds under failure", and of the security policy, is kept by a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = {name: (ROOT / "docs/explanation" / name).read_text("utf-8") for name in ("what-holds.md", "security.md")}
NAMED = re.compile(r"`([\w./-]+\.py)::(test_\w+)`")


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_is_named_exists(page: str) -> None:
    named = NAMED.findall(PAGES[page])
    assert len(named) > 3
    for file, test in named:
        module = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert test in [node.name for node in module.body if isinstance(node, ast.FunctionDef)], f"{file}::{test}"


def test_every_promise_names_its_test() -> None:
    promises = re.findall(r"^- .*\n(?:  .*\n)*", PAGES["what-holds.md"], re.MULTILINE)
    assert len(promises) > 25
    assert [promise for promise in promises if not NAMED.search(promise)] == []
