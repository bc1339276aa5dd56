"""Checking one component in Python."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hcl_sdk.registry import KINDS_AND_WEIGHTS
from hcl_sdk.testing._checks import CHECKS, RENAMED
from hcl_sdk.testing._factories import check_factory
from hcl_sdk.testing._report import (
    NOTHING,
    Check,
    ChecksFailed,
    Factory,
    Outcome,
    Report,
    find_missing_module,
    run_check,
)
from hcl_sdk.testing._subjects import Subject, WeightsSubject, make_subject


def list_checks(kind: str) -> tuple[Check, ...]:
    """List the checks of a kind, in the order in which they run.

    Raises:
        ValueError: if the kind does not exist.

    Example:
        >>> [check.name for check in list_checks("encoder")][3:5]
        ['spec_is_true', 'batch_equals_single_images']
    """
    if kind not in CHECKS:
        raise ValueError(f"expected a kind, one of {', '.join(KINDS_AND_WEIGHTS)}; got {kind!r}")
    return CHECKS[kind]


def check_encoder(factory: Factory, *, expected_failures: Mapping[str, str] = NOTHING) -> Report:
    """Run all checks of an encoder.

    Args:
        factory: a component class, or a function without arguments that creates a new component at each call. If a
            class is given, its example is checked: the result of its class method ``testing_example(folder)`` if it has
            one, otherwise an instance with the defaults. A component that depends on a neighbor may already be bound.
        expected_failures: names of checks that are expected to fail, and why. They are added to those in the class
            attribute ``expected_failures``.

    Returns:
        The outcome of every check; as text, a summary. If the component needs a package that is not installed, all
        checks are skipped.

    Raises:
        ChecksFailed: if a check failed, or passed unexpectedly; the message is the summary.
        TypeError: if the factory is invalid, or creates something else.
        ValueError: if expected failures lack a reason, or name unknown checks.

    Example:
        >>> from hcl_sdk import ResNetEncoder
        >>> print(check_encoder(lambda: ResNetEncoder(channels=(4, 8), depths=(1, 0))))
        ResNetEncoder(channels=(4, 8), depths=(1, 0), residuals=False): 15 checks: 15 passed
    """
    return _check("encoder", factory, expected_failures)


def check_interaction(factory: Factory, *, expected_failures: Mapping[str, str] = NOTHING) -> Report:
    """Run all checks of an interaction; see :func:`check_encoder`."""
    return _check("interaction", factory, expected_failures)


def check_head(factory: Factory, *, expected_failures: Mapping[str, str] = NOTHING) -> Report:
    """Run all checks of a head; see :func:`check_encoder`."""
    return _check("head", factory, expected_failures)


def check_clusterer(factory: Factory, *, expected_failures: Mapping[str, str] = NOTHING) -> Report:
    """Run all checks of a clusterer; see :func:`check_encoder`."""
    return _check("clusterer", factory, expected_failures)


def check_restorer(factory: Factory, *, expected_failures: Mapping[str, str] = NOTHING) -> Report:
    """Run all checks of a restorer; see :func:`check_encoder`."""
    return _check("restorer", factory, expected_failures)


def check_loss(factory: Factory, *, expected_failures: Mapping[str, str] = NOTHING) -> Report:
    """Run all checks of a loss, of detection, of restoration or adversarial; see :func:`check_encoder`."""
    return _check("loss", factory, expected_failures)


def check_shape(factory: Factory, *, expected_failures: Mapping[str, str] = NOTHING) -> Report:
    """Run all checks of a shape; see :func:`check_encoder`."""
    return _check("shape", factory, expected_failures)


def check_content(factory: Factory, *, expected_failures: Mapping[str, str] = NOTHING) -> Report:
    """Run all checks of a content; see :func:`check_encoder`."""
    return _check("content", factory, expected_failures)


def check_dataset(factory: Factory, *, expected_failures: Mapping[str, str] = NOTHING) -> Report:
    """Run all checks of a dataset; see :func:`check_encoder`."""
    return _check("dataset", factory, expected_failures)


def check_weights(name: str | Path, *, expected_failures: Mapping[str, str] = NOTHING) -> Report:
    """Run all checks of weights; result and errors are those of :func:`check_encoder`.

    Args:
        name: the name of registered weights, or a folder.
        expected_failures: names of checks that are expected to fail, and why.

    Raises:
        ChecksFailed: if a check failed, or passed unexpectedly.
        ValueError: if expected failures lack a reason, or name unknown checks.
    """
    return _run(WeightsSubject(name), expected_failures)


def _check(kind: str, factory: Factory, expected_failures: Mapping[str, str]) -> Report:
    with open_subject(factory) as subject:
        if isinstance(subject, str):
            skipped = (Outcome(check=check.name, status="skipped", reason=subject) for check in list_checks(kind))
            return Report(component=getattr(factory, "__name__", repr(factory)), outcomes=tuple(skipped))
        if subject.kind != kind:
            raise TypeError(f"expected a factory of the kind {kind}; got one of the kind {subject.kind}")
        return _run(subject, expected_failures)


def _run(subject: Subject[Any] | WeightsSubject, expected_failures: Mapping[str, str]) -> Report:
    checks = list_checks(subject.kind)
    expected = collect_expectations(subject, expected_failures)
    outcomes = tuple(run_check(check, subject, expected)[0] for check in checks)
    report = Report(component=subject.label, outcomes=outcomes)
    if report.faults:
        raise ChecksFailed(report)
    return report


@contextmanager
def open_subject(factory: Factory | WeightsSubject) -> Iterator[Subject[Any] | WeightsSubject | str]:
    """Open the component of a factory, while the files of its example exist.

    Yields:
        The component under test; or why it cannot be created here: a package that is not installed.

    Raises:
        TypeError: if the factory is invalid.
    """
    if isinstance(factory, WeightsSubject):
        yield factory
        return
    check_factory(factory)
    with tempfile.TemporaryDirectory(prefix="hcl-check-") as folder:
        package = factory.__module__.partition(".")[0] if isinstance(factory, type) else ""
        try:
            subject = make_subject(factory, Path(folder))
        except ImportError as error:
            if (module := find_missing_module(error, package)) is None:
                raise
            yield f"needs {module}, which is not installed"
        else:
            yield subject


def collect_expectations(subject: Subject[Any] | WeightsSubject, more: Mapping[str, str]) -> dict[str, str]:
    """Collect the failures that a component's class declares as expected, and more.

    Raises:
        ValueError: if they lack a reason, or name unknown checks.
    """
    expected = {RENAMED.get(name, name): reason for name, reason in {**subject.expected_failures, **more}.items()}
    names = [check.name for check in list_checks(subject.kind)]
    for name, reason in expected.items():
        if name not in names:
            known = ", ".join(names)
            raise ValueError(f"expected_failures names {name!r}, which is not a check of {subject.name}: {known}")
        if not isinstance(reason, str) or not reason.strip():
            raise ValueError(f"expected_failures[{name!r}] must give the reason, in words; got {reason!r}")
    return expected
