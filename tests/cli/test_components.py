from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from hcl_sdk.registry import Entry, Registry, UnknownNameError
from hcl_sdk.registry._explain import _IN_PLUGINS


def test_components_lists_every_kind(hcl: Callable[..., Result]) -> None:
    lines = hcl("components").stdout.splitlines()
    for kind in ("encoder", "interaction", "head", "clusterer", "restorer", "weights"):
        assert kind in lines
    assert any(line.split()[:2] == ["swin", "hcl-sdk"] for line in lines)


def test_components_lists_one_kind(hcl: Callable[..., Result]) -> None:
    everything, encoders = hcl("components").stdout, hcl("components", "encoder").stdout
    assert "convnext" in encoders
    assert "top-down" not in encoders
    rows = [[line.split() for line in text.splitlines()] for text in (encoders, everything)]  # widths may differ
    assert rows[0][1] in rows[1]


def test_components_shows_fields_with_defaults_and_ranges(hcl: Callable[..., Result]) -> None:
    shown = hcl("components", "convnext").stdout
    rows = {line.split()[0]: line for line in shown.splitlines() if line}
    assert "(32, 64, 128, 192)" in rows["channels"]
    assert "each >= 1" in rows["channels"]
    assert rows["stem_stride"].endswith(">= 1, <= 4")
    assert "ConvNeXt stages" in shown


def test_components_shows_all_that_has_a_name(hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry()
    registry.encoder("twice", "hcl_sdk.encoders.convnext:ConvNeXtEncoder")
    registry.interaction("twice", "hcl_sdk.interactions.identity:Identity")
    registry.restorer("once", "hcl_sdk.no_such_module:Nothing")
    monkeypatch.setattr("hcl_sdk.cli._listing.registry", registry)
    for name in ("twice", "script/twice", "Script/twice"):
        shown = hcl("components", name).stdout
        assert "encoder script/twice" in shown
        assert "interaction script/twice" in shown
    assert "did you mean 'script/twice'?" in hcl("components", "script/twise", status=1).stderr
    assert "there is no component 'other/twice'" in hcl("components", "other/twice", status=1).stderr
    assert "no_such_module" in hcl("components", "once", status=1).stderr


def test_components_of_first_party_plugins_are_found_by_bare_name(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hcl_sdk.registry._explain._find_version", lambda _: None)
    monkeypatch.setattr("hcl_sdk.cli._listing.registry", Registry())  # without what happens to be installed
    for name in ("lama", "hcl-lama/lama", "HCL_LaMa/lama"):
        said = hcl("components", name, status=1).stderr
        assert f"there is no component {name!r}; the package hcl-lama provides it: pip install hcl-lama" in said
    assert "pip install" not in hcl("components", "other/lama", status=1).stderr
    with pytest.raises(UnknownNameError, match="unknown restorer 'telea'; the package hcl-opencv provides it"):
        Registry().find("restorer", "telea")


def test_the_names_in_plugins_of_this_project_are_those_that_they_register() -> None:
    plugins = Path(__file__).parents[2] / "plugins"
    for name, package in _IN_PLUGINS.items():
        sources = (plugins / package / package.replace("-", "_")).glob("*.py")
        assert any(re.search(rf'registry\.\w+\(\s*"{name}"', file.read_text()) for file in sources), name


def test_a_component_of_two_packages_is_asked_for_by_its_whole_name(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def discover(registry: Registry) -> None:
        target = "hcl_sdk.interactions.identity:Identity"
        entries = [Entry(kind="interaction", name="x", distribution=name, target=target) for name in ("one", "two")]
        registry.set_discovered(entries, [])

    monkeypatch.setattr("hcl_sdk.cli._listing.registry", Registry(discover=discover))
    assert "write 'one/x' or 'two/x'" in hcl("components", "x", status=1).stderr
    assert "interaction two/x, from two" in hcl("components", "two/x").stdout
