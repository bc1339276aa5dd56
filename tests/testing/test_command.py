"""``hcl plugins check``: what it prints, and how it ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from hcl_sdk import Identity, Shape, component
from hcl_sdk.cli import main
from hcl_sdk.registry import Entry, PluginReport, Registry


@component
class Half(Shape):
    """Everything in the left half, in numbers where a mask is expected."""

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[Any]:
        mask = rng.random(size) * 0
        mask[:, : size[1] // 2] = 1
        return mask


@component
class Expected(Half):
    expected_failures = {"draws_masks_of_any_size": "numbers are what it draws"}  # noqa: RUF012


@component
class NeedsALibrary(Half):
    def __attrs_post_init__(self) -> None:
        import a_library_that_is_not_there  # noqa: F401  # pyright: ignore[reportMissingImports]


def check(*arguments: Any, status: int = 0) -> Any:
    result = CliRunner().invoke(main, ["plugins", "check", *arguments])
    assert result.exit_code == status, result.output
    return result


def test_a_sound_component_passes(hcl_registry: Registry) -> None:
    hcl_registry.interaction("mine", Identity)
    shown = check("script/mine").stdout
    assert shown.startswith("interaction script/mine: 17 checks: 16 passed, 1 skipped\n")
    assert "  skipped: gradients_reach_every_parameter: it has no parameters that learn\n" in shown
    assert "  passed: spec_is_true\n" in check("mine", "--verbose").stdout


def test_a_fault_is_named_and_the_exit_status_says_so(hcl_registry: Registry) -> None:
    hcl_registry.shape("mine", Half)
    result = check("mine", status=1)
    assert (
        "  failed: draws_masks_of_any_size: for a size of 1 x 1, draw returns float64; expected bool" in result.stdout
    )
    assert result.stderr == "Error: 1 failed: draws_masks_of_any_size\n"


def test_an_expected_failure_is_shown_and_not_counted(hcl_registry: Registry) -> None:
    hcl_registry.shape("mine", Expected)
    assert "  expected failure: draws_masks_of_any_size: numbers are what it draws\n" in check("mine").stdout


def test_several_are_summed_up(hcl_registry: Registry) -> None:
    hcl_registry.shape("one", Half)
    hcl_registry.interaction("one", Identity)
    result = check("script/one", status=1)
    assert "\n2 components and weights, 24 checks: 21 passed, 1 failed, 2 skipped\n" in result.stdout


def test_where_nothing_can_be_checked_it_fails(hcl_registry: Registry) -> None:
    hcl_registry.shape("mine", NeedsALibrary)
    result = check("mine", status=1)
    assert "needs a_library_that_is_not_there, which is not installed" in result.stdout
    assert result.stderr == "Error: nothing of mine could be checked\n"


def report(**fields: Any) -> PluginReport:
    return PluginReport(distribution="hcl-odd", version="1.0", value="hcl_sdk.builtin", **fields)


def test_of_a_package_the_entry_points_count_as_well(hcl_registry: Registry) -> None:
    broken = report(entry_point="a", status="broken", error="ImportError: no such module")
    sound = report(entry_point="b", status="ok", names=("hcl-odd/mine",))
    entry = Entry(kind="interaction", name="mine", distribution="hcl-odd", target=Identity)
    hcl_registry.set_discovered([entry], [broken, sound])
    result = check("Hcl_Odd", status=1)
    assert result.stdout.startswith(
        "failed: a = hcl_sdk.builtin: broken: ImportError: no such module\ninteraction hcl-odd/mine"
    )
    assert result.stderr == "Error: 1 failed: a = hcl_sdk.builtin\n"


def test_a_package_that_gives_nothing_has_nothing_to_be_checked(hcl_registry: Registry) -> None:
    hcl_registry.set_discovered([], [report(entry_point="a", status="disabled", error="by HCL_DISABLE_PLUGINS")])
    assert "1 failed: a = hcl_sdk.builtin" in check("hcl-odd", status=1).stderr
    hcl_registry.set_discovered([], [report(entry_point="a", status="ok")])
    assert "nothing of hcl-odd could be checked" in check("hcl-odd", status=1).stderr


@pytest.mark.parametrize(("name", "said"), [("swim", "did you mean 'swin'?"), ("", "expected a name")])
def test_an_unknown_name_is_an_error(name: str, said: str) -> None:
    result = CliRunner().invoke(main, ["plugins", "check", name])
    assert result.exit_code in (1, 2)
    assert said in result.stderr


def test_the_list_is_still_there_and_its_option_goes_with_nothing_else() -> None:
    assert CliRunner().invoke(main, ["plugins"]).stdout.startswith("plugin ")
    assert (
        "cannot be combined with a subcommand"
        in CliRunner().invoke(main, ["plugins", "--check", "check", "swin"]).stderr
    )
