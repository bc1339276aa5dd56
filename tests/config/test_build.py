"""Plain mappings <-> components, with small components."""

# What is built is some component. Each test knows which.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import pickle
from typing import Annotated, Any, ClassVar, Literal

import attrs
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import hcl_sdk
from hcl_sdk import Detection, Pyramid, PyramidSpec, plugins
from hcl_sdk.config import ConfigError, build, describe, dump_yaml, list_plugins_used, load_yaml, structure
from hcl_sdk.interfaces import Component
from hcl_sdk.plugins import registry as process_wide_registry
from hcl_sdk.registry import Entry, PluginError, PluginReport, Registry, RegistryError

made: list[str] = []
"""Names of the classes of which instances were made, to see that nothing is made of a wrong configuration."""


@hcl_sdk.component
class TinyEncoder(hcl_sdk.Encoder):
    dim: int = attrs.field(default=8, validator=[attrs.validators.ge(1), attrs.validators.le(1024)])
    depths: tuple[int, ...] = (2, 2)
    kernel: tuple[int, int] = (3, 3)
    rates: tuple[float, ...] = (1.0,)
    drop: float = attrs.field(
        default=0.1, validator=attrs.validators.and_(attrs.validators.ge(0), attrs.validators.lt(1))
    )
    scale: float | None = None
    norm: Literal["batch", "layer"] = "batch"
    bias: bool = True
    note: str = ""

    def build(self) -> None:
        made.append("TinyEncoder")
        self.weight = torch.nn.Parameter(torch.zeros(self.dim))

    @property
    def spec(self) -> PyramidSpec:
        return hcl_sdk.PyramidSpec(channels=(self.dim,), strides=(1,))

    def forward(self, image: Tensor) -> Pyramid:
        raise NotImplementedError


@hcl_sdk.component
class Ensemble(hcl_sdk.Encoder):
    """Has components of its own, and validators that look at more than one field."""

    first: hcl_sdk.Encoder = attrs.field(factory=TinyEncoder)
    tiny: TinyEncoder | None = None
    low: float = 0.0
    high: float = attrs.field(default=1.0)

    @high.validator
    def _above_low(self, attribute: Any, value: Tensor) -> None:
        if value <= self.low:
            raise ValueError(f"high must be above low; got {value} and {self.low}")

    def build(self) -> None:
        made.append("Ensemble")

    @property
    def spec(self) -> PyramidSpec:
        return self.first.spec

    def forward(self, image: Tensor) -> Pyramid:
        raise NotImplementedError


@hcl_sdk.component
class Needy(hcl_sdk.Restorer):
    size: int
    mode: Literal["a", "b"]

    def build(self, spec: PyramidSpec | None) -> None:
        made.append("Needy")

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        raise NotImplementedError


@hcl_sdk.component
class Whole(Component):
    """Made of components without being of a kind that has names, like a detector."""

    kind: ClassVar[str] = "whole"

    encoder: hcl_sdk.Encoder
    restorer: hcl_sdk.Restorer | None = None
    settle: tuple[float, ...] = (1.0,)

    def __attrs_post_init__(self) -> None:
        made.append("Whole")
        if len(self.settle) != len(self.encoder.spec):
            raise ValueError(f"settle needs {len(self.encoder.spec)} numbers;\n got {self.settle}")


@hcl_sdk.component
class Copy(Component):
    """What it copies is a component that may be missing, or stands in a file; a validator asks for one of both."""

    kind: ClassVar[str] = "copy"

    encoder: hcl_sdk.Encoder | None = None
    file: str | None = attrs.field(default=None)

    @file.validator
    def _something_to_copy(self, attribute: Any, value: str | None) -> None:
        if value is None and self.encoder is None:
            raise ValueError("expected a file, or an encoder")


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    def entry(kind: str, name: str, distribution: Any, target: Any) -> Entry:
        return Entry(kind=kind, name=name, distribution=distribution, target=target)

    entries = [
        entry("encoder", "tiny", None, TinyEncoder),
        entry("encoder", "ensemble", "hcl-extra", Ensemble),
        entry("restorer", "needy", "hcl-more", Needy),
        entry("restorer", "absent", "hcl-more", "a_module_that_does_not_exist:Absent"),
    ]
    reports = [
        PluginReport(distribution=name, version=version, entry_point="x", value="x", status="ok")
        for name, version in (("hcl-sdk", "0.1"), ("hcl-extra", "1.2"), ("hcl-more", "3.4"), ("hcl-idle", "5.6"))
    ]
    fake = Registry(discover=lambda registry: registry.set_discovered(entries, reports))
    monkeypatch.setattr(plugins, "registry", fake)
    made.clear()
    return fake


