from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner
from hcl_ray.cli import main

from hcl_sdk.cli import main as hcl_sdk_main
from hcl_sdk.settings import Settings


def run(*arguments: Any, status: int = 0) -> Any:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return result


def test_the_command_reports_counts_and_lists_failures(
    cluster: None, weights: str, drawn: list[Path], bad: list[bytes], tmp_path: Path
) -> None:
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    for i in range(3):
        (folder / f"{i}.png").write_bytes(drawn[i].read_bytes())
    (folder / "bad.png").write_bytes(bad[1])
    options = ("-o", out, "--weights", weights, "--dilate", 1, "--actors", 1)
    result = run("restore", folder, *options, status=1)
    assert f"3 photos restored, results in {out}; 1 failed" in result.stderr
    assert "Error: bad.png: this is not a photo" in result.stderr
    assert (out / "0_restored.png").is_file()
    (folder / "bad.png").unlink()
    (out / "1_mask.png").unlink()
    assert "1 photo restored" in run("restore", folder, *options).stderr
    assert run("restore", folder, *options, "-q").stderr == ""
    assert (
        "Error: sensitivity must be a number" in run("restore", folder, *options, "--sensitivity", 3, status=1).output
    )


def test_a_machine_too_busy_to_start_ray_is_one_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import ray

    tried = []

    def init(**options: Any) -> None:
        tried.append(options["address"])
        raise Exception("The current node timed out during startup.\nTraceback ...")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    said = run("restore", tmp_path, "-o", tmp_path / "out", status=1).stderr
    assert said.startswith(
        "Error: Ray did not start: The current node timed out during startup. If this machine is busy"
    )
    assert "Traceback" not in said
    assert tried == [None, None]


def test_errors_of_ray_are_reported_without_a_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import hcl_ray
    import ray
    from ray.exceptions import RayTaskError, WorkerCrashedError

    of_a_worker = RayTaskError(
        "work", "Traceback of a worker", ValueError("no memory left\nand more")
    ).as_instanceof_cause()
    errors = {"The worker died": WorkerCrashedError(), "no memory left. Finished photos are kept": of_a_worker}
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    for expected, error in errors.items():

        def restore(*_: Any, error: Exception = error, **options: Any) -> None:
            raise error

        monkeypatch.setattr(hcl_ray, "restore", restore, raising=False)
        said = run("restore", tmp_path, "-o", tmp_path / "out", status=1).stderr
        assert said.startswith(f"Error: Ray stopped the job: {expected}")
        assert "the same command continues from there" in said
        assert "Traceback" not in said


def test_settings_are_described_as_by_hcl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    shown = [
        " ".join(CliRunner().invoke(command, ["restore", "--help"]).output.split()) for command in (main, hcl_sdk_main)
    ]
    for name in ("sensitivity", "detection_size", "dilate", "feather", "texture"):
        said = attrs.fields_dict(Settings)[name].metadata["option"]
        for text in shown:
            assert f"--{name.replace('_', '-')} {said.metavar} {said.help}" in text


def test_nothing_heavy_is_imported_until_it_is_used() -> None:
    program = """
import sys
import hcl_ray, hcl_ray.plugin, hcl_ray.cli
from hcl_sdk.plugins import registry
assert [r.status for r in registry.plugins if r.distribution == "hcl-ray"] == ["ok"], registry.plugins
print(sorted({"ray", "torch", "pyarrow", "numpy", "pandas"} & set(sys.modules)), sorted(dir(hcl_ray)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[] ['Detect', 'Restore', 'Settings', 'Summary', 'detect', 'restore']\n"


def test_the_plugin_is_listed() -> None:
    listing = subprocess.run(
        [sys.executable, "-m", "hcl_sdk.cli", "plugins"], capture_output=True, text=True, check=True
    ).stdout
    [line] = [line for line in listing.splitlines() if line.startswith("hcl-ray ")]
    assert line.split()[1:] == ["0.1.0", "ok", "-"]
