"""What the kit does with factories, expectations and missing packages, and how it reports."""

from __future__ import annotations

import contextlib
import pickle
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from checking import find_faults
from torch import Tensor

from hcl_sdk import (
    ConvNeXtEncoder,
    Encoder,
    GatedUNet,
    Identity,
    Pyramid,
    PyramidSpec,
    ResNetEncoder,
    component,
)
from hcl_sdk.losses import PerceptualLoss
from hcl_sdk.plugins import discover, registry
from hcl_sdk.registry import COMPONENT_KINDS, Entry, Registry, RegistryError
from hcl_sdk.testing import ChecksFailed, Outcome, Report, check_encoder, check_head, check_loss, list_checks
from hcl_sdk.testing._checks import every
from hcl_sdk.testing.conformance import find_entries, make_entry_cases


@component
class Rounding(Encoder):
    """Every stride rounded down."""

    def build(self) -> None:
        self.layer = torch.nn.Conv2d(3, 4, 2, stride=2)

    @property
    def spec(self) -> PyramidSpec:
        return PyramidSpec(channels=(4,), strides=(2,))

    def forward(self, image: Tensor) -> Pyramid:
        return Pyramid(maps=(self.layer(torch.nn.functional.pad(image, (0, 1, 0, 1)))[..., :-1, :-1],), spec=self.spec)


def small() -> ResNetEncoder:
    return ResNetEncoder(channels=(4, 6), depths=(0, 0))


# What is checked


@pytest.mark.parametrize("kind", [*COMPONENT_KINDS, "weights"])
def test_every_check_states_its_purpose_in_one_line(kind: Any) -> None:
    checks = list_checks(kind)
    assert len({check.name for check in checks}) == len(checks) > 2
    assert all(check.description.endswith(".") for check in checks)


def test_every_check_has_a_component_here_that_it_finds_broken() -> None:
    here = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    names = {check.name for kind in (*COMPONENT_KINDS, "weights") for check in list_checks(kind)}
    assert [name for name in sorted(names) if f'"{name}"' not in here] == []


def test_a_kind_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected a kind, one of encoder, .*; got 'decoder'"):
        list_checks("decoder")


def test_the_example_of_a_class_is_checked_and_may_have_files() -> None:
    folders = []

    @component
    class WithExample(ResNetEncoder):
        stem: str

        @classmethod
        def testing_example(cls, folder: Path) -> Any:
            folders.append(folder)
            (folder / "stem.txt").write_text("text")
            return cls(stem=(folder / "stem.txt").read_text(), channels=(4, 6), depths=(0, 0))

    report = check_encoder(WithExample)
    assert report.component == "WithExample(channels=(4, 6), depths=(0, 0), residuals=False, stem='text')"
    assert len(set(folders)) == 1
    assert not folders[0].exists()


