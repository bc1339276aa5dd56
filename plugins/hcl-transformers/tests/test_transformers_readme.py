"""The code in the README does what the README says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hcl_sdk import Pipeline
from hcl_sdk.config import ConfigError

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def test_python_blocks_run_in_order_and_print_what_is_shown(capsys):
    namespace: dict[str, object] = {}
    printed, shown = "", []
    for language, code in BLOCKS:
        if language == "python":
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
    assert path == "detector.encoder"
    assert message.startswith("cannot get ")
