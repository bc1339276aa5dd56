"""The code in the README does what the README says."""

from __future__ import annotations

from pathlib import Path

import pytest

from hcl_sdk import Pipeline
from hcl_sdk.testing import read_blocks, run_page

README = Path(__file__).parent.parent / "README.md"


def test_python_runs_prints_what_is_shown_and_makes_what_is_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_page(README, {"patch": monkeypatch.setattr}) == 1
    configurations = [block.code for block in read_blocks(README, "yaml")]
    assert configurations
    for text in configurations:
        assert Pipeline.from_config(text).restorer is not None
