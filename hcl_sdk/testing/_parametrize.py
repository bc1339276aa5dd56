"""One pytest test for every component and check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import pytest

from hcl_sdk.testing._check import collect_expectations, list_checks, open_subject
from hcl_sdk.testing._report import Check, Factory, Outcome, explain, find_missing_module, run_check
from hcl_sdk.testing._subjects import WeightsSubject, check_factory

_NONE: Mapping[str, str] = MappingProxyType({})
CAN_BE_MADE = "can_be_made"
"""Stands for all checks of a component where there is none to run them on."""

Ran = tuple[Outcome, Exception | None]


def parametrize_with_checks(
    factories: Iterable[Factory], *, expected_failures: Mapping[str, str] = _NONE
) -> pytest.MarkDecorator:
    """A decorator of a test of ``factory`` and ``check``: it runs for every check of every component.

    A check that does not apply is skipped, one that is expected to fail is reported as xfailed, with the reason; one
    that passes against expectation is a failure. Components are made while tests are collected, to learn their kinds;
    of one that needs a package that is not installed, a single test stands for all and is skipped.

    Args:
        factories: component classes, or functions without arguments, as :func:`check_encoder` takes them; of any kinds.
        expected_failures: names of checks that fail, and why that is to be; of all these components.

    Raises:
        TypeError: if a factory is none, or makes something else.
        ValueError: for expected failures without a reason or of unknown checks.

    Example:
        In a file ``test_encoders.py``::

            @parametrize_with_checks([MyEncoder, lambda: MyEncoder(width=8)])
            def test_my_encoder(factory, check):
                check(factory)
    """
    cases = [case for factory in factories for case in make_cases(factory, expected_failures)]
    return pytest.mark.parametrize(("factory", "check"), cases)


class PytestCheck:
    """A check as a test calls it: ``check(factory)`` skips, fails as expected, or fails.

    Attributes:
        component: what is checked, as reports call it.
        hcl_outcome: what became of the check; the pytest plugin reports it.
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
    """A parameter set for every check; or a single one that fails or is skipped, for what cannot be made.

    Args:
        factory: what makes the component, or weights.
        expected_failures: names of checks that fail, and why that is to be.
        component: what reports call it, instead of the name of its class.
        package: that registered it, if one did.

    Raises:
        TypeError: if the factory is none, or makes something else.
        ValueError: for expected failures without a reason or of unknown checks.
    """
    name = component or getattr(factory, "__name__", "factory").strip("<>")
    if not isinstance(factory, WeightsSubject):
        check_factory(factory)
    try:
        with open_subject(factory) as subject:
            pass
    except Exception as error:  # a failure of one test, and not of the whole file
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
    """What cannot be made: a failure, or skipped if that is not the fault of the package that registered it."""
    reason = ""
    if package and (module := find_missing_module(error, package)):
        reason = f"needs {module}, which is not installed"
    elif package == "hcl_sdk" and isinstance(error, TypeError | ValueError):
        reason = "it cannot be made from its defaults; the tests of hcl_sdk check an example"
    if reason:
        return make_case(component, Outcome(check=CAN_BE_MADE, status="skipped", reason=reason))
    return make_case(component, Outcome(check=CAN_BE_MADE, status="failed", reason=explain(error)), error)


def make_case(component: str, outcome: Outcome, error: Exception | None = None) -> Any:
    """A test of which is known what becomes of it."""
    check = PytestCheck(component, lambda _: (outcome, error))
    return pytest.param(None, check, id=f"{component}-{outcome.check}" if component else outcome.check)