def collect_problems(call: Any, *arguments: Any, **keywords: Any) -> Any:
    with pytest.raises(ConfigError) as caught:
        call(*arguments, **keywords)
    lines = str(caught.value).splitlines()
    assert len(lines) == 1 + len(caught.value.problems)
    for line, (path, message) in zip(lines[1:], caught.value.problems, strict=True):
        assert line == f"  {path}: {message}"
    return dict(caught.value.problems)


# Mapping -> components


def test_a_name_alone_has_all_defaults() -> None:
    assert repr(build("tiny", "encoder")) == repr(TinyEncoder()) == repr(build({"use": "tiny"}, "encoder"))


def test_fields_are_set() -> None:
    encoder = build({"use": "tiny", "dim": 3, "norm": "layer", "bias": False, "scale": 2.5, "note": "x"}, "encoder")
    assert repr(encoder) == repr(TinyEncoder(dim=3, norm="layer", bias=False, scale=2.5, note="x"))


def test_lists_become_tuples_and_whole_numbers_floats() -> None:
    encoder = build({"use": "tiny", "depths": [1, 2, 3], "rates": [1, 0.5], "drop": 0, "scale": 2}, "encoder")
    assert encoder.depths == (1, 2, 3)
    assert [type(value) for value in (*encoder.rates, encoder.drop, encoder.scale)] == [float] * 4


def test_components_nest() -> None:
    value = {
        "use": "hcl-extra/ensemble",
        "first": {"use": "ensemble", "first": "tiny"},
        "tiny": {"use": "tiny", "dim": 2},
    }
    encoder = build(value, "encoder")
    assert isinstance(encoder.first, Ensemble)
    assert isinstance(encoder.first.first, TinyEncoder)
    assert (encoder.tiny.dim, encoder.first.tiny) == (2, None)


def test_a_class_without_names_is_written_as_its_fields() -> None:
    whole = build({"encoder": "tiny", "restorer": {"use": "needy", "size": 1, "mode": "a"}}, Whole)
    assert isinstance(whole, Whole)
    assert isinstance(whole.restorer, Needy)
    assert build({"encoder": "tiny", "restorer": None}, Whole).restorer is None


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("dim", "64", "expected a whole number, got '64' (str)"),
        ("dim", 2.7, "expected a whole number, got 2.7 (float)"),
        ("dim", 2.0, "expected a whole number, got 2.0 (float)"),
        ("dim", True, "expected a whole number, got True (bool)"),
        ("dim", None, "expected a whole number, got None (NoneType)"),
        ("drop", "0.1", "expected a number, got '0.1' (str)"),
        ("drop", True, "expected a number, got True (bool)"),
        ("bias", 1, "expected true or false, got 1 (int)"),
        ("bias", "off", "expected true or false, got 'off' (str)"),
        ("note", 1, "expected a string, got 1 (int)"),
        ("norm", "group", "expected one of 'batch', 'layer', got 'group' (str)"),
        ("depths", 3, "expected a tuple of whole numbers, got 3 (int)"),
        ("kernel", [3], "expected a tuple (a whole number, a whole number), got (3,) (tuple)"),
        ("scale", "1", "expected a number or None, got '1' (str)"),
        ("scale", {"use": "tiny"}, "expected a number or None, got {'use': 'tiny'} (dict)"),
    ],
)
def test_nothing_is_coerced(field: str, value: Any, message: str) -> None:
    assert collect_problems(build, {"use": "tiny", field: value}, "encoder") == {f"encoder.{field}": message}


