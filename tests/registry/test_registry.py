"""Registering names and looking them up."""

from __future__ import annotations

import sys
import threading
import types
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

import hcl_sdk
from hcl_sdk import Detection, PyramidSpec
from hcl_sdk.interfaces import KINDS
from hcl_sdk.registry import (
    COMPONENT_KINDS,
    Entry,
    PluginError,
    PluginReport,
    Registry,
    RegistryError,
    UnknownNameError,
    normalize,
)


@hcl_sdk.component
class Plain(hcl_sdk.Restorer):
    strength: float = 1.0

    def build(self, spec: PyramidSpec | None) -> None:
        pass

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        return image


@hcl_sdk.component
class Derived(Plain):
    pass


class Undecorated(Plain):
    pass


@hcl_sdk.component
class Incomplete(hcl_sdk.Restorer):
    def build(self, spec: PyramidSpec | None) -> None:
        pass


@hcl_sdk.component
class WithUse(Plain):
    use: str = "nothing"


def entry(
    name: str, distribution: Any = None, kind: str = "restorer", target: Any = "a_module_that_does_not_exist:Plain"
) -> Entry:
    return Entry(kind=kind, name=name, distribution=distribution, target=target)


def report(distribution: Any, status: Any = "ok", error: str = "") -> PluginReport:
    return PluginReport(
        distribution=distribution,
        version="2.1",
        entry_point="x",
        value="x",
        status=status,
        error=error,
    )


def make_registry(*entries: Any, reports: Any = ()) -> Registry:
    return Registry(discover=lambda registry: registry.set_discovered(entries, reports))


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module that exists, under a name of its own."""
    made = types.ModuleType("module_of_test_registry")
    made.Plain = Plain  # pyright: ignore[reportAttributeAccessIssue]
    made.Holder = types.SimpleNamespace(Derived=Derived)  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, made.__name__, made)
    return made.__name__


def test_every_kind_can_be_registered() -> None:
    assert tuple(KINDS) == COMPONENT_KINDS
    registry = Registry()
    for kind in COMPONENT_KINDS:
        getattr(registry, kind)("mine", "package.module:Class", summary=f"a {kind}")
    assert [(e.kind, e.qualified_name, e.summary) for e in registry.list_entries()] == [
        (kind, "script/mine", f"a {kind}") for kind in KINDS
    ]


def test_a_class_is_looked_up_by_both_names() -> None:
    registry = Registry()
    registry.restorer("mine", Plain)
    assert registry.get("restorer", "mine") is Plain
    assert registry.get("restorer", "script/mine") is Plain


def test_a_target_is_imported_when_first_used(module: Any) -> None:
    registry = Registry()
    registry.restorer("there", f"{module}:Plain")
    registry.restorer("nested", f"{module}:Holder.Derived")
    registry.restorer("not-there", "a_module_that_does_not_exist:Plain")
    assert registry.get("restorer", "there") is Plain
    assert registry.get("restorer", "nested") is Derived
    with pytest.raises(
        PluginError, match=r"script: restorer 'script/not-there': cannot be loaded from 'a_module_that_does_not_exist:"
    ):
        registry.get("restorer", "not-there")


@pytest.mark.parametrize("name", ["", "Mine", "my_name", "-mine", "mine-", "my--name", "2nd", "a/b", "a b", "naïve", 3])
def test_names_are_lower_case_words_joined_by_hyphens(name: str | int) -> None:
    with pytest.raises(ValueError, match="lowercase words joined by hyphens"):
        Registry().restorer(name, Plain)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("target", ["", "module", "module:", ":Class", "module.Class", "a/b:C", "mod:Class()", "a:b:c"])
def test_a_target_names_a_module_and_a_class(target: str) -> None:
    with pytest.raises(ValueError, match=r"expected 'package\.module:Class' or a class"):
        Registry().restorer("mine", target)


@pytest.mark.parametrize(
    "target",
    ["", "package", "package:", "package:/etc", "package:../other", "package:a/../b", "hub:name", "hub:a/b/c:d"],
)
def test_weights_are_in_a_package_or_on_the_hub(target: str) -> None:
    with pytest.raises(ValueError, match="expected 'package:relative/folder' or 'hub:organization/name'"):
        Registry().weights("mine", target)


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (int, r"derived from hcl_sdk\.Restorer, got <class 'int'>"),
        (Plain(), r"derived from hcl_sdk\.Restorer, got Plain\(strength=1\.0\)"),
        (Undecorated, "Undecorated is not decorated with @hcl_sdk.component"),
        (hcl_sdk.Restorer, "Restorer is not decorated"),
        (Incomplete, "Incomplete does not implement forward"),
        (WithUse, "field 'use'"),
    ],
)
def test_a_class_must_be_a_complete_component(cls: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Registry().restorer("mine", cls)


def test_a_class_must_be_of_the_kind() -> None:
    with pytest.raises(TypeError, match=r"derived from hcl_sdk\.Encoder, got Plain, which is of the kind restorer"):
        Registry().encoder("mine", Plain)  # pyright: ignore[reportArgumentType]


def test_a_name_is_registered_once_a_kind() -> None:
    registry = Registry()
    registry.restorer("mine", Plain)
    registry.head("mine", "package.module:Head")
    with pytest.raises(ValueError, match=r"restorer 'mine' is registered twice by script: as .*Plain and as .*Derived"):
        registry.restorer("mine", Derived)
    assert registry.get("restorer", "mine") is Plain


def test_a_cell_of_a_notebook_that_registers_can_be_run_again() -> None:
    cell = """
