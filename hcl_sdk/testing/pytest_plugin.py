"""The pytest plugin: a registry for tests, and the summary of checks.

It is loaded into every run of pytest where hcl_sdk is installed, so it imports nothing but pytest, and considers only
tests of :func:`~hcl_sdk.testing.parametrize_with_checks`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from hcl_sdk.registry import Registry

PROPERTY = "hcl_check"
"""The values that a report holds about a check: the component, the check, its status and the reason."""

_WORDS = {"expected failure": "failed as expected", "unexpected pass": "failed"}
_ORDER = ("passed", "failed", "failed as expected", "skipped")


@pytest.fixture
def hcl_registry() -> Iterator[Registry]:
    """Provide the registry without names from other tests; names registered in the test are gone afterwards."""
    from hcl_sdk.testing._isolation import isolate_registry

    with isolate_registry() as registry:
        yield registry


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of :mod:`hcl_sdk.testing.conformance`."""
    text = "test what an installed package provides (with --pyargs hcl_sdk.testing.conformance)"
    parser.getgroup("hcl_sdk").addoption("--hcl-check", metavar="NAME", help=text)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, Any, Any]:
    """Record the outcomes of checks in their reports."""
    report = yield
    check: Any = getattr(item, "callspec", None) and item.callspec.params.get("check")  # pyright: ignore[reportAttributeAccessIssue]
    outcome = getattr(check, "hcl_outcome", None)
    if outcome is not None and report.when == "call":
        report.user_properties.append((PROPERTY, (check.component, outcome.check, outcome.status, outcome.reason)))
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Summarize how many checks ran, and why the others did not."""
    counts: Counter[Any] = Counter()
    reasons: Counter[str] = Counter()
    for reports in list(terminalreporter.stats.values()):
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name != PROPERTY or value[1] == "can_be_made":
                    continue
                _, _, status, reason = value
                counts[_WORDS.get(status, status)] += 1
                if status in ("skipped", "expected failure"):
                    reasons[f"{status}: {reason}"] += 1
    if counts:
        parts = ", ".join(f"{counts[status]} {status}" for status in _ORDER if counts[status])
        terminalreporter.write_sep("-", f"hcl_sdk checks: {parts}")
        for reason, count in reasons.items():
            terminalreporter.write_line(f"  {count} {reason}")