def test_an_element_has_a_path_of_its_own() -> None:
    problems = collect_problems(build, {"use": "tiny", "depths": [1, "2", 3.5]}, "encoder")
    assert list(problems) == ["encoder.depths[1]", "encoder.depths[2]"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [("dim", 0, ">= 1"), ("dim", 2000, "<= 1024"), ("drop", 1, "< 1"), ("drop", -0.5, ">= 0")],
)
def test_ranges_match_the_fields(field: str, value: float, words: str) -> None:
    (path, message), *others = collect_problems(build, {"use": "tiny", field: value}, "encoder").items()
    assert (path, others) == (f"encoder.{field}", [])
    assert words in message


def test_validators_see_the_other_fields() -> None:
    assert build({"use": "ensemble", "low": 2, "high": 3}, "encoder").high == 3
    problems = collect_problems(build, {"use": "ensemble", "low": 2, "high": 2}, "encoder")
    assert problems == {"encoder.high": "high must be above low; got 2.0 and 2.0"}
    assert "high must be above low" in collect_problems(build, {"use": "ensemble", "low": 2}, "encoder")["encoder.high"]


@pytest.mark.parametrize("left_out", [{}, {"encoder": None}])
def test_validators_see_that_a_component_is_left_out(left_out: dict[str, None]) -> None:
    assert collect_problems(build, left_out, Copy) == {"copy.file": "expected a file, or an encoder"}
    assert build(left_out | {"file": "a"}, Copy).file == "a"
    assert isinstance(build({"encoder": "tiny"}, Copy).encoder, TinyEncoder)
    assert list(collect_problems(build, {"encoder": "tinny"}, Copy)) == ["copy.encoder.use"]


def test_a_validator_that_needs_a_wrong_field_adds_no_problem() -> None:
    problems = collect_problems(build, {"use": "ensemble", "low": "zero", "high": 3}, "encoder")
    assert list(problems) == ["encoder.low"]


def test_all_problems_are_reported_together_and_nothing_is_made() -> None:
    mapping = {
        "encoder": {
            "use": "hcl-extra/ensemble",
            "first": {"use": "tiny", "dimm": 3, "norm": "layr", "drop": 2},
            "tiny": {"use": "ensemble"},
            "hihg": 3,
        },
        "restorer": {"use": "neddy", "size": 1},
        "settle": ["x"],
        "zzz": 1,
    }
    problems = collect_problems(build, mapping, Whole)
    assert made == []
    assert problems == {
        "whole.zzz": "unknown key; known: encoder, restorer, settle",
        "whole.encoder.hihg": "unknown key; did you mean 'high'?",
        "whole.encoder.first.dimm": "unknown key; did you mean 'dim'?",
        "whole.encoder.first.norm": "expected one of 'batch', 'layer', got 'layr' (str)",
        "whole.encoder.first.drop": "'drop' must be < 1: 2.0",
        "whole.encoder.tiny.use": "expected a TinyEncoder, but 'ensemble' is a Ensemble",
        "whole.restorer.use": "unknown restorer 'neddy'; did you mean 'hcl-more/needy'?",
        "whole.settle[0]": "expected a number, got 'x' (str)",
    }


def test_missing_fields_are_named() -> None:
    assert collect_problems(build, "needy", "restorer") == {
        "restorer.size": "missing; expected a whole number",
        "restorer.mode": "missing; expected one of 'a', 'b'",
    }
    assert collect_problems(build, {}, Whole) == {"whole.encoder": "missing; expected an encoder"}


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        (3, "encoder", "expected an encoder: a name, or a mapping with 'use'; got 3 (int)"),
        (None, "encoder", "expected an encoder: a name, or a mapping with 'use'; got None (NoneType)"),
        (["tiny"], "encoder", "expected an encoder: a name, or a mapping with 'use'; got ['tiny'] (list)"),
        ({}, "encoder.use", "missing; expected one of tiny, hcl-extra/ensemble"),
        ({"uses": "tiny"}, "encoder.use", "missing (written 'uses'?); expected one of tiny, hcl-extra/ensemble"),
        ({"use": 3}, "encoder.use", "expected the name of an encoder, got 3 (int)"),
        ("needy", "encoder.use", "unknown encoder 'needy'; that name belongs to the kind restorer; known: "),
        (
            "hcl-gone/x",
            "encoder.use",
            "unknown encoder 'hcl-gone/x'; the package hcl-gone is not installed: pip install ",
        ),
        ({"use": "tiny", 3: 4}, "encoder.3", "unknown key; known: dim, depths,"),
    ],
)
def test_a_component_is_a_name_or_a_mapping_with_one(value: Any, path: str, message: str) -> None:
    ((where, what),) = collect_problems(build, value, "encoder").items()
    assert where == path
    assert what.startswith(message)


