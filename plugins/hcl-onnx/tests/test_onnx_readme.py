"""The code in the README does what the README says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hcl_onnx.cli import main

from hcl_sdk import Pipeline
from hcl_sdk.testing import read_blocks, run_page

README = Path(__file__).parent.parent / "README.md"


def test_python_prints_the_shown_output_and_matches_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_page(README) == 2
    (block,) = read_blocks(README, "yaml")
    assert Pipeline.from_config(block.code).restorer is not None


def test_commands_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    commands = [line for block in read_blocks(README, "bash") for line in block.code.splitlines()]
    own = [command.split()[1:] for command in commands if command.startswith("hcl-onnx")]
    assert [words[0] for words in own] == ["export", "run", "export"]
    for words in own:  # "--help" at the end: the options before it are read, and nothing is done
        with pytest.raises(SystemExit) as stopped:
            main([*words, "--help"])
        assert stopped.value.code == 0
        text = capsys.readouterr().out
        assert all(word in text for word in words if word.startswith("-"))
