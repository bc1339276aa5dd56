from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import Result

from hcl_sdk.cli import _diagnosis
from hcl_sdk.registry import Entry, PluginReport, Registry


def facts(shown: str) -> dict[str, str]:
    lines = shown.partition("\n\n")[0].splitlines()
    return {line.split()[0]: line for line in lines if line[0] != " "}


@pytest.mark.parametrize(("threads", "uses"), [(1, "PyTorch uses 1 thread"), (4, "PyTorch uses 4 threads")])
def test_doctor_shows_versions_devices_threads_and_plugins(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, threads: int, uses: str
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(_diagnosis, "_check_requirements", list)  # what is wrong with this machine is no fault
    monkeypatch.setattr(_diagnosis, "_check_machine", list)
    monkeypatch.setattr("hcl_sdk.cli._diagnosis.registry", Registry())
    monkeypatch.setattr("hcl_sdk.cli._listing.registry", Registry())
    monkeypatch.setenv("HCL_DISABLE_PLUGINS", "hcl-absent")
    shown = hcl("doctor").stdout
    found = facts(shown)
    assert importlib.metadata.version("hcl_sdk") in found["hcl_sdk"]
    assert torch.__version__ in found["torch"]
    assert found["processors"].endswith(uses)
    assert "cpu" in found["devices"]
    assert "HCL_DISABLE_PLUGINS=hcl-absent" in found["environment"]
    assert "Nothing wrong was found." in shown
    assert max(map(len, shown.splitlines())) <= 120


def test_doctor_reports_problems(hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    report = PluginReport(
        distribution="hcl-bad", version="1", entry_point="a", value="x", status="broken", error="ImportError: no"
    )
    entry = Entry(kind="restorer", name="gone", distribution="hcl-hollow", target="hcl_sdk.no_such_module:Nothing")
    registry = Registry(discover=lambda found: found.set_discovered([entry], [report]))
    monkeypatch.setattr("hcl_sdk.cli._diagnosis.registry", registry)
    monkeypatch.setattr("hcl_sdk.cli._listing.registry", registry)
    monkeypatch.setattr("hcl_sdk.weights.registry", Registry())
    monkeypatch.setattr(torch, "get_num_threads", lambda: 10_000)
    shown = hcl("doctor", status=1).stdout
    _, _, wrong = shown.partition("Wrong:\n")
    for words in ("hcl-bad is broken: ImportError: no", "no_such_module", "10000 threads", "default weights cannot be"):
        assert words in wrong


def test_a_package_that_is_too_old_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "hcl_demo-1.dist-info"
    own.mkdir()
    own.joinpath("METADATA").write_text(
        "Metadata-Version: 2.1\nName: hcl-demo\nVersion: 1\n"
        "Requires-Dist: numpy>=9999\nRequires-Dist: no-such-package\nRequires-Dist: pillow>=1\n"
        "Requires-Dist: other; extra == 'more'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    report = PluginReport(distribution="hcl-demo", version="1", entry_point="a", value="x", status="ok")
    registry = Registry(discover=lambda found: found.set_discovered([], [report]))
    monkeypatch.setattr("hcl_sdk.cli._diagnosis.registry", registry)
    said = [line for line in _diagnosis._check_requirements() if line.startswith("hcl-demo")]
    version = importlib.metadata.version("numpy")
    assert said == [
        f"hcl-demo needs numpy>=9999, and {version} is installed",
        "hcl-demo needs no-such-package, which is not installed",
    ]
