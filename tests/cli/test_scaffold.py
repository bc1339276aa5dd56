"""``hcl plugins new``: packages of every kind that install and pass as made."""

from __future__ import annotations

import importlib
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from installing import environment, run

from hcl_sdk import testing
from hcl_sdk.cli import main
from hcl_sdk.interfaces import KINDS
from hcl_sdk.registry import Registry


def new(*arguments: Any, status: int = 0) -> Any:
    result = CliRunner().invoke(main, ["plugins", "new", *map(str, arguments)])
    assert result.exit_code == status, result.output
    return result


@pytest.fixture
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Imports modules of packages in a folder, and forgets them afterwards."""
    modules = set(sys.modules)

    def do(package: Any, module: str) -> Any:
        monkeypatch.syspath_prepend(tmp_path / package)
        return importlib.import_module(module)

    yield do
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("kind", KINDS)
def test_a_component_of_every_kind_passes_all_checks_as_made(
    kind: Any, tmp_path: Path, importable: Callable[..., Any], hcl_registry: Registry
) -> None:
    new(f"hcl-made-{kind}", "--kind", kind, "-o", tmp_path)
    module = f"hcl_made_{kind}"
    plugin = importable(f"hcl-made-{kind}", module)
    assert plugin.api_version == 1
    plugin.hcl_register(hcl_registry)
    (entry,) = [e for e in hcl_registry.list_entries(kind) if e.distribution == "script"]
    assert entry.name == f"made-{kind}"
    cls = hcl_registry.get(kind, entry.name)
    report = getattr(testing, f"check_{kind}")(cls)
    skipped = {outcome.check for outcome in report.outcomes if outcome.status == "skipped"}
    assert skipped <= {"entry_module_imports_no_torch", "gradients_reach_every_parameter"}
    test = importable(f"hcl-made-{kind}/tests", f"test_{module}")
    (mark,) = test.test_conformance.pytestmark
    assert len(mark.args[1]) == len(report.outcomes)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An environment in which two packages are installed as made."""
    folder = tmp_path_factory.mktemp("made")
    for name, kind in (("hcl-made", "encoder"), ("my-photos", "dataset")):
        new(name, "--kind", kind, "-o", folder)
    return environment(folder, [folder / "hcl-made", folder / "my-photos"])


def test_packages_install_and_pass_their_tests_and_the_check(python: Any) -> None:
    """Both in one run of pytest, which takes long to start; that of the first decides how it is configured."""
    folder = re.sub(r"/environment/.*", "", python)
    tests = run(
        python,
        *("-m", "pytest", "-q", "-c", f"{folder}/hcl-made/pyproject.toml"),
        *(f"{folder}/hcl-made/tests", f"{folder}/my-photos/tests"),
        HCL_STRICT_PLUGINS="1",
    )
    assert tests.returncode == 0, tests.stdout + tests.stderr
    assert "skipped" not in tests.stdout
    checked = run(python, "-m", "hcl_sdk.cli", "plugins", "check", "my-photos/my-photos")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "my-photos/my-photos: 8 checks: 8 passed" in checked.stdout


def test_created_files_are_listed_with_the_next_steps(tmp_path: Path) -> None:
    shown = new("hcl-made", "--kind", "restorer", "-o", tmp_path).stdout
    files = {path.relative_to(tmp_path / "hcl-made").as_posix() for path in (tmp_path / "hcl-made").rglob("*.*")}
    for file in ("pyproject.toml", "README.md", ".github/workflows/test.yml", "hcl_made/restorer.py"):
        assert file in files
        assert f"  {file}\n" in shown
    assert f'pip install -e "{tmp_path.as_posix()}/hcl-made[test]"' in shown
    assert "hcl plugins check hcl-made" in shown
    project = tomllib.loads((tmp_path / "hcl-made" / "pyproject.toml").read_text())["project"]
    assert project["entry-points"] == {"hcl_sdk": {"made": "hcl_made"}}
    assert "$" not in "".join(
        path.read_text() for path in (tmp_path / "hcl-made").rglob("*.*") if path.is_file() and path.suffix != ".yml"
    )
    workflow = (tmp_path / "hcl-made" / ".github" / "workflows" / "test.yml").read_text()
    assert "python-version: ${{ matrix.python }}" in workflow


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("My_Plugin", "'My_Plugin' is not a valid package name; expected lowercase words joined by hyphens"),
        ("../elsewhere", "is not a valid package name"),
        ("", "is not a valid package name"),
        ("-x", "No such option"),
        ("class", "'class' cannot be used as a module name"),
        ("json", "'json' cannot be used as a module name"),
        ("script", "'script' cannot be used as a module name"),
        ("hcl-sdk", "would hide the installed module hcl_sdk"),
        ("torch", "would hide the installed module torch"),
    ],
)
def test_names_that_cannot_be_are_refused_with_one_error_and_nothing_is_written(
    name: str, reason: str, tmp_path: Path
) -> None:
    said = new(name, "--kind", "head", "-o", tmp_path, status=2).stderr
    assert reason in said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "hcl-made").mkdir()
    (tmp_path / "hcl-made" / "mine.txt").write_text("mine")
    said = new("hcl-made", "--kind", "head", "-o", tmp_path, status=1).stderr
    assert said.startswith("Error: ")
    assert "already exists; choose another name or another --output" in said
    assert [path.name for path in (tmp_path / "hcl-made").iterdir()] == ["mine.txt"]


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert "cannot be written" in new("hcl-made", "--kind", "head", "-o", tmp_path / "file" / "x", status=1).stderr


def test_the_kind_must_be_one() -> None:
    assert "'decoder' is not one of 'encoder'" in new("hcl-made", "--kind", "decoder", status=2).stderr
    assert "Missing option '--kind'" in new("hcl-made", status=2).stderr


@pytest.mark.parametrize("kind", ["encoder", "restorer", "loss", "dataset"])
def test_the_readme_says_in_which_configuration_its_snippet_stands(kind: str, tmp_path: Path) -> None:
    new("hcl-made", "--kind", kind, "-o", tmp_path)
    readme = (tmp_path / "hcl-made" / "README.md").read_text()
    of_a_pipeline = kind in ("encoder", "restorer")
    assert ("under `pipeline:`" in readme) == of_a_pipeline
    assert ("the configuration of a pipeline" in readme) == of_a_pipeline
    assert "training run" in readme


def test_the_readme_installs_the_folder_before_the_package_is_published(tmp_path: Path) -> None:
    new("hcl-made", "--kind", "encoder", "-o", tmp_path)
    readme = (tmp_path / "hcl-made" / "README.md").read_text()
    assert "\npip install .\n" in readme
    assert "\npip install hcl-made" not in readme
