"""The code in the README does what the README says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hcl_sdk import Pipeline
from hcl_sdk.config import ConfigError

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = [
    ("setup", setup) if setup else (language, code)
    for setup, language, code in re.findall(
        r"^<!-- test: setup\n(.*?)^-->$|^```(\w+)\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE
    )
]


def test_python_blocks_run_in_order_and_print_what_is_shown(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    printed, shown = "", []
    for language, code in BLOCKS:
        if language in ("python", "setup"):
            exec(compile(code, "README.md", "exec"), namespace)
            printed = capsys.readouterr().out
        elif language == "text":
            shown.append(code)
            assert printed == code
    assert len(shown) == 1


def test_all_that_is_wrong_with_the_configuration_here_is_that_there_is_no_network():
    (text,) = [code for language, code in BLOCKS if language == "yaml"]
    with pytest.raises(ConfigError) as raised:
        Pipeline.from_config(text)
    ((path, message),) = raised.value.problems
    assert path == "restorer"
    assert message.startswith("cannot get ")
