"""Every built-in component keeps what its kind promises."""

from __future__ import annotations

from pathlib import Path

import pytest
from built_ins import EXAMPLES

from hcl_sdk import testing
from hcl_sdk.plugins import registry
from hcl_sdk.registry import Entry
from hcl_sdk.testing.conformance import find_entries

MAY_BE_SKIPPED = {
    "gradients_reach_every_parameter": {"it has no parameters that learn"},
    "better_results_cost_less": {"a discriminator that has learned nothing has no opinion"},
    "runs_on_its_device": {
        "there is no accelerator, and without values it cannot be traced: RuntimeError: unsupported scalarType"
    },
}
"""Anything else that is skipped would be a check that nothing is known about."""


def test_a_package_stands_for_all_that_it_gives() -> None:
    ours = [entry for entry in registry.list_entries() if entry.distribution is None]
    assert list(find_entries("HCL_SDK")) == ours
    assert len(ours) > 50


NOT_EXPORTABLE = {"patch-synthesis"}  # how far it searches depends on what it is given


@pytest.mark.parametrize(
    "entry", [e for e in registry.list_entries() if e.distribution is None], ids=lambda e: f"{e.kind}-{e.name}"
)
def test_built_ins_pass_all_checks(entry: Entry, tmp_path: Path) -> None:
    if entry.name == "hugging-face":
        pytest.importorskip("datasets")
    if entry.kind == "weights":
        report = testing.check_weights(entry.name)
    else:
        cls = registry.get(entry.kind, entry.name)
        example = EXAMPLES.get(cls)
        report = getattr(testing, f"check_{entry.kind}")(cls if example is None else lambda: example(tmp_path))
    assert not report.faults, str(report)
    assert report.count("expected failure") == 0
    for outcome in report.outcomes:
        if outcome.status == "skipped" and not (outcome.check == "exports" and entry.name in NOT_EXPORTABLE):
            assert outcome.reason in MAY_BE_SKIPPED.get(outcome.check, ()), outcome