def test_a_component_without_usable_defaults_gives_a_remedy() -> None:
    @component
    class Needy(ResNetEncoder):
        path: str

    with pytest.raises(TypeError, match=r"Needy cannot be made from its defaults .* testing_example\(cls, folder\)"):
        check_encoder(Needy)


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (small(), "got a component. Write lambda: ResNetEncoder"),
        (dict, "expected a component class, or a function without arguments"),
        ("swin", "expected a component class, or a function without arguments that makes one; got 'swin'"),
        (lambda width: small(), "expected a function that can be called without arguments"),
        (lambda: 3, "its result is of the type int"),
        (GatedUNet, "expected a factory of the kind encoder; got one of the kind restorer"),
    ],
)
def test_factories_of_other_kinds_are_refused(factory: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        check_encoder(factory)


def test_each_check_needs_a_component_of_its_own() -> None:
    one = small()
    found = find_faults(check_encoder, lambda: one)
    assert "the factory returned one component twice" in found["spec_is_true"]


def test_a_factory_that_draws_is_made_repeatable() -> None:
    state = torch.get_rng_state()
    check_encoder(small)
    assert torch.equal(torch.get_rng_state(), state)


# What is expected to fail


def test_an_expected_failure_is_not_counted_and_carries_its_reason() -> None:
    report = check_encoder(Rounding, expected_failures={"spec_is_true": "the library rounds down"})
    (outcome,) = [o for o in report.outcomes if o.status == "expected failure"]
    assert (outcome.check, outcome.reason) == ("spec_is_true", "the library rounds down")
    assert "1 failed as expected" in str(report)
    assert "expected failure: spec_is_true: the library rounds down" in str(report)


def test_a_class_may_state_its_own_expectations() -> None:
    @component
    class Honest(Rounding):
        expected_failures: ClassVar = {"spec_is_true": "the library rounds down"}

    assert check_encoder(Honest).count("expected failure") == 1


def test_an_expected_failure_that_passes_is_reported() -> None:
    found = find_faults(check_encoder, small, expected_failures={"spec_is_true": "it was so once"})
    assert found == {"spec_is_true": "expected to fail (it was so once), but passes: remove it from expected_failures"}


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"spec_is_false": "why"}, "names 'spec_is_false', which is not a check of ResNetEncoder"),
        ({"spec_is_true": ""}, "must give the reason, in words; got ''"),
        ({"spec_is_true": True}, "must give the reason, in words; got True"),
    ],
)
def test_expectations_that_say_nothing_are_refused(expected: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_encoder(small, expected_failures=expected)


# Reports


def test_the_summary_counts_and_says_why() -> None:
    with pytest.raises(ChecksFailed) as raised:
        check_encoder(Rounding)
    first, *rest = str(raised.value).splitlines()
    assert first == "Rounding(): 15 checks: 12 passed, 1 failed, 2 skipped"
    assert rest[0].startswith("  failed: spec_is_true: for images of 1 x 1, spec promises maps")
    assert "  skipped: exports: its class does not say exportable = True" in rest
    again = pickle.loads(pickle.dumps(raised.value))
    assert again.report == raised.value.report
    assert [outcome.check for outcome in again.report.faults] == ["spec_is_true"]


# What is not installed


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Installs a package of one entry module and one of components."""
    modules = set(sys.modules)
    monkeypatch.setattr(registry, "_loaded", dict(registry._loaded))
    every._imports_torch.cache_clear()

    def install(register: str, components: str, extra: str = "") -> Any:
        (tmp_path / "of_test_kit").mkdir()
        entry = f"from hcl_sdk import hookimpl\n{extra}\n@hookimpl\ndef hcl_register(registry):\n    {register}\n"
        (tmp_path / "of_test_kit" / "__init__.py").write_text(entry)
        (tmp_path / "of_test_kit" / "components.py").write_text(textwrap.dedent(components))
        info = tmp_path / "of_test_kit-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: of-test-kit\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[hcl_sdk]\npoint = of_test_kit\n")
        monkeypatch.syspath_prepend(tmp_path)
        discover(registry)
        return find_entries("of-test-kit")

    yield install
    monkeypatch.undo()
    for name in set(sys.modules) - modules:
        if name.startswith("of_test_kit"):
            del sys.modules[name]
    discover(registry)


def check_entry(entries: tuple[Entry, ...]) -> Report:
    """What becomes of the tests of the only entry."""
    (entry,) = entries
    outcomes: list[Outcome] = []
    component = ""
    for case in make_entry_cases(entry):
        factory, check = case.values
        with contextlib.suppress(Exception, pytest.skip.Exception, pytest.xfail.Exception, pytest.fail.Exception):
            check(factory)
        component = check.component
        outcomes.append(check.hcl_outcome)
    return Report(component=component, outcomes=tuple(outcomes))


IDENTITY = "from hcl_sdk import Identity, component\n{more}\n@component\nclass Mine(Identity):\n    {body}\n"


def test_an_entry_module_that_imports_torch_is_named(package: Callable[..., Any]) -> None:
    entries = package(
        "registry.interaction('mine', 'of_test_kit.components:Mine')",
        IDENTITY.format(more="", body="pass"),
        extra="import torch",
    )
    report = check_entry(entries)
    (fault,) = report.faults
    assert fault.check == "entry_module_imports_no_torch"
    assert "of_test_kit, the module of of-test-kit's entry point, imports torch" in fault.reason


def test_a_registered_component_passes_all_checks(package: Callable[..., Any]) -> None:
    entries = package(
        "registry.interaction('mine', 'of_test_kit.components:Mine')", IDENTITY.format(more="", body="pass")
    )
    report = check_entry(entries)
    assert report.component == "interaction of-test-kit/mine"
    assert {o.check: o.status for o in report.outcomes}["entry_module_imports_no_torch"] == "passed"


@pytest.mark.parametrize(
    ("more", "body"),
    [
        ("import a_library_that_is_not_there.core", "pass"),
        ("", "def build(self, spec):\n        import a_library_that_is_not_there"),
        (
            "",
            "def __new__(cls, **fields):\n"
            "        try:\n            import a_library_that_is_not_there\n"
            "        except ImportError as error:\n            raise ImportError('pip install it') from error",
        ),
    ],
    ids=["when imported", "when bound", "when made"],
)
def test_components_that_need_a_package_that_is_not_there_are_skipped_with_the_reason(
    package: Callable[..., Any], more: str, body: str
) -> None:
    entries = package(
        "registry.interaction('mine', 'of_test_kit.components:Mine')", IDENTITY.format(more=more, body=body)
    )
    report = check_entry(entries)
    assert not report.faults
    assert "needs a_library_that_is_not_there, which is not installed" in {o.reason for o in report.outcomes}


@pytest.mark.parametrize(
    ("components", "reason"),
    [
        ("raise OSError('no license')", "OSError: no license"),
        ("import of_test_kit.nowhere", "No module named 'of_test_kit.nowhere'"),
        (IDENTITY.format(more="", body="needed: int"), "Mine cannot be made from its defaults"),
        ("Mine = 3", "expected a class derived from hcl_sdk.Interaction, got 3"),
    ],
)
def test_a_component_that_cannot_be_loaded_or_created_is_a_failure(
    package: Callable[..., Any], components: Any, reason: str
) -> None:
    report = check_entry(package("registry.interaction('mine', 'of_test_kit.components:Mine')", components))
    (outcome,) = report.outcomes
    assert (outcome.check, outcome.status) == ("can_be_made", "failed")
    assert reason in outcome.reason


def test_in_python_a_missing_package_skips_all_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    def factory() -> None:
        import a_library_that_is_not_there  # noqa: F401  # pyright: ignore[reportMissingImports]

    report = check_head(factory)
    assert {o.status for o in report.outcomes} == {"skipped"}
    assert len(report.outcomes) == len(list_checks("head"))


def test_names_that_stand_for_nothing_are_refused_with_the_nearest() -> None:
    assert [e.kind for e in find_entries("text")] == ["shape", "content"]
    with pytest.raises(RegistryError, match=r"nor anything that one provides is called 'swim'; did you mean 'swin'\?"):
        find_entries("swim")


# The registry


def test_the_isolated_registry_forgets(hcl_registry: Registry) -> None:
    hcl_registry.interaction("mine", Identity)
    assert registry.get("interaction", "script/mine") is Identity
    with pytest.raises(ValueError, match="registered twice"):
        hcl_registry.interaction("mine", "elsewhere:Mine")


@pytest.mark.parametrize("run", [1, 2])
def test_each_test_has_a_registry_of_its_own(hcl_registry: Registry, run: int) -> None:
    hcl_registry.interaction("same", f"elsewhere:Mine{run}")
    assert [e.target for e in registry.list_entries() if e.distribution == "script"] == [f"elsewhere:Mine{run}"]


def test_checks_leave_no_names_behind() -> None:
    check_encoder(Rounding, expected_failures={"spec_is_true": "see above"})
    assert not [e for e in registry.list_entries() if e.name.startswith("under-test")]


def test_components_of_components_need_no_names_either() -> None:
    @component
    class Own(ConvNeXtEncoder):
        pass

    check_loss(lambda: PerceptualLoss(encoder=Own(channels=(4,), depths=(1,), kernel_size=3), weights="own"))