def test_a_component_that_cannot_be_loaded_is_a_problem() -> None:
    ((path, message),) = collect_problems(build, "absent", "restorer").items()
    assert path == "restorer.use"
    assert message.startswith("plugin hcl-more: restorer 'hcl-more/absent': cannot be loaded")


def test_parts_that_do_not_fit_are_problems_with_a_path() -> None:
    problems = collect_problems(build, {"encoder": "tiny", "settle": [1, 2]}, Whole)
    assert problems == {"whole": "settle needs 1 numbers; got (1.0, 2.0)"}


def test_a_class_without_names_is_a_mapping() -> None:
    assert collect_problems(build, "x", Whole) == {
        "whole": "expected a mapping with the fields of Whole; got 'x' (str)"
    }


def test_a_kind_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match=r"one of encoder, .*; got 'decoder'"):
        build("tiny", "decoder")


def test_strictness_is_not_a_problem_of_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(registry: Any) -> None:
        raise PluginError("broken plugins")

    monkeypatch.setattr(plugins, "registry", Registry(discover=fail))
    with pytest.raises(PluginError, match="broken plugins"):
        build("tiny", "encoder")


# Several at the top


TOP = {
    "format": Literal[1],
    "whole": Whole | None,
    "encoder": hcl_sdk.Encoder,
    "size": Annotated[int | None, attrs.validators.ge(32)],
    "threshold": Annotated[float, attrs.validators.ge(0), attrs.validators.le(1)],
    "plugins": dict[str, str],
}


def test_a_structure_has_the_keys_that_were_given() -> None:
    values = structure(TOP, {"format": 1, "whole": None, "encoder": "tiny", "size": None, "threshold": 1})
    assert isinstance(values.pop("encoder"), TinyEncoder)
    assert values == {"format": 1, "whole": None, "size": None, "threshold": 1.0}
    assert isinstance(values["threshold"], float)
    assert structure(TOP, {"plugins": {"a": "1"}, "size": 32}) == {"plugins": {"a": "1"}, "size": 32}
    assert structure(TOP, {}) == {}


def test_a_structure_reports_all_problems_of_all_keys() -> None:
    mapping = {
        "whole": {"encoder": {"use": "tiny", "dim": 0}},
        "encoder": None,
        "size": 31,
        "threshold": 1.5,
        "treshold": 1,
        "plugins": {"a": 1, 2: "b"},
    }
    problems = collect_problems(structure, TOP, mapping)
    assert problems == {
        "treshold": "unknown key; did you mean 'threshold'?",
        "whole.encoder.dim": "'dim' must be >= 1: 0",
        "encoder": "expected an encoder: a name, or a mapping with 'use'; got None (NoneType)",
        "size": "'size' must be >= 32: 31",
        "threshold": "'threshold' must be <= 1: 1.5",
        "plugins": "expected strings as keys, got 2 (int)",
        "plugins.a": "expected a string, got 1 (int)",
    }


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"format": 2}, "expected 1, got 2 (int)"),
        ({"format": True}, "expected 1, got True (bool)"),
        ({"size": "64"}, "expected a whole number or None, got '64' (str)"),
        ({"plugins": ["a"]}, "expected a mapping, got ['a'] (list)"),
        ({"whole": 1}, "expected a mapping with the fields of Whole; got 1 (int)"),
    ],
)
def test_a_structure_checks_types(mapping: dict[str, Any], message: str) -> None:
    assert collect_problems(structure, TOP, mapping) == {next(iter(mapping)): message}


def test_a_structure_is_a_mapping() -> None:
    with pytest.raises(ConfigError, match=r"expected a mapping with the keys format, whole, .*; got \['x'\] \(list\)"):
        structure(TOP, ["x"])


