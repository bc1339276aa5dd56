"""Third-party packages, built as wheels and installed into a virtual environment: what a user gets of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from installing import PACKAGES, environment
from installing import run_program as run

from hcl_sdk.plugins import registry


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of an environment in which the packages are installed, next to what is installed here."""
    return environment(tmp_path_factory.mktemp("plugins"), [PACKAGES / name for name in ("good", "broken", "conflict")])


def read_result(python: str, program: str, **environment: str) -> Any:
    """What the program prints as JSON."""
    done = run(python, program, **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


HERE = sorted({report.distribution for report in registry.plugins} - {"hcl-sdk"})
"""Packages with plugins that are installed anyway, such as first-party ones."""

LISTING = (
    f"""
    here = {HERE}
"""
    + """
    import json, sys
    from hcl_sdk.plugins import registry

    plugins = [r for r in registry.plugins if r.distribution not in here]
    reports = {f"{r.distribution}:{r.entry_point}": [r.status, r.version, r.error, r.names] for r in plugins}
    names = [entry.qualified_name for entry in registry.list_entries()]
    print(json.dumps({"reports": reports, "names": names, "torch": "torch" in sys.modules}))
"""
)


@pytest.fixture(scope="module")
def listing(python: str) -> dict[str, Any]:
    return read_result(python, LISTING)


def test_listing_finds_the_built_ins_first_then_the_packages_in_order(listing: dict[str, Any]) -> None:
    order = list(listing["reports"])
    assert order[0] == "hcl-sdk:builtin"
    assert order[1:] == sorted(order[1:])
    assert {name.partition(":")[0] for name in order[1:]} == {"hcl-blur", "hcl-broken", "hcl-clash"}


def test_listing_imports_no_torch(listing: dict[str, Any]) -> None:
    assert listing["torch"] is False


def test_a_sound_package_gives_qualified_names(listing: dict[str, Any]) -> None:
    names = ["hcl-blur/blur-fill", "hcl-blur/blurred-context"]
    assert listing["reports"]["hcl-blur:blur"] == ["ok", "0.2.0", "", names]
    assert set(names) <= set(listing["names"])


def test_built_ins_have_bare_names(listing: dict[str, Any]) -> None:
    assert {"swin", "soft-kmeans", "gated-unet", "default"} <= set(listing["names"])


@pytest.mark.parametrize(
    ("entry_point", "reasons"),
    [
        ("exits", ["SystemExit", "no license found"]),
        ("future", ["api_version 2", "api_version 1"]),
        ("half", ["OSError: license server does not answer"]),
        ("hookless", ["no function hcl_register(registry) marked with @hcl_sdk.hookimpl"]),
        ("misspelled", ["hcl_regster"]),
        ("raises", ["ModuleNotFoundError", "a_module_that_does_not_exist"]),
    ],
)
def test_a_broken_plugin_is_reported_with_its_reason_and_gives_nothing(
    listing: dict[str, Any], entry_point: str, reasons: list[str]
) -> None:
    status, version, error, names = listing["reports"][f"hcl-broken:{entry_point}"]
    assert (status, version, names) == ("broken", "1.5", [])
    assert all(reason in error for reason in reasons), error
    assert "\n" not in error
    assert not {"hcl-broken/first-half", "hcl-broken/unmarked", "hcl-broken/future"} & set(listing["names"])


def test_a_broken_plugin_does_not_affect_another_of_its_own_package(listing: dict[str, Any]) -> None:
    assert listing["reports"]["hcl-broken:sound"][0] == "ok"
    assert "hcl-broken/wrong-kind" in listing["names"]


def test_the_same_name_twice_in_a_package_breaks_the_second_plugin_as_a_whole(listing: dict[str, Any]) -> None:
    assert listing["reports"]["hcl-clash:first"][0] == "ok"
    status, _, error, names = listing["reports"]["hcl-clash:second"]
    assert (status, names) == ("broken", [])
    assert "'blur-fill' is registered twice by hcl-clash" in error
    assert "hcl-clash/other" not in listing["names"]


@pytest.fixture(scope="module")
def used(python: str) -> dict[str, Any]:
    """What happens on looking names up and building components, by label: a result, or the error."""
    return read_result(
        python,
        """
        import json
        import torch
        from hcl_sdk import Detection, Pyramid, PyramidSpec
        from hcl_sdk.config import build, describe, dump_yaml, load_yaml, list_plugins_used
        from hcl_sdk.plugins import registry

        def attempt(call):
            try:
                return call()
            except Exception as error:
                return f"{type(error).__name__}: {error}"

        restorer = build({"use": "hcl-blur/blur-fill", "window": 5}, "restorer")
        image = torch.full((1, 3, 9, 12), 0.25)
        mask = torch.zeros(1, 1, 9, 12, dtype=torch.bool)
        mask[..., 2:7, 3:9] = True
        filled = restorer(torch.where(mask, 1.0, image), Detection.from_mask(mask))
        again = build(load_yaml(dump_yaml(describe(restorer))), "restorer")
        spec = PyramidSpec(channels=(4, 6), strides=(1, 8))
        interaction = build("hcl-blur/blurred-context", "interaction").bind(spec)
        maps = interaction(Pyramid(maps=(torch.zeros(2, 4, 9, 13), torch.ones(2, 6, 2, 2)), spec=spec)).maps
        results = {
            "shapes": [list(m.shape) for m in maps],
            "filled": filled.sub(image).abs().max().item(),
            "described": describe(restorer),
            "described again": describe(again),
            "plugins used": list_plugins_used({"restorer": describe(restorer)}),
            "bare": registry.get("interaction", "blurred-context").__module__,
            "sloppy": registry.get("restorer", "Hcl_Blur/blur-fill").__name__,
            "built-in wins": registry.find("restorer", "gated-unet").target_text,
            "shadowed": registry.get("restorer", "hcl-clash/gated-unet").__name__,
            "first of two names": registry.get_name(registry.get("restorer", "hcl-clash/gated-unet")),
            "shipped": (registry.find_weights_source("shipped") / "config.json").is_file(),
            "hub": registry.find_weights_source("on-the-hub"),
        }
        for kind, name in [
            ("restorer", "blur-fill"),
            ("head", "hcl-broken/first-half"),
            ("head", "first-half"),
            ("restorer", "hcl-blur/blurfill"),
            ("head", "hcl-blur/blur"),
            ("head", "attrs/thing"),
            ("head", "hcl-absent/thing"),
            ("head", "missing-module"),
            ("head", "missing-class"),
            ("head", "not-a-component"),
            ("head", "wrong-kind"),
        ]:
            results[f"{kind} {name}"] = attempt(lambda: registry.get(kind, name).__name__)
        results["missing-folder"] = attempt(lambda: str(registry.find_weights_source("missing-folder")))
        results["config"] = attempt(lambda: build("hcl-absent/thing", "head"))
        print(json.dumps(results))
        """,
    )


def test_installed_components_work(used: dict[str, Any]) -> None:
    assert used["filled"] < 1e-6  # the surroundings are all of one color
    assert used["shapes"] == [[2, 4, 9, 13], [2, 6, 2, 2]]


def test_an_installed_component_is_saved_under_its_qualified_name(used: dict[str, Any]) -> None:
    assert used["described"] == {"use": "hcl-blur/blur-fill", "window": 5, "smoothing": 4}
    assert used["described again"] == used["described"]
    assert used["plugins used"] == {"hcl-blur": "0.2.0"}


def test_a_bare_name_works_where_one_package_gives_it(used: dict[str, Any]) -> None:
    assert used["bare"] == "hcl_blur.interaction"


def test_the_package_in_a_qualified_name_is_normalized(used: dict[str, Any]) -> None:
    assert used["sloppy"] == "BlurFill"


def test_using_a_name_that_two_packages_share_is_an_error(used: dict[str, Any]) -> None:
    assert used["restorer blur-fill"].startswith("RegistryError")
    assert "'hcl-blur/blur-fill' or 'hcl-clash/blur-fill'" in used["restorer blur-fill"]


def test_a_built_in_keeps_its_bare_name(used: dict[str, Any]) -> None:
    assert used["built-in wins"].startswith("hcl_sdk.")
    assert used["shadowed"] == "WideFill"


def test_a_class_with_two_names_is_called_by_the_first(used: dict[str, Any]) -> None:
    assert used["first of two names"] == "hcl-clash/blur-fill"


def test_weights_of_a_package(used: dict[str, Any]) -> None:
    assert used["shipped"] is True
    assert used["hub"] == "hub:somebody/something"
    assert used["missing-folder"].startswith("PluginError: plugin hcl-broken: weights")
    assert "no folder" in used["missing-folder"]


def test_an_unknown_name_says_which_plugin_failed_and_why(used: dict[str, Any]) -> None:
    for name, words in [("hcl-broken/first-half", "would come from"), ("first-half", "perhaps it belongs to")]:
        message = used[f"head {name}"]
        assert message.startswith("UnknownNameError")
        assert (
            f"{words} the plugin hcl-broken 1.5, which is broken (OSError: license server does not answer (" in message
        )


def test_an_unknown_name_of_a_sound_package_gets_the_nearest(used: dict[str, Any]) -> None:
    assert "did you mean 'hcl-blur/blur-fill'?" in used["restorer hcl-blur/blurfill"]
    assert "hcl-blur 0.2.0 provides no head" in used["head hcl-blur/blur"]


def test_an_unknown_package_is_to_be_installed(used: dict[str, Any]) -> None:
    assert "pip install hcl-absent" in used["head hcl-absent/thing"]
    assert "head.use: " in used["config"]
    assert "pip install hcl-absent" in used["config"]
    assert "attrs" in used["head attrs/thing"]
    assert "pip install" not in used["head attrs/thing"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing-module", "No module named 'hcl_broken.nowhere'"),
        ("missing-class", "has no attribute 'Head'"),
        ("not-a-component", "expected a class derived from hcl_sdk.Head, got <class 'pathlib.Path'>"),
        ("wrong-kind", "expected a class derived from hcl_sdk.Head, got BlurFill, which is of the kind restorer"),
    ],
)
def test_a_target_of_another_kind_names_the_plugin(used: dict[str, Any], name: str, reason: str) -> None:
    message = used[f"head {name}"]
    assert message.startswith(f"PluginError: plugin hcl-broken: head 'hcl-broken/{name}'")
    assert reason in message


