"""The code in the README does what the README says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hcl_onnx.cli import main

from hcl_sdk import Pipeline

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def test_blocks_run_in_order_and_print_what_is_shown(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    printed, shown, configurations = "", [], 0
    for language, code in BLOCKS:
        if language == "python":
            exec(compile(code, "README.md", "exec"), namespace)
            printed = capsys.readouterr().out
        elif language == "text":
            shown.append(code)
            assert printed == code
        elif language == "yaml":
            configurations += 1
            assert Pipeline.from_config(code).restorer is not None
    assert (len(shown), configurations) == (2, 1)


def test_commands_are_known(capsys):
    commands = [line for language, code in BLOCKS if language == "bash" for line in code.splitlines()]
    own = [command.split()[1:] for command in commands if command.startswith("hcl-onnx")]
    assert [words[0] for words in own] == ["export", "run", "export"]
    for words in own:  # "--help" at the end: the options before it are read, and nothing is done
        with pytest.raises(SystemExit) as stopped:
            main([*words, "--help"])
        assert stopped.value.code == 0
        text = capsys.readouterr().out
        assert all(word in text for word in words if word.startswith("-"))
