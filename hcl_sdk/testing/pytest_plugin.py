"""The pytest plugin: a registry for tests, and the summary of checks.

It is loaded into every run of pytest where hcl_sdk is installed, so it imports nothing but pytest, and looks at no test
but those of :func:`~hcl_sdk.testing.parametrize_with_checks`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from hcl_sdk.registry import Registry

_PROPERTY = "hcl_check"


@pytest.fixture
def hcl_registry() -> Iterator[Registry]:
    """The registry of components, without what other tests registered; what is registered here is gone afterwards."""
    from hcl_sdk.testing.isolation import isolated_registry

    with isolated_registry() as registry:
        yield registry


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, Any, Any]:
    """Mark the reports of checks."""
    report = yield
    check = getattr(item, "callspec", None) and item.callspec.params.get("check")  # pyright: ignore[reportAttributeAccessIssue]
    if name := getattr(check, _PROPERTY, None):
        report.user_properties.append((_PROPERTY, name))
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How many checks ran, and why the others did not."""
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for outcome in ("passed", "failed", "xfailed", "skipped"):
        for report in terminalreporter.stats.get(outcome, ()):
            if not any(name == _PROPERTY for name, _ in getattr(report, "user_properties", ())):
                continue
            if outcome == "passed" and report.when != "call":
                continue
            counts[outcome] += 1
            if outcome == "skipped" and isinstance(report.longrepr, tuple):
                reasons[f"skipped: {report.longrepr[2].removeprefix('Skipped: ')}"] += 1
            elif outcome == "xfailed":
                reasons[f"expected failure: {report.wasxfail.removeprefix('reason: ')}"] += 1
    if counts:
        words = {"xfailed": "failed as expected"}
        parts = ", ".join(f"{count} {words.get(outcome, outcome)}" for outcome, count in counts.items())
        terminalreporter.write_sep("-", f"hcl_sdk checks: {parts}")
        for reason, count in reasons.items():
            terminalreporter.write_line(f"  {count} {reason}")