def test_problems_in_making_are_reported_together() -> None:
    bad = {"encoder": "tiny", "settle": []}
    problems = collect_problems(structure, {"a": Whole, "b": Whole}, {"a": bad, "b": bad})
    assert list(problems) == ["a", "b"]


def test_the_error_survives_pickling() -> None:
    error = ConfigError([("a.b", "wrong"), ("c", "missing")])
    again = pickle.loads(pickle.dumps(error))
    assert (again.problems, str(again)) == (error.problems, str(error))


# Components -> mapping


def test_a_description_has_every_field_and_qualified_names() -> None:
    needy = Needy(size=3, mode="b")
    assert describe(needy) == {"use": "hcl-more/needy", "size": 3, "mode": "b"}
    whole = Whole(encoder=Ensemble(first=TinyEncoder(depths=(1,), scale=2)), restorer=None)
    tiny = {
        "use": "tiny",
        "dim": 8,
        "depths": [1],
        "kernel": [3, 3],
        "rates": [1.0],
        "drop": 0.1,
        "scale": 2.0,
        "norm": "batch",
        "bias": True,
        "note": "",
    }
    encoder = {"use": "hcl-extra/ensemble", "first": tiny, "tiny": None, "low": 0.0, "high": 1.0}
    description = describe(whole)
    assert description == {"encoder": encoder, "restorer": None, "settle": [1.0]}
    assert isinstance(description["encoder"]["first"]["scale"], float)


def test_an_unregistered_component_cannot_be_described() -> None:
    @hcl_sdk.component
    class Unknown(Needy):
        pass

    with pytest.raises(RegistryError, match=r'registry\.restorer\("unknown", Unknown\)'):
        describe(Unknown(size=1, mode="a"))


@hcl_sdk.component
class Larger(Whole):
    more: int = 1


@hcl_sdk.component
class Holder(Component):
    kind: ClassVar[str] = "holder"

    part: Whole


def test_a_component_without_names_must_be_of_the_very_class_that_comes_back() -> None:
    larger = Larger(encoder=TinyEncoder())
    for describe_it in (lambda: describe(larger, Whole), lambda: describe(Holder(part=larger))):
        with pytest.raises(TypeError, match=r"must be a Whole itself, not of a subclass; got a Larger"):
            describe_it()
    assert type(build(describe(larger), Larger)) is Larger
    whole = Whole(encoder=TinyEncoder())
    assert describe(Holder(part=whole)) == {"part": describe(whole, Whole)}


def test_a_script_can_register_the_component_it_describes(registry: Registry) -> None:
    @hcl_sdk.component
    class Mine(Needy):
        pass

    registry.restorer("mine", Mine)
    description = describe(Mine(size=1, mode="a"))
    assert description["use"] == "script/mine"
    assert type(build(description, "restorer")) is Mine
    assert list_plugins_used(description) == {}


finite = st.floats(allow_nan=False, allow_infinity=False)
tiny_encoders = st.builds(
    TinyEncoder,
    dim=st.integers(1, 16),
    depths=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3).map(tuple),
    rates=st.lists(finite | st.integers(-1000, 1000), max_size=3).map(tuple),
    drop=st.floats(0, 1, exclude_max=True),
    scale=st.none() | finite,
    norm=st.sampled_from(["batch", "layer"]),
    bias=st.booleans(),
    note=st.text(max_size=8)
    | st.sampled_from(["on", "off", "yes", "no", "null", "~", "1e-4", "010", "1:30", "2024-01-01"]),
)


@given(tiny_encoders)
@settings(max_examples=25, deadline=None)
def test_a_round_trip_through_yaml_is_exact(encoder: Any) -> None:
    first = describe(Whole(encoder=encoder))
    text = dump_yaml(first)
    again = describe(build(load_yaml(text), Whole))
    assert again == first
    assert dump_yaml(again) == text  # tells 1 from 1.0 and True


def test_the_plugins_that_a_configuration_uses() -> None:
    mapping = describe(Whole(encoder=Ensemble(), restorer=Needy(size=1, mode="a")))
    assert list_plugins_used({"detector": mapping, "threshold": 0.5}) == {"hcl-extra": "1.2", "hcl-more": "3.4"}
    assert list_plugins_used(describe(TinyEncoder())) == {}


