"""The code in the README does what the README says."""

from __future__ import annotations

import re
from pathlib import Path

from hcl_metric_learning.library import suited

from hcl_sdk.config import build, load_yaml
from hcl_sdk.training import DetectionTask

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
        assert len(build(load_yaml(text), DetectionTask).losses) == 3


def test_the_losses_that_can_be_used_are_listed():
    table = README.partition("## Which losses")[2].partition("\n\n`IntraPair")[0]
    assert sorted(re.findall(r"`(\w+)`", table)) == sorted(suited())