def test_named_plugins_can_be_disabled(python: str) -> None:
    listing = read_result(python, LISTING, HCL_DISABLE_PLUGINS="hcl.broken, HCL_Clash")
    statuses = {name: status for name, (status, *_) in listing["reports"].items()}
    assert {name for name, status in statuses.items() if status == "ok"} == {"hcl-sdk:builtin", "hcl-blur:blur"}
    assert {status for name, status in statuses.items() if "broken" in name or "clash" in name} == {"disabled"}
    assert not [name for name in listing["names"] if name.startswith(("hcl-broken", "hcl-clash"))]


def test_all_plugins_but_the_built_ins_can_be_disabled(python: str) -> None:
    program = (
        LISTING
        + """
    from hcl_sdk.registry import UnknownNameError

    try:
        registry.get("restorer", "hcl-blur/blur-fill")
    except UnknownNameError as error:
        assert "the plugin hcl-blur 0.2.0, which is disabled (by HCL_DISABLE_PLUGINS)" in str(error), error
    else:
        raise AssertionError
    """
    )
    listing = read_result(python, program, HCL_DISABLE_PLUGINS="*")
    assert [name for name, (status, *_) in listing["reports"].items() if status == "ok"] == ["hcl-sdk:builtin"]
    assert "swin" in listing["names"]
    assert not [name for name in listing["names"] if "/" in name]


def test_strictness_makes_every_failure_fatal(python: str) -> None:
    done = run(python, LISTING, HCL_STRICT_PLUGINS="1")
    assert done.returncode != 0
    assert "PluginError" in done.stderr
    for name in ("exits", "future", "half", "hookless", "misspelled", "raises", "second"):
        assert f"({name} = hcl_" in done.stderr
    assert "(sound = " not in done.stderr


def test_strictness_is_content_with_sound_plugins(python: str) -> None:
    listing = read_result(python, LISTING, HCL_STRICT_PLUGINS="1", HCL_DISABLE_PLUGINS="hcl-broken,hcl-clash")
    assert "hcl-blur/blur-fill" in listing["names"]
