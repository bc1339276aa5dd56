"""hcl evaluate."""

from __future__ import annotations

import io
import json
from functools import partial
from pathlib import Path

import pytest
import rich.console
from click.testing import CliRunner

from hcl_sdk.cli import _tables, main


def test_the_command_writes_tables(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = f"dataset.path={photos}"
    result = CliRunner().invoke(
        main, ["evaluate", "dataset.use=folder", folder, "size=32", "limit=2", "--device", "cpu"]
    )
    assert result.exit_code == 0, result.output
    assert "F1 of corrupted pixels" in result.stdout
    assert "|" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 120
    assert "| raw_ssim |" in (tmp_path / "hcl_evaluation" / "table.md").read_text(encoding="utf-8")
    assert (tmp_path / "hcl_evaluation" / "metrics.json").is_file()
    as_json = CliRunner().invoke(main, ["evaluate", "dataset.use=folder", folder, "size=32", "limit=2", "--json", "-q"])
    assert json.loads(as_json.stdout) == json.loads((tmp_path / "hcl_evaluation" / "metrics.json").read_text())


def test_the_tables_fit_a_terminal_without_breaking_words(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(_tables, "is_terminal", lambda: True)
    monkeypatch.setattr(rich.console, "Console", partial(rich.console.Console, file=screen, width=80))
    arguments = ["dataset.use=folder", f"dataset.path={photos}", "size=32", "limit=3", "--device", "cpu"]
    result = CliRunner().invoke(main, ["evaluate", *arguments, "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    words = screen.getvalue().split()
    for word in ("average", "precision", "ssim", "threshold", "corrupted", "images", "PSNR"):
        assert word in words
    assert max(map(len, screen.getvalue().splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["size=32"], "  dataset: missing; expected a dataset"),
        (["dataset.use=folder", "dataset.path=/nowhere"], "there is no folder '/nowhere'"),
        (["dataset.use=folder", "dataset.path=.", "sise=3"], "sise: unknown key; did you mean 'size'?"),
        (["nowhere.yaml"], "there is no file 'nowhere.yaml'"),
        (["dataset.use=folder", "limit"], "expected key=value"),
        (["dataset.use=folder", "dataset.path=.", "--weights", "no-such"], "no-such"),
    ],
)
def test_the_command_refuses_bad_arguments(
    arguments: list[str], message: str, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos)
    result = CliRunner().invoke(main, ["evaluate", *arguments])
    assert result.exit_code == 1
    assert message in result.output
