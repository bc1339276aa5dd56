"""Check all that an installed package gives."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from hcl_sdk.plugins import registry
from hcl_sdk.registry import BUILTIN_DISTRIBUTION, KINDS_AND_WEIGHTS, Entry, RegistryError, UnknownNameError, normalize
from hcl_sdk.testing.check import checks_for, expectations, subject_of
from hcl_sdk.testing.kit import Check, ChecksFailed, Outcome, Report, explained, missing_module, run
from hcl_sdk.testing.weights import WeightsSubject


def installed_entries(name: str) -> tuple[Entry, ...]:
    """What a name stands for: all that a package gives, or one component or weights.

    Args:
        name: of a package, ``hcl-sdk`` for the built-ins; or of what it gives, qualified (``package/name``) or bare.

    Raises:
        RegistryError: if nothing is called so, or two packages give that bare name.
        PluginError: if plugins are broken and the environment asks for strictness.
    """
    distributions = {report.distribution for report in registry.plugins}
    if normalize(name) in distributions:
        wanted = None if normalize(name) == BUILTIN_DISTRIBUTION else normalize(name)
        return tuple(entry for entry in registry.entries() if entry.distribution == wanted)
    found = []
    for kind in KINDS_AND_WEIGHTS:
        try:
            found.append(registry.find(kind, name))
        except UnknownNameError:
            continue
    if not found:
        names = sorted(distributions | {entry.qualified_name for entry in registry.entries()})
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"installed packages: {', '.join(sorted(distributions))}"
        raise RegistryError(f"neither a package with a plugin nor anything that one gives is called {name!r}; {hint}")
    return tuple(found)


def entry_point_outcomes(name: str) -> tuple[Outcome, ...]:
    """Whether the entry points of a package, if that is what a name stands for, load and register."""
    outcomes = []
    for report in registry.plugins:
        if report.distribution == normalize(name):
            which = f"{report.entry_point} = {report.value}"
            if report.status == "ok":
                outcomes.append(Outcome(check=which, status="passed"))
            else:
                outcomes.append(Outcome(check=which, status="failed", reason=f"{report.status}: {report.error}"))
    return tuple(outcomes)


def check_entries(entries: tuple[Entry, ...]) -> Iterator[Report]:
    """Run the checks of everything that is registered, one after the other."""
    for entry in entries:
        try:
            yield _checked(entry)
        except ChecksFailed as failed:
            yield failed.report


def _checked(entry: Entry) -> Report:
    what = f"{entry.kind} {entry.qualified_name}"
    checks = checks_for(entry.kind)
    if entry.kind == "weights":
        return run(what, checks, WeightsSubject(entry.qualified_name), {})
    package = entry.target_text.partition(":")[0].partition(".")[0]
    try:
        cls = registry.get(entry.kind, entry.qualified_name)
        with subject_of(cls) as subject:
            if isinstance(subject, str):
                return _skipped(what, checks, subject)
            return run(what, checks, subject, expectations(subject, {}))
    except ChecksFailed:
        raise
    except Exception as error:  # whatever importing or making it raises
        if module := missing_module(error, package):
            return _skipped(what, checks, f"needs {module}, which is not installed")
        outcome = Outcome(check="can_be_made", status="failed", reason=explained(error))
        return Report(component=what, outcomes=(outcome,))


def _skipped(what: str, checks: tuple[Check, ...], reason: str) -> Report:
    outcomes = tuple(Outcome(check=check.name, status="skipped", reason=reason) for check in checks)
    return Report(component=what, outcomes=outcomes)
