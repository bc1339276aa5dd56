"""The code in the README does what the README says."""

from __future__ import annotations

from pathlib import Path

import pytest

from hcl_sdk import Pipeline
from hcl_sdk.config import ConfigError
from hcl_sdk.testing import read_blocks, run_page

README = Path(__file__).parent.parent / "README.md"


def test_python_runs_and_prints_the_shown_output() -> None:
    assert run_page(README) == 1


def test_the_configuration_fails_only_for_lack_of_a_network() -> None:
    (block,) = read_blocks(README, "yaml")
    with pytest.raises(ConfigError) as raised:
        Pipeline.from_config(block.code)
    ((path, message),) = raised.value.problems
    assert path == "detector.encoder"
    assert message.startswith("cannot get ")