def test_the_process_wide_registry_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "registry", process_wide_registry)
    with pytest.raises(ConfigError, match="unknown encoder 'swim'; did you mean 'swin'"):
        build("swim", "encoder")


# Validators, before there is a component


@hcl_sdk.component
class Careful(hcl_sdk.Restorer):
    """Its validators look at everything that a class has."""

    unit: ClassVar[int] = 4

    table: dict[str, int] = attrs.field(factory=lambda: {"a": 1})
    encoder: hcl_sdk.Encoder = attrs.field(factory=TinyEncoder)
    size: int = attrs.field(default=8)

    @size.validator
    def _fits(self, attribute: Any, value: Tensor) -> None:
        assert isinstance(self, Careful)
        if value % self.unit or value < self._least() or value < self.least or "a" not in self.table:
            raise ValueError(f"{attribute.name} must be a multiple of {self.unit}, at least {self.least}; got {value}")

    def _least(self) -> Any:
        return self.least

    @property
    def least(self) -> Any:
        return self.unit * self.table["a"]

    def build(self, spec: PyramidSpec | None) -> None:
        made.append("Careful")

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        raise NotImplementedError


@hcl_sdk.component
class LooksInside(hcl_sdk.Restorer):
    """Its validator needs a component, and is wrong."""

    encoder: hcl_sdk.Encoder = attrs.field(factory=TinyEncoder)
    scales: int = attrs.field(default=1)

    @scales.validator
    def _as_many(self, attribute: Any, value: Tensor) -> None:
        if value != len(self.encoder.spec):
            raise ValueError(f"{attribute.name} must be {len(self.encoder.spec)}; got {value}")

    def build(self, spec: PyramidSpec | None) -> None:
        pass

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        raise NotImplementedError


@hcl_sdk.component
class Mistaken(LooksInside):
    scales: int = attrs.field(default=1)

    @scales.validator
    def _as_many(self, attribute: Any, value: Tensor) -> None:
        value.no_such_attribute  # noqa: B018


def test_validators_may_use_all_that_the_class_has(registry: Registry) -> None:
    registry.restorer("careful", Careful)
    assert build({"use": "careful", "size": 12}, "restorer").size == 12
    made.clear()
    message = "size must be a multiple of 4, at least 4; got 2"
    assert collect_problems(build, {"use": "careful", "size": 2}, "restorer") == {"restorer.size": message}
    problems = collect_problems(
        build, {"use": "careful", "table": {"a": 3}, "encoder": {"use": "tiny", "dim": 0}}, "restorer"
    )
    assert problems == {
        "restorer.size": "size must be a multiple of 4, at least 12; got 8",
        "restorer.encoder.dim": "'dim' must be >= 1: 0",
    }
    assert made == []


def test_a_validator_that_needs_a_component_runs_when_that_is_made(registry: Registry) -> None:
    registry.restorer("looks-inside", LooksInside)
    assert build({"use": "looks-inside"}, "restorer").scales == 1
    problems = collect_problems(build, {"use": "looks-inside", "scales": 2}, "restorer")
    assert problems == {"restorer": "scales must be 1; got 2"}
    assert made == ["TinyEncoder"] * 2


def test_a_mistake_in_a_validator_is_not_hidden(registry: Registry) -> None:
    registry.restorer("mistaken", Mistaken)
    with pytest.raises(AttributeError, match="no_such_attribute"):
        build({"use": "mistaken"}, "restorer")


def test_a_number_that_no_float_holds_is_a_problem() -> None:
    problems = collect_problems(build, {"use": "tiny", "drop": 10**400, "rates": [10**400]}, "encoder")
    sizes = collect_problems(
        build, {"use": "tiny", "dim": 2**63, "depths": [2, -(10**400)], "kernel": [3, 3]}, "encoder"
    )
    assert sizes == {
        "encoder.dim": "expected a whole number; got one that is too large",
        "encoder.depths": "expected a tuple of whole numbers; got one that is too large",
    }
    assert problems == {
        "encoder.drop": "expected a number; got one that is too large",
        "encoder.rates": "expected a tuple of numbers; got one that is too large",
    }
