"""What tests of the conformance kit share."""

from __future__ import annotations

from typing import Any

from hcl_sdk.testing import ChecksFailed


def find_faults(check: Any, factory: Any, **options: Any) -> Any:
    """What is wrong with a component: reasons by the checks that name them."""
    try:
        check(factory, **options)
    except ChecksFailed as failed:
        return {outcome.check: outcome.reason for outcome in failed.report.faults}
    return {}
