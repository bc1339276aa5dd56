from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from click.testing import Result
from photo_files import draw

from hcl_sdk.cli.quickstart import ANNOUNCED
from hcl_sdk.registry import Entry, PluginError, PluginReport, Registry

RECORDED = Path(__file__).parents[1] / "data" / "recorded"


def test_plugins_shows_broken_ones_with_their_error(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def report(distribution: str, entry_point: str, **fields: Any) -> PluginReport:
        return PluginReport(distribution=distribution, version="1.2", entry_point=entry_point, value="x", **fields)

    reports = [
        report("hcl-good", "a", status="ok", names=("hcl-good/one", "hcl-good/two")),
        report("hcl-mixed", "a", status="ok", names=("hcl-mixed/three",)),
        report("hcl-mixed", "b", status="broken", error="ImportError: no such module"),
        report("hcl-off", "a", status="disabled", error="by HCL_DISABLE_PLUGINS"),
    ]
    registry = Registry(discover=lambda found: found.set_discovered([], reports))
    monkeypatch.setattr("hcl_sdk.cli._listing.registry", registry)
    shown = hcl("plugins").stdout
    cells = [line.split() for line in shown.splitlines()]
    assert ["hcl-good", "1.2", "ok", "hcl-good/one,", "hcl-good/two"] in cells
    assert ["hcl-mixed:b", "1.2", "broken", "-"] in cells
    assert "hcl-mixed:b is broken: ImportError: no such module" in shown
    assert "hcl-off is disabled: by HCL_DISABLE_PLUGINS" in shown
    assert "HCL_STRICT_PLUGINS" in shown
    assert "hcl-mixed" in hcl("components").stdout


def test_disabled_names_without_a_plugin_are_listed(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HCL_DISABLE_PLUGINS", "*, Hcl_Sdk, hcl-absent,")
    shown = hcl("plugins").stdout
    assert "Warning: HCL_DISABLE_PLUGINS names hcl-absent, which is not an installed plugin" in shown
    assert shown.count("Warning") == 1


def test_plugins_are_checked_down_to_their_components(
    hcl: Callable[..., Result], weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = Path("package_of_test_cli")
    shutil.copytree(weights, package / "good")
    Path(package, "__init__.py").touch()
    for name, content in (("bad", ""), ("half", "{}")):
        Path(package, name).mkdir()
        Path(package, name, "config.json").write_text(content)
    monkeypatch.syspath_prepend(Path.cwd())
    registry = Registry()
    monkeypatch.setattr("hcl_sdk.cli._listing.registry", registry)
    registry.interaction("nothing", "hcl_sdk.interactions.identity:Identity")
    registry.weights("good", f"{package}:good")
    registry.weights("far", "hub:org/name")
    assert "All 3 components and weights can be loaded" in hcl("plugins", "--check").stdout
    registry.restorer("gone", "hcl_sdk.no_such_module:Nothing")
    registry.weights("no-folder", f"{package}:nowhere")
    registry.weights("bad", f"{package}:bad")
    registry.weights("half", f"{package}:half")
    said = hcl("plugins", "--check", status=1).stderr
    assert said.startswith("Error: 4 broken:")
    for words in ("no_such_module", "there is no folder", "is not JSON", "holds no model.safetensors"):
        assert words in said


def test_a_plugin_with_a_broken_component_is_not_ok(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def discover(registry: Registry) -> None:
        reports = [
            PluginReport(
                distribution=f"hcl-{name}",
                version="1",
                entry_point="a",
                value="x",
                status="ok",
                names=(f"hcl-{name}/x",),
            )
            for name in ("whole", "hollow")
        ]
        targets = {"whole": "hcl_sdk.interactions.identity:Identity", "hollow": "hcl_sdk.no_such_module:Nothing"}
        entries = [
            Entry(kind="interaction", name="x", distribution=f"hcl-{name}", target=target)
            for name, target in targets.items()
        ]
        registry.set_discovered(entries, reports)

    monkeypatch.setattr("hcl_sdk.cli._listing.registry", Registry(discover=discover))
    status = {line.split()[0]: line.split()[2] for line in hcl("plugins").stdout.splitlines()[1:]}
    assert status == {"hcl-whole": "ok", "hcl-hollow": "ok"}
    checked = hcl("plugins", "--check", status=1)
    status = {line.split()[0]: line.split()[2] for line in checked.stdout.splitlines()[1:]}
    assert status == {"hcl-whole": "ok", "hcl-hollow": "broken"}
    assert "1 broken:" in checked.stderr
    assert "no_such_module" in checked.stderr


def test_a_plugin_that_gives_much_has_lines_that_fit(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = tuple(f"hcl-rich/component-{i}" for i in range(60))
    report = PluginReport(distribution="hcl-rich", version="1.2", entry_point="a", value="x", status="ok", names=names)
    registry = Registry(discover=lambda found: found.set_discovered([], [report]))
    monkeypatch.setattr("hcl_sdk.cli._listing.registry", registry)
    shown = hcl("plugins").stdout
    assert max(map(len, shown.splitlines())) <= 120
    assert [word.strip(",") for word in shown.split() if word.startswith("hcl-rich/")] == list(names)


def test_checking_plugins_fails_for_a_broken_one(hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    report = PluginReport(
        distribution="hcl-bad", version="1", entry_point="a", value="x", status="broken", error="ImportError: no"
    )
    registry = Registry(discover=lambda found: found.set_discovered([], [report]))
    monkeypatch.setattr("hcl_sdk.cli._listing.registry", registry)
    assert "hcl-bad: ImportError: no" in hcl("plugins", "--check", status=1).stderr
    hcl("plugins")


def test_plugins_are_strict_on_request(hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Registry) -> NoReturn:
        raise PluginError("broken plugins: hcl-broken")

    importlib.import_module("hcl_sdk.cli._photos")  # first, or it would keep the registry that fails
    monkeypatch.setattr("hcl_sdk.cli._listing.registry", Registry(discover=fail))
    monkeypatch.setattr("hcl_sdk.plugins.registry", Registry(discover=fail))
    draw("a.png")
    checkpoint = RECORDED / "legacy2.pt"
    for command in (
        *(["plugins"], ["components"], ["components", "swin"]),
        *(["detect", "a.png"], ["quickstart"], ["convert", checkpoint, "--preset", "ffhq256", "-o", "x"]),
    ):
        before = ANNOUNCED + "\n" if command == ["quickstart"] else ""
        assert hcl(*command, status=1).stderr == f"{before}Error: broken plugins: hcl-broken\n"
