"""The code in the README does what the README says."""

from __future__ import annotations

import re
from pathlib import Path

from hcl_metric_learning.library import list_usable_losses

from hcl_sdk.config import build, load_yaml
from hcl_sdk.testing import read_blocks, run_page
from hcl_sdk.training import DetectionTask

README = Path(__file__).parent.parent / "README.md"


def test_python_runs_and_prints_the_shown_output() -> None:
    assert run_page(README) == 1


def test_configurations_are_valid() -> None:
    configurations = [block.code for block in read_blocks(README, "yaml")]
    assert configurations
    for text in configurations:
        assert len(build(load_yaml(text), DetectionTask).losses) == 3


def test_the_losses_that_can_be_used_are_listed() -> None:
    table = README.read_text(encoding="utf-8").partition("## Which losses")[2].partition("\n\n`IntraPair")[0]
    assert sorted(re.findall(r"`(\w+)`", table)) == sorted(list_usable_losses())
