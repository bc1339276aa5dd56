"""What tests of the conformance kit share."""

from __future__ import annotations

from hcl_sdk.testing import ChecksFailed


def faults(check, factory, **options):
    """What is wrong with a component: reasons by the checks that name them."""
    try:
        check(factory, **options)
    except ChecksFailed as failed:
        return {outcome.check: outcome.reason for outcome in failed.report.faults}
    return {}