@hcl_sdk.component
class Mine(Plain):
    pass

registry.restorer("mine", Mine, summary=summary)
registry.head("lazy", "package.module:Head")
"""
    registry = Registry()
    namespaces = []
    for summary in ("first", "second"):
        namespaces.append({"__name__": "__main__", "registry": registry, "summary": summary, "Plain": Plain})
        exec(cell, namespaces[-1] | {"hcl_sdk": hcl_sdk}, namespaces[-1])
    first, second = (namespace["Mine"] for namespace in namespaces)
    assert first is not second
    assert registry.get("restorer", "mine") is second
    assert registry.get_name(second) == "script/mine"
    assert [(e.qualified_name, e.summary) for e in registry.list_entries()] == [
        ("script/lazy", ""),
        ("script/mine", "second"),
    ]
    with pytest.raises(ValueError, match="registered twice by script"):
        registry.head("lazy", "package.module:OtherHead")


def test_a_target_that_is_registered_again_is_imported_anew(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry()
    registry.restorer("mine", f"{module}:Plain")
    assert registry.get("restorer", "mine") is Plain
    monkeypatch.setattr(sys.modules[module], "Plain", Derived)
    registry.restorer("mine", f"{module}:Plain")
    assert registry.get("restorer", "mine") is Derived


def test_a_package_registers_a_name_once_even_for_the_same_target() -> None:
    registry = Registry("dist")
    registry.restorer("mine", Plain)
    with pytest.raises(ValueError, match="registered twice by dist"):
        registry.restorer("mine", Plain)


def test_registering_during_discovery_is_refused_in_that_thread_alone() -> None:
    def discover(registry: Any) -> None:
        with pytest.raises(PluginError, match="use the registry that hcl_register is given"):
            registry.restorer("oops", Plain)
        other = threading.Thread(target=registry.restorer, args=("mine", Plain))
        other.start()
        other.join()

    registry = Registry(discover=discover)
    assert [e.qualified_name for e in registry.list_entries()] == ["script/mine"]
    registry.restorer("later", Derived)
    assert registry.get("restorer", "later") is Derived


def test_order_of_registering_and_discovering_does_not_matter() -> None:
    before, after = (
        make_registry(entry("built-in"), entry("x", "dist")),
        make_registry(entry("built-in"), entry("x", "dist")),
    )
    before.restorer("mine", Plain)
    listed = after.list_entries("restorer")
    after.restorer("mine", Plain)
    assert len(listed) == 2
    assert before.list_entries() == after.list_entries()
    assert [e.qualified_name for e in after.list_entries()] == ["built-in", "dist/x", "script/mine"]


def test_discovery_happens_once_and_only_when_something_is_looked_up() -> None:
    calls = []
    registry = Registry(discover=calls.append)
    registry.restorer("mine", Plain)
    assert not calls
    for _ in range(2):
        registry.get("restorer", "mine")
        registry.get_name(Plain)
    assert calls == [registry]


def test_a_failed_discovery_fails_every_look_up() -> None:
    def fail(registry: Any) -> None:
        raise PluginError("strict")

    registry = Registry(discover=fail)
    registry.restorer("mine", Plain)
    for _ in range(2):
        with pytest.raises(PluginError, match="strict"):
            registry.get("restorer", "mine")


def test_looking_up_during_discovery_is_refused() -> None:
    registry = Registry(discover=lambda registry: registry.list_entries())
    with pytest.raises(PluginError, match="while plugins are being discovered"):
        registry.list_entries()


def test_a_closed_registry_takes_no_more_names() -> None:
    registry = Registry("dist")
    registry.restorer("mine", Plain)
    assert [e.qualified_name for e in registry.close()] == ["dist/mine"]
    with pytest.raises(PluginError, match="inside the hook"):
        registry.restorer("late", Plain)


def test_a_bare_name_of_two_packages_is_an_error_when_used() -> None:
    registry = make_registry(entry("x", "one", target=Plain), entry("x", "two", target=Derived))
    with pytest.raises(RegistryError, match=r"'x' is provided by 2 packages; write 'one/x' or 'two/x'"):
        registry.get("restorer", "x")
    assert registry.get("restorer", "two/x") is Derived
    registry.restorer("x", Plain)
    with pytest.raises(RegistryError, match="provided by 3 packages"):
        registry.get("restorer", "x")


def test_a_built_in_keeps_its_bare_name() -> None:
    registry = make_registry(entry("x", target=Plain), entry("x", "two", target=Derived))
    assert registry.get("restorer", "x") is Plain
    assert registry.get("restorer", "two/x") is Derived


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("partial-swim", ["unknown restorer 'partial-swim'", "did you mean 'partial-swin'?"]),
        ("blurfill", ["did you mean 'hcl-blur/blur-fill'?"]),
        ("hcl-blur/blurfill", ["hcl-blur 2.1 provides hcl-blur/blur-fill", "did you mean 'hcl-blur/blur-fill'?"]),
        ("zzz", ["known: partial-swin, hcl-blur/blur-fill"]),
        ("swin", ["that name belongs to the kind encoder"]),
        ("hcl-sdk/partial-swin", ["the built-ins have bare names", "did you mean 'partial-swin'?"]),
        ("script/mine", ['must first run registry.restorer("mine", ...)']),
        ("absent-dist/zzz", ["the package absent-dist is not installed: pip install absent-dist"]),
        ("absent-dist/z.PNG", ["the package absent-dist is not installed; "]),
        ("attrs/zzz", ["the installed package attrs", "has no plugin for hcl_sdk"]),
        ("a; rm -r/zzz", ["is not the name of a package"]),
        ("", ["unknown restorer ''"]),
    ],
)
def test_an_unknown_name_is_explained(name: str, expected: list[str]) -> None:
    registry = make_registry(
        entry("partial-swin"),
        entry("blur-fill", "hcl-blur"),
        entry("swin", kind="encoder"),
        reports=[report("hcl-blur")],
    )
    with pytest.raises(UnknownNameError) as caught:
        registry.get("restorer", name)
    message = str(caught.value)
    assert all(words in message for words in expected), message
    assert "\n" not in message
    assert ("pip install" in message) == (name == "absent-dist/zzz")


def test_an_unknown_name_points_to_plugins_that_failed() -> None:
    registry = make_registry(
        reports=[report("good"), report("bad", "broken", "OSError: no"), report("off", "disabled", "why")]
    )
    bad, off = "the plugin bad 2.1, which is broken (OSError: no)", "the plugin off 2.1, which is disabled (why)"
    with pytest.raises(UnknownNameError) as caught:
        registry.get("restorer", "x")
    assert f"perhaps it belongs to {bad}" in str(caught.value)
    assert f"perhaps it belongs to {off}" in str(caught.value)
    assert "good" not in str(caught.value)
    with pytest.raises(UnknownNameError) as caught:
        registry.get("restorer", "bad/x")
    assert f"it would come from {bad}" in str(caught.value)
    assert off not in str(caught.value)


def test_a_name_of_a_package_that_is_not_installed_is_not_attributed_to_a_plugin_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hcl_sdk.registry._explain._find_version", lambda _: None)
    registry = make_registry(reports=[report("bad", "broken", "OSError: no")])
    with pytest.raises(UnknownNameError) as caught:
        registry.get("restorer", "lama")
    assert str(caught.value) == "unknown restorer 'lama'; the package hcl-lama provides it: pip install hcl-lama"
    with pytest.raises(UnknownNameError) as caught:
        registry.get("restorer", "hcl-lama/lama")
    assert str(caught.value).count("pip install hcl-lama") == 1


@pytest.mark.parametrize("target", ["broken_of_test_registry:X", "outer_of_test_registry:X"])
def test_targets_that_cannot_be_loaded_are_reported_with_their_place(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_of_test_registry.py").write_text("\n1 / 0\n")
    (tmp_path / "outer_of_test_registry.py").write_text("import broken_of_test_registry\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry()
    registry.head("x", target)
    with pytest.raises(PluginError, match=r"ZeroDivisionError: division by zero \(.*broken_of_test_registry\.py:2\)$"):
        registry.get("head", "x")


def test_a_kind_that_does_not_exist() -> None:
    for ask in (lambda: Registry().get("decoder", "x"), lambda: Registry().list_entries("decoder")):
        with pytest.raises(ValueError, match=r"one of encoder, interaction, .*; got 'decoder'"):
            ask()


def test_weights_have_a_source_and_no_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "package_of_test_registry"
    (package / "deep" / "weights").mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry()
    registry.weights("folder", f"{package.name}:deep/weights")
    registry.weights("no-folder", f"{package.name}:deep/wates")
    registry.weights("no-package", "a_module_that_does_not_exist:deep")
    registry.weights("remote", "hub:org/name.v2")
    assert registry.find_weights_source("folder") == Path(package, "deep", "weights")
    assert registry.find_weights_source("script/remote") == "hub:org/name.v2"
    with pytest.raises(PluginError, match="there is no folder"):
        registry.find_weights_source("no-folder")
    with pytest.raises(PluginError, match="No module named 'a_module_that_does_not_exist'"):
        registry.find_weights_source("no-package")
    with pytest.raises(UnknownNameError, match="did you mean 'script/folder'"):
        registry.find_weights_source("foldr")
    with pytest.raises(ValueError, match="find_weights_source"):
        registry.get("weights", "folder")


def test_weights_may_be_in_a_package_without_init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "namespace_of_test_registry" / "weights"
    folder.mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry()
    registry.weights("folder", "namespace_of_test_registry:weights")
    assert registry.find_weights_source("folder") == folder


def test_a_class_is_named_by_identity(module: Any) -> None:
    same_place = type("Plain", (Plain,), {"__module__": Plain.__module__, "__qualname__": Plain.__qualname__})
    registry = make_registry(entry("plain", "dist", target=f"{module}:Plain"), entry("derived", target=Derived))
    assert registry.get_name(Plain) == "dist/plain"
    assert registry.get_name(Derived) == "derived"
    with pytest.raises(RegistryError, match="is not registered"):
        registry.get_name(hcl_sdk.component(same_place))


def test_a_class_is_found_under_a_module_that_was_not_imported_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "reexport_of_test_registry.py").write_text("from module_of_test_registry import Plain as Other\n")
    holder = types.ModuleType("module_of_test_registry")
    holder.Plain = Plain  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, holder.__name__, holder)
    monkeypatch.syspath_prepend(tmp_path)
    registry = make_registry(entry("broken", "a"), entry("other", "b", target="reexport_of_test_registry:Other"))
    assert registry.get_name(Plain) == "b/other"


def test_an_unregistered_class_is_told_the_missing_line() -> None:
    registry = make_registry(entry("broken", "a"))
    with pytest.raises(RegistryError) as caught:
        registry.get_name(WithUse)
    message = str(caught.value)
    assert 'registry.restorer("with-use", WithUse)' in message
    assert f'registry.restorer("with-use", "{__name__}:WithUse")' in message
    assert "could not be loaded to be compared: a/broken" in message


def test_a_component_of_no_kind_has_no_name() -> None:
    @hcl_sdk.component
    class Loose(hcl_sdk.interfaces.Component):  # pyright: ignore[reportAttributeAccessIssue]
        pass

    with pytest.raises(RegistryError, match="Loose is of no kind"):
        Registry().get_name(Loose)


@pytest.mark.parametrize(("name", "normal"), [("My_Package.X", "my-package-x"), ("a--b", "a-b"), ("plain", "plain")])
def test_distributions_are_normalized_as_by_pip(name: str, normal: str) -> None:
    assert normalize(name) == normal
