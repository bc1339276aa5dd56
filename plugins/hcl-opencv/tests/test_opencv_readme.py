"""The code in the README does what the README says."""

from __future__ import annotations

from pathlib import Path

from hcl_sdk import Pipeline
from hcl_sdk.testing import read_blocks, run_page

README = Path(__file__).parent.parent / "README.md"


def test_python_runs_and_prints_the_shown_output() -> None:
    assert run_page(README) == 1


def test_configurations_are_valid() -> None:
    configurations = [block.code for block in read_blocks(README, "yaml")]
    assert configurations
    for text in configurations:
        assert Pipeline.from_config(text).restorer is not None
