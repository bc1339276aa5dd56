"""The code in the README does what the README says."""

from __future__ import annotations

import re
from pathlib import Path

from hcl_sdk import Pipeline

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


def test_configurations_are_valid():
    configurations = [code for language, code in BLOCKS if language == "yaml"]
    assert configurations
    for text in configurations:
        assert Pipeline.from_config(text).restorer is not None
