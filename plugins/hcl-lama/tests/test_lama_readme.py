"""The code in the README does what the README says."""

from __future__ import annotations

import re
from pathlib import Path

from hcl_sdk import Pipeline

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = [
    ("setup", setup) if setup else (language, code)
    for setup, language, code in re.findall(
        r"^<!-- test: setup\n(.*?)^-->$|^```(\w+)\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE
    )
]


def test_blocks_run_in_order_and_print_what_is_shown(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"patch": monkeypatch.setattr}
    printed, seen = "", []
    for language, code in BLOCKS:
        if language in ("python", "setup"):
            exec(compile(code, "README.md", "exec"), namespace)
            printed = capsys.readouterr().out
        elif language == "text":
            assert printed == code
        elif language == "yaml":
            assert Pipeline.from_config(code).restorer is not None
        seen.append(language)
    assert {"setup", "python", "text", "yaml"} <= set(seen)
