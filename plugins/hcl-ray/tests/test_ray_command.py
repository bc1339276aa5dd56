from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from hcl_ray.cli import main


def run(*arguments: Any, status: int = 0) -> Any:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return result


def test_the_command_says_what_was_done_and_lists_failures(
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
