"""Tests of everything an installed package provides: ``pytest --pyargs hcl_sdk.testing.conformance --hcl-check NAME``.

``hcl plugins check NAME`` runs them and prints a summary; when run by pytest itself, they accept all its options.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hcl_sdk.errors import suggest
from hcl_sdk.plugins import registry
from hcl_sdk.registry import BUILTIN_DISTRIBUTION, KINDS_AND_WEIGHTS, Entry, RegistryError, UnknownNameError, normalize
from hcl_sdk.testing._parametrize import PytestCheck, make_case, make_cases, make_failing_case
from hcl_sdk.testing._report import Outcome
from hcl_sdk.testing._subjects import WeightsSubject


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Generate a test for every entry point, component and check of the given name."""
    name = metafunc.config.getoption("hcl_check")
    if not name:
        raise pytest.UsageError("expected --hcl-check NAME, of an installed package or something it provides")
    cases = [*_make_entry_point_cases(name)]
    for entry in find_entries(name):
        cases += make_entry_cases(entry)
    metafunc.parametrize(("factory", "check"), cases)


def test_conformance(factory: Any, check: PytestCheck) -> None:
    """Components of a package keep the promises of their kinds."""
    check(factory)


def find_entries(name: str) -> tuple[Entry, ...]:
    """Find the entries of a name: everything that a package provides, or one component or weights.

    Args:
        name: the name of a package, ``hcl-sdk`` for the built-ins; or of something it provides, qualified
            (``package/name``) or bare.

    Raises:
        RegistryError: if the name is unknown, or two packages provide that bare name.
        PluginError: if plugins are broken and the environment demands strictness.
    """
    distributions = {report.distribution for report in registry.plugins}
    if normalize(name) in distributions:
        wanted = None if normalize(name) == BUILTIN_DISTRIBUTION else normalize(name)
        return tuple(entry for entry in registry.list_entries() if entry.distribution == wanted)
    found = []
    for kind in KINDS_AND_WEIGHTS:
        try:
            found.append(registry.find(kind, name))
        except UnknownNameError:
            continue
    if not found:
        names = sorted(distributions | {entry.qualified_name for entry in registry.list_entries()})
        hint = suggest(name, names, f"installed packages: {', '.join(sorted(distributions))}")
        raise RegistryError(
            f"neither a package with a plugin nor anything that one provides is called {name!r}; {hint}"
        )
    return tuple(found)


def make_entry_cases(entry: Entry) -> list[Any]:
    """Make the tests of a registered component or of registered weights."""
    component = f"{entry.kind} {entry.qualified_name}"
    if entry.kind == "weights":
        return make_cases(WeightsSubject(entry.qualified_name), {}, component)
    package = entry.target_text.partition(":")[0].partition(".")[0]
    try:
        return make_cases(registry.get(entry.kind, entry.qualified_name), {}, component, package)
    except Exception as error:  # any error of importing it, or invalid expected failures
        return [make_failing_case(component, error, package)]


def _make_entry_point_cases(name: str) -> Iterator[Any]:
    """Make tests that the entry points of a package, if the name is that of a package, load and register."""
    for report in registry.plugins:
        if report.distribution == normalize(name):
            which = f"{report.entry_point} = {report.value}"
            if report.status == "ok":
                yield make_case("", Outcome(check=which, status="passed"))
            else:
                yield make_case("", Outcome(check=which, status="failed", reason=f"{report.status}: {report.error}"))
