"""The kit in pytest, as other people run it: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import pytest

import hcl_sdk

MODULE = "hcl_sdk.testing.pytest_plugin"
ROOT = Path(hcl_sdk.__file__).parent.parent


def run_pytest(folder: Path, code: str, *arguments: Any) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(textwrap.dedent(code))
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("HCL_", "PYTEST"))} | {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "hcl_sdk.testing.pytest_plugin",
        "-p",
        "no:cacheprovider",
        *arguments,
    ]
    return subprocess.run(
        [*command, "test_it.py"], cwd=folder, env=variables, capture_output=True, text=True, check=False
    )


def test_the_plugin_is_declared_as_it_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {MODULE: MODULE}


def test_loading_the_plugin_imports_nothing_heavy_and_adds_nothing_to_other_suites(tmp_path: Path) -> None:
    done = run_pytest(
        tmp_path,
        """
        import sys

        def test_it():
            heavy = {"torch", "numpy", "PIL", "attrs", "hcl_sdk.registry", "hcl_sdk.plugins", "hcl_sdk.config"}
            assert not heavy & set(sys.modules)
        """,
    )
    assert done.returncode == 0, done.stdout
    assert "hcl_sdk" not in done.stdout.partition("test session starts")[2].partition("collected")[2]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return run_pytest(
        tmp_path_factory.mktemp("suite"),
        """
        import attrs
        import numpy as np
        import pytest

        from hcl_sdk import Shape, component
        from hcl_sdk.testing import parametrize_with_checks

        @component
        class Sound(Shape):
            share: float = 0.5

            def draw(self, size, rng):
                return rng.random(size) < self.share

        @component
        class Bytes(Sound):
            def draw(self, size, rng):
                return super().draw(size, rng).astype(np.uint8)

        def absent():
            import a_library_that_is_not_there

        def broken():
            raise OSError("no license")

        @parametrize_with_checks([Sound, lambda: Sound(share=0.1), absent, broken])
        def test_shapes(factory, check):
            check(factory)

        @parametrize_with_checks([Bytes], expected_failures={"draws_masks_of_any_size": "it counts"})
        def test_expected(factory, check):
            check(factory)

        @parametrize_with_checks([Sound], expected_failures={"generator_decides": "it was so once"})
        def test_unexpected(factory, check):
            check(factory)

        @parametrize_with_checks([Bytes])
        def test_failing(factory, check):
            check(factory)

        def test_registry(hcl_registry):
            hcl_registry.shape("mine", Sound)
            assert hcl_registry.get_name(Sound) == "script/mine"
        """,
        "-rA",
    )


def test_every_check_of_every_component_is_a_test(outcome: Any) -> None:
    assert outcome.returncode == 1
    assert "passed" in outcome.stdout
    for test in (
        "PASSED test_it.py::test_shapes[Sound-draws_masks_of_any_size0]",
        "PASSED test_it.py::test_shapes[Sound-draws_masks_of_any_size1]",
        "XFAIL test_it.py::test_expected[Bytes-draws_masks_of_any_size] - it counts",
        "FAILED test_it.py::test_failing[Bytes-draws_masks_of_any_size]",
        "FAILED test_it.py::test_shapes[broken-can_be_made] - OSError: no license",
        "PASSED test_it.py::test_registry",
        "needs a_library_that_is_not_there, which is not installed",
    ):
        assert test in outcome.stdout, outcome.stdout
    assert "draw returns uint8; expected bool, True = corrupted" in outcome.stdout
    assert "generator_decides expected to fail (it was so once), but passes" in outcome.stdout
    assert outcome.stdout.count("FAILED test_it.py") == 3


def test_the_summary_says_how_many_ran_and_why_others_did_not(outcome: Any) -> None:
    # Sound three times and Bytes twice, 7 checks each, and two factories that make nothing.
    assert "hcl_sdk checks: 27 passed, 2 failed, 1 failed as expected, 5 skipped" in outcome.stdout
    assert "5 skipped: no installed package registers it" in outcome.stdout
    assert "1 expected failure: it counts" in outcome.stdout


@pytest.mark.parametrize(
    ("decorator", "message"),
    [
        ("parametrize_with_checks([TopDownFusion()])", "got a component. Write lambda: TopDownFusion"),
        (
            "parametrize_with_checks([TopDownFusion], expected_failures={'x': 'y'})",
            "names 'x', which is not a check of",
        ),
    ],
)
def test_mistakes_are_errors_when_tests_are_collected(decorator: str, message: str) -> None:
    from hcl_sdk import TopDownFusion
    from hcl_sdk.testing import parametrize_with_checks

    with pytest.raises((TypeError, ValueError), match=message):
        eval(decorator, {"parametrize_with_checks": parametrize_with_checks, "TopDownFusion": TopDownFusion})
