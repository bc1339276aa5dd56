"""The code in the README does what the README says."""

from __future__ import annotations

from pathlib import Path

import pytest

from hcl_sdk import Pipeline
from hcl_sdk.testing import read_blocks, run_page

README = Path(__file__).parent.parent / "README.md"


def test_python_prints_the_shown_output_and_matches_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_page(README, {"patch": monkeypatch.setattr}) == 1
    configurations = [block.code for block in read_blocks(README, "yaml")]
    assert configurations
    for text in configurations:
        assert Pipeline.from_config(text).restorer is not None
