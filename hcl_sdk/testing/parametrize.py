"""One pytest test for every component and check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import pytest

from hcl_sdk.testing.check import checks_for, expectations, subject_of
from hcl_sdk.testing.kit import Check, Factory, check_expectations, outcome_of
from hcl_sdk.testing.subject import check_factory

_NONE: Mapping[str, str] = MappingProxyType({})


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
    cases = []
    for factory in factories:
        check_factory(factory)
        name = getattr(factory, "__name__", "factory").strip("<>")
        try:
            with subject_of(factory) as subject:
                if isinstance(subject, str):
                    cases.append(pytest.param(factory, None, id=name, marks=pytest.mark.skip(reason=subject)))
                    continue
                expected, known = expectations(subject, expected_failures), checks_for(subject.base.kind)
                name = subject.cls.__name__
        except Exception as error:  # a failure of one test, and not of the whole file
            cases.append(pytest.param(factory, _CannotBeMade(error), id=f"{name}-can_be_made"))
            continue
        check_expectations(expected, known, name)
        cases += [
            pytest.param(factory, PytestCheck(check, expected_failures), id=f"{name}-{check.name}") for check in known
        ]
    return pytest.mark.parametrize(("factory", "check"), cases)


class _CannotBeMade:
    """Stands for the checks of a component that cannot be made."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __call__(self, factory: Any) -> None:
        raise self.error


class PytestCheck:
    """A check as a test calls it: ``check(factory)`` skips, fails as expected, or fails."""

    def __init__(self, check: Check, expected_failures: Mapping[str, str]) -> None:
        self.check, self.expected_failures = check, expected_failures
        self.hcl_check = check.name  # by which the pytest plugin knows it

    def __call__(self, factory: Any) -> None:
        with subject_of(factory) as subject:
            if isinstance(subject, str):
                pytest.skip(subject)
            outcome, error = outcome_of(self.check, subject, expectations(subject, self.expected_failures))
        if outcome.status == "skipped":
            pytest.skip(outcome.reason)
        if outcome.status == "expected failure":
            pytest.xfail(outcome.reason)
        if error is not None:
            raise error
        if outcome.is_fault:
            pytest.fail(f"{outcome.check} {outcome.reason}", pytrace=False)
