"""One pytest test for every component and check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from hcl_sdk.testing._check import collect_expectations, list_checks, open_subject
from hcl_sdk.testing._factories import check_factory
from hcl_sdk.testing._report import NOTHING, Check, Factory, Outcome, explain, find_missing_module, run_check
from hcl_sdk.testing._subjects import WeightsSubject

CAN_BE_MADE = "can_be_made"
"""The name for all checks of a component that cannot be created."""

Ran = tuple[Outcome, Exception | None]


def parametrize_with_checks(
    factories: Iterable[Factory], *, expected_failures: Mapping[str, str] = NOTHING
) -> pytest.MarkDecorator:
    """Decorate a test of ``factory`` and ``check`` so that it runs for every check of every component.

    A check that does not apply is skipped; one that is expected to fail is reported as xfailed, with the reason; one
    that passes unexpectedly is a failure. Components are created while tests are collected, to learn their kinds; if
    one needs a package that is not installed, a single skipped test represents all its checks.

    Args:
        factories: component classes, or functions without arguments, as in :func:`check_encoder`; of any kinds.
        expected_failures: names of checks that are expected to fail, and why; for all these components.

    Raises:
        TypeError: if a factory is invalid, or creates something else.
        ValueError: if expected failures lack a reason, or name unknown checks.

    Example:
        In a file ``test_encoders.py``::

            @parametrize_with_checks([MyEncoder, lambda: MyEncoder(width=8)])
            def test_my_encoder(factory, check):
                check(factory)
    """
    cases = [case for factory in factories for case in make_cases(factory, expected_failures)]
    return pytest.mark.parametrize(("factory", "check"), cases)


class PytestCheck:
    """A check that tests call: ``check(factory)`` skips, fails as expected, or fails.

    Attributes:
        component: the name of the component in reports.
        hcl_outcome: the outcome of the check, which the pytest plugin reports.
    """

    def __init__(self, component: str, run: Callable[[Any], Ran]) -> None:
        self.component, self._run = component, run
        self.hcl_outcome: Outcome | None = None

    def __call__(self, factory: Any) -> None:
        outcome, error = self._run(factory)
        self.hcl_outcome = outcome
        if outcome.status == "skipped":
            pytest.skip(outcome.reason)
        if outcome.status == "expected failure":
            pytest.xfail(outcome.reason)
        if error is not None:
            raise error
        if outcome.is_fault:
            pytest.fail(f"{outcome.check} {outcome.reason}", pytrace=False)


def make_cases(
    factory: Factory | WeightsSubject, expected_failures: Mapping[str, str], component: str = "", package: str = ""
) -> list[Any]:
    """Make a parameter set for every check; or a single one that fails or is skipped, if there is no component.

    Args:
        factory: the factory of the component, or weights.
        expected_failures: names of checks that are expected to fail, and why.
        component: the name in reports, instead of the name of its class.
        package: the package that registered it, if any.

    Raises:
        TypeError: if the factory is invalid, or creates something else.
        ValueError: if expected failures lack a reason, or name unknown checks.
    """
    name = component or getattr(factory, "__name__", "factory").strip("<>")
    if not isinstance(factory, WeightsSubject):
        check_factory(factory)
    try:
        with open_subject(factory) as subject:
            pass
    except Exception as error:  # a failure of one test, not of the whole file
        return [make_failing_case(name, error, package)]
    if isinstance(subject, str):
        return [make_case(name, Outcome(check=CAN_BE_MADE, status="skipped", reason=subject))]
    collect_expectations(subject, expected_failures)
    name = component or subject.name

    def bind(check: Check) -> PytestCheck:
        def run(factory: Any) -> Ran:
            with open_subject(factory) as subject:
                if isinstance(subject, str):
                    return Outcome(check=check.name, status="skipped", reason=subject), None
                return run_check(check, subject, collect_expectations(subject, expected_failures))

        return PytestCheck(name, run)

    return [pytest.param(factory, bind(check), id=f"{name}-{check.name}") for check in list_checks(subject.kind)]


def make_failing_case(component: str, error: Exception, package: str = "") -> Any:
    """Make a failing case of an error, or a skipped one if the package that registered it is not to blame."""
    reason = ""
    if package and (module := find_missing_module(error, package)):
        reason = f"needs {module}, which is not installed"
    elif package == "hcl_sdk" and isinstance(error, TypeError | ValueError):
        reason = "it cannot be made from its defaults; the tests of hcl_sdk check an example"
    if reason:
        return make_case(component, Outcome(check=CAN_BE_MADE, status="skipped", reason=reason))
    return make_case(component, Outcome(check=CAN_BE_MADE, status="failed", reason=explain(error)), error)


def make_case(component: str, outcome: Outcome, error: Exception | None = None) -> Any:
    """Make a test whose outcome is already known."""
    check = PytestCheck(component, lambda _: (outcome, error))
    return pytest.param(None, check, id=f"{component}-{outcome.check}" if component else outcome.check)
