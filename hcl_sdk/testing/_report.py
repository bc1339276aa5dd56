"""Checks, their outcomes, and how these are reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias
from unittest import SkipTest

from hcl_sdk.errors import describe_error, locate_error

Status: TypeAlias = Literal["passed", "failed", "skipped", "expected failure", "unexpected pass"]

Factory: TypeAlias = Callable[[], Any] | type[Any]
"""A component class, or a function without arguments that creates a new component at each call."""

NOTHING: Mapping[str, str] = MappingProxyType({})
"""No failures that are expected."""


class Fault(Exception):  # noqa: N818  # of a component; no AssertionError, which python -O and pytest treat their way
    """Raised by a check if a property is missing; the message says what was promised and what was received."""


class ChecksFailed(AssertionError):  # noqa: N818  # what pytest and people read is that checks failed
    """A component breaks a promise of its kind.

    Attributes:
        report: the outcome of every check.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(f"{report}")
        self.report = report

    def __reduce__(self) -> Any:
        return type(self), (self.report,)


@dataclass(frozen=True)
class Check:
    """One property that a component must have.

    Attributes:
        function: raises ``unittest.SkipTest`` if it does not apply, and an error if the property is missing.
    """

    function: Callable[[Any], None]

    @property
    def name(self) -> str:
        """The name in ``expected_failures``."""
        return self.function.__name__

    @property
    def description(self) -> str:
        """The property, in one line."""
        return (self.function.__doc__ or "").strip().partition("\n")[0]

    def __repr__(self) -> str:
        return self.name

    def __call__(self, subject: Any) -> None:
        self.function(subject)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of a check.

    Attributes:
        check: its name.
        status: ``passed``, ``failed``, ``skipped``; ``expected failure``: it failed, as declared; ``unexpected pass``:
            it passed although a failure was declared.
        reason: why it failed, was skipped or was expected to fail; empty for ``passed``.
    """

    check: str
    status: Status
    reason: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether the component, or its declaration, has to be changed."""
        return self.status in ("failed", "unexpected pass")


@dataclass(frozen=True, kw_only=True)
class Report:
    """The outcomes of all checks of a component; as text, a summary.

    Attributes:
        component: the component.
        outcomes: one per check, in order.
    """

    component: str
    outcomes: tuple[Outcome, ...]

    @property
    def faults(self) -> tuple[Outcome, ...]:
        """The checks that failed, and those that passed unexpectedly."""
        return tuple(outcome for outcome in self.outcomes if outcome.is_fault)

    def count(self, status: Status) -> int:
        """Count the checks with a status."""
        return sum(outcome.status == status for outcome in self.outcomes)

    def __str__(self) -> str:
        return "\n".join([f"{self.component}: {count_outcomes(self.outcomes)}", *list_reasons(self.outcomes)])


def count_outcomes(outcomes: Sequence[Outcome]) -> str:
    """Summarize outcomes: ``14 checks: 12 passed, 2 skipped``."""
    counts = Counter(outcome.status for outcome in outcomes)
    order: tuple[tuple[Status, str], ...] = (
        ("passed", "passed"),
        ("failed", "failed"),
        ("unexpected pass", "passed against expectation"),
        ("expected failure", "failed as expected"),
        ("skipped", "skipped"),
    )
    parts = [f"{counts[status]} {words}" for status, words in order if counts[status]]
    return f"{len(outcomes)} check{'s' if len(outcomes) != 1 else ''}: {', '.join(parts) or 'none'}"


def list_reasons(outcomes: Sequence[Outcome]) -> list[str]:
    """List a line for every check that did not simply pass; checks skipped for the same reason share a line."""
    lines = [f"  {o.status}: {o.check}: {o.reason}" for o in outcomes if o.status not in ("passed", "skipped")]
    skipped: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.status == "skipped":
            skipped.setdefault(outcome.reason, []).append(outcome.check)
    return lines + [f"  skipped: {', '.join(names)}: {reason}" for reason, names in skipped.items()]


def run_check(check: Check, subject: Any, expected_failures: Mapping[str, str]) -> tuple[Outcome, Exception | None]:
    """Run one check; return its outcome and the error that it raised."""
    expected = expected_failures.get(check.name)
    try:
        with subject.preserve_state():
            check(subject)
    except SkipTest as skipped:
        return Outcome(check=check.name, status="skipped", reason=str(skipped)), None
    except Exception as error:
        if module := find_missing_module(error, subject.package):
            return Outcome(check=check.name, status="skipped", reason=f"needs {module}, which is not installed"), None
        if expected is not None:
            return Outcome(check=check.name, status="expected failure", reason=expected), error
        return Outcome(check=check.name, status="failed", reason=explain(error)), error
    if expected is not None:
        reason = f"expected to fail ({expected}), but passes: remove it from expected_failures"
        return Outcome(check=check.name, status="unexpected pass", reason=reason), None
    return Outcome(check=check.name, status="passed"), None


def explain(error: Exception) -> str:
    """Explain an error: the message of a check, or what the component raised and where."""
    if isinstance(error, Fault):
        return " ".join(str(error).split())
    return describe_error(error) + locate_error(error)


def find_missing_module(error: BaseException | None, package: str) -> str | None:
    """Return the module outside ``package`` that is not installed, if that is the cause of an error."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name:
            top = error.name.partition(".")[0]
            return None if top in (package, "hcl_sdk") else top
        error = error.__cause__ or (error.__context__ if isinstance(error, ImportError) else None)
    return None
