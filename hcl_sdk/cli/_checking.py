"""``hcl plugins check``: runs the conformance kit on a plugin."""

from __future__ import annotations

from typing import Any

import click


def check(name: str, verbose: bool) -> None:
    """Run the checks with pytest, and print their outcomes.

    Raises:
        click.ClickException: if a check failed or passed unexpectedly, or if nothing could be checked.
        RegistryError: if nothing has that name.
    """
    try:
        import pytest
    except ImportError:
        raise click.ClickException("the checks need pytest, which is not installed: pip install pytest") from None
    from hcl_sdk.testing import Report, conformance, count_outcomes, list_reasons

    conformance.find_entries(name)
    collected = _Collector()
    switched_off = "terminal", "cacheprovider", "warnings", "faulthandler", "unraisableexception", "threadexception"
    options = ("--capture=no", "--assert=plain", "--noconftest", "--import-mode=importlib", "-o", "addopts=")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # other installed plugins of pytest may be slow to load
        patch.delenv("PYTEST_ADDOPTS", raising=False)
        plugins = [word for plugin in switched_off for word in ("-p", f"no:{plugin}")]
        status = pytest.main(
            [conformance.__file__, f"--hcl-check={name}", "-p", "hcl_sdk.testing.pytest_plugin", *options, *plugins],
            plugins=[collected],
        )
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise click.ClickException(f"pytest could not run the checks: {collected.error or status!r}")

    points = collected.outcomes.pop("", [])
    for line in list_reasons(points):
        click.echo(line.strip())
    for component, outcomes in collected.outcomes.items():
        click.echo(str(Report(component=component, outcomes=tuple(outcomes))))
        if verbose:
            for outcome in outcomes:
                if outcome.status == "passed":
                    click.echo(f"  passed: {outcome.check}")
    outcomes = [outcome for of_one in collected.outcomes.values() for outcome in of_one]
    if len(collected.outcomes) > 1:
        click.echo(f"\n{len(collected.outcomes)} components and weights, {count_outcomes(outcomes)}")
    if faults := [o for o in (*points, *outcomes) if o.is_fault]:
        raise click.ClickException(f"{len(faults)} failed: {', '.join(dict.fromkeys(o.check for o in faults))}")
    if all(o.status == "skipped" for o in outcomes):
        raise click.ClickException(f"nothing of {name} could be checked")


class _Collector:
    """A pytest plugin that collects the outcome of every check, by component."""

    def __init__(self) -> None:
        self.outcomes: dict[str, list[Any]] = {}
        self.error = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        from hcl_sdk.testing import Outcome
        from hcl_sdk.testing.pytest_plugin import PROPERTY

        if report.when != "call":
            return
        for name, value in report.user_properties:
            if name == PROPERTY:
                component, check, status, reason = value
                self.outcomes.setdefault(component, []).append(Outcome(check=check, status=status, reason=reason))

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.error = str(report.longrepr)
