"""A package with every hook, installed from its wheel: what it adds, and that a hook which fails disturbs nothing."""

from __future__ import annotations

import importlib.metadata
import json
from typing import Any, TypeAlias

import pytest
from installing import PACKAGES, environment, run_program

from hcl_sdk.plugins import GROUP

Results: TypeAlias = dict[str, Any]
"""What `run_commands` gives, by label."""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    return environment(tmp_path_factory.mktemp("hooks"), [PACKAGES / "hooks"])


def run_commands(python: str, *lines: list[str], **variables: str) -> list[Any]:
    """(status, standard output, standard error) of each command line, one after the other in one process.

    Of plugins there is this one alone, whatever else happens to be installed here.
    """
    found = {point.dist.name for point in importlib.metadata.entry_points(group=GROUP) if point.dist is not None}
    variables = {"HCL_DISABLE_PLUGINS": ",".join(sorted(found - {"hcl_sdk"}))} | variables
    done = run_program(
        python,
        f"""
        import json, sys
        from click.testing import CliRunner
        from hcl_sdk.cli import main
        results = []
        for line in {[list(line) for line in lines]}:
            result = CliRunner().invoke(main, line, prog_name="hcl")
            results.append([result.exit_code, result.stdout, result.stderr, "hcl_hooks.commands" in sys.modules])
        print(json.dumps(results))
        """,
        **variables,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


LINES = {
    "help": ["--help"],
    "absent": ["absent"],
    "number": ["number"],
    "misspelled": ["cuont"],
    "misspelled-own": ["detekt"],
    "not-installed": ["hcl-absent/x"],
    "count": ["count", "default"],
    "qualified": ["HCL_hooks/count", "default"],
    "count-help": ["count", "--help"],
    "own": ["detect", "--help"],
    "shadowed": ["hcl-hooks/detect"],
    "plugins": ["plugins"],
}


@pytest.fixture(scope="module")
def results(python: str) -> Results:
    return dict(zip(LINES, run_commands(python, *LINES.values()), strict=True))


def test_help_lists_the_commands_of_plugins_without_importing_them(results: Results) -> None:
    status, output, _, is_imported = results["help"]
    assert (status, is_imported) == (0, False)
    section = output.partition("Commands from plugins:\n")[2].splitlines()
    assert [" ".join(line.split()) for line in section if line] == [
        "absent Is not there.",
        "count Count the parameters of weights.",
        "hcl-hooks/detect Has the name of a command of hcl.",
        "number Is no command.",
    ]


@pytest.mark.parametrize("name", ["count", "qualified"])
def test_a_command_of_a_plugin_is_called(results: Results, name: str) -> None:
    status, output, _, is_imported = results[name]
    assert (status, is_imported) == (0, True)
    assert int(output) > 1_000_000
    assert "Count the parameters of WEIGHTS." in results["count-help"][1]


def test_an_own_command_of_hcl_is_not_replaced(results: Results) -> None:
    assert "--sensitivity" in results["own"][1]
    assert results["shadowed"][1] == "the plugin's own\n"


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("absent", 1, "cannot be loaded from 'hcl_hooks.commands:absent': AttributeError: module 'hcl_hooks.commands'"),
        ("number", 1, "from 'hcl_hooks.commands:NUMBER': TypeError: expected a click.Command, got 3"),
        ("misspelled", 2, "unknown command 'cuont'; did you mean 'hcl-hooks/count'?"),
        (
            "misspelled",
            2,
            "perhaps it belongs to the plugin hcl-hooks 1.1, which is broken (ValueError: command",
        ),
        ("misspelled-own", 2, "unknown command 'detekt'; did you mean 'detect'?"),
        ("not-installed", 2, "the package hcl-absent is not installed: pip install hcl-absent"),
    ],
)
def test_hooks_that_cannot_be_called_are_explained(results: Results, name: str, status: int, message: str) -> None:
    assert results[name][:2] == [status, ""]
    assert message in results[name][2]


def test_a_plugin_whose_hook_fails_gives_nothing_and_is_shown(results: Results) -> None:
    status, output, _, _ = results["plugins"]
    assert status == 0
    rows = {line.split()[0]: line for line in output.splitlines() if line.startswith("hcl-hooks:")}
    assert "ok" in rows["hcl-hooks:sound"]
    assert "hcl hcl-hooks/count" in rows["hcl-hooks:sound"]
    assert "broken" in rows["hcl-hooks:twice"]
    assert "hcl-hooks:twice is broken: ValueError: command 'count' is registered twice by hcl-hooks" in output
    assert "hcl-hooks/other" not in output


def test_disabled_plugins_add_nothing(python: str) -> None:
    listed, called = run_commands(python, ["--help"], ["count", "default"], HCL_DISABLE_PLUGINS="*")
    assert "Commands from plugins" not in listed[1]
    assert "the plugin hcl-hooks 1.1, which is disabled (by HCL_DISABLE_PLUGINS)" in called[2]


def test_strictness_concerns_help_too(python: str) -> None:
    (listed,) = run_commands(python, ["--help"], HCL_STRICT_PLUGINS="1")
    assert listed[0] == 1
    assert "broken plugins, and HCL_STRICT_PLUGINS is set" in listed[2]


@pytest.fixture(scope="module")
def saved(python: str) -> dict[str, Any]:
    done = run_program(
        python,
        """
        import json, os, warnings
        from pathlib import Path
        from hcl_sdk import GatedUNet, Pipeline, PluginError
        from hcl_sdk.plugins import PluginWarning

        pipeline = Pipeline(restorer=GatedUNet(dim=4, multipliers=(1, 2)), device="cpu")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            pipeline.save_pretrained("saved")
        again = Pipeline.from_pretrained("./saved", device="cpu")
        assert repr(again) == repr(pipeline)
        os.environ["HCL_STRICT_PLUGINS"] = "1"
        try:
            pipeline.save_pretrained("strict")
        except PluginError as error:
            message = str(error)
        print(json.dumps({
            "files": sorted(path.name for path in Path("saved").iterdir()),
            "license": json.loads(Path("saved/LICENSE.json").read_text()),
            "warnings": [str(w.message) for w in caught if issubclass(w.category, PluginWarning)],
            "error": message,
            "strict": sorted(path.name for path in Path("strict").iterdir()),
        }))
        """,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_hook_that_fails_before_saving_stops_neither_the_saving_nor_the_others(saved: dict[str, Any]) -> None:
    assert saved["files"] == ["LICENSE.json", "README.md", "config.json", "model.safetensors", "tried"]
    assert saved["license"] == {"license": "CC0-1.0", "parts": ["restorer"]}
    (warning,) = saved["warnings"]
    assert warning.startswith(
        "hcl_before_save failed and was skipped: hcl-hooks 1.1, hcl_hooks.fails: "
        "OSError: the license server does not answer for saved ("
    )


def test_a_hook_that_fails_before_saving_is_an_error_on_request(saved: dict[str, Any]) -> None:
    start = "hcl_before_save failed, and HCL_STRICT_PLUGINS is set:\n  hcl-hooks 1.1, hcl_hooks.fails: OSError"
    assert saved["error"].startswith(start)
    assert saved["strict"] == ["LICENSE.json", "tried"]
