"""The code in the README does what the README says."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from hcl_ray import Settings
from hcl_ray.batches import RESTORED
from hcl_ray.cli import main
from PIL import Image

from hcl_sdk.testing import read_blocks, run_page

README = Path(__file__).parent.parent / "README.md"


def test_python_runs_and_prints_the_shown_output(
    cluster: None, drawn: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos" / "2019").mkdir(parents=True)
    for name in ("a.png", "b.jpg", "2019/c.png"):
        Image.open(drawn[0]).save(tmp_path / "photos" / name)
    (tmp_path / "photos" / "2019" / "broken.jpg").write_bytes(b"no photo")
    assert run_page(README) == 2


def test_commands_have_the_options_that_are_shown() -> None:
    lines = [line for block in read_blocks(README, "bash") for line in block.code.splitlines()]
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("hcl-ray")]
    assert len(commands) == 3
    for words in commands:
        with main.make_context("hcl-ray", words, resilient_parsing=True) as context:
            command = main.get_command(context, words[0])
            assert command is not None
            command.make_context(words[0], words[1:]).close()
    assert "--actors" in CliRunner().invoke(main, ["restore", "--help"]).output


def test_columns_and_settings_are_all_described() -> None:
    text = README.read_text(encoding="utf-8")
    for name in RESTORED.names:
        assert f"`{name}`" in text
    for command in main.commands.values():
        given = {parameter.name for parameter in command.params}
        names = set(Settings.__annotations__) - {"device"}
        assert names - given == ({"dilate", "feather", "texture", "file_format"} if command.name == "detect" else set())
