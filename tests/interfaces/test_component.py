"""The ``component`` decorator: what it makes, what it refuses, binding, and the types of fields."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import attrs
import pytest
import torch
from torch import Tensor, nn

import hcl_sdk
from hcl_sdk import Detection, Pyramid
from hcl_sdk.interfaces import Bindable, Component, Configurable, PyramidSpec, get_device, get_field_type
from hcl_sdk.interfaces.typecheck import describe, find_problems

SPEC = PyramidSpec(channels=(4, 6), strides=(2, 4))
OTHER_SPEC = PyramidSpec(channels=(4, 8), strides=(2, 4))


@hcl_sdk.component
class Encoder(hcl_sdk.Encoder):
    dim: int = attrs.field(default=4, validator=attrs.validators.ge(1))
    rate: float = 0.5
    sizes: tuple[int, ...] = (1, 2)
    mode: Literal["a", "b"] = "a"
    inner: Component | None = None

    def build(self) -> None:
        self.layer = nn.Conv2d(3, self.dim, 1)

    @property
    def spec(self) -> PyramidSpec:
        return PyramidSpec(channels=(self.dim,), strides=(1,))

    def forward(self, image: Tensor) -> Pyramid:
        return hcl_sdk.Pyramid(maps=(self.layer(image),), spec=self.spec)


@hcl_sdk.component
class Wider(Encoder):
    """Inherits fields, redefines one and adds one."""

    dim: int = 32
    extra: bool = False


@hcl_sdk.component
class Interaction(hcl_sdk.Interaction):
    factor: float = 2.0

    def build(self, spec: PyramidSpec) -> None:
        if len(spec) < 2:
            raise ValueError("needs two scales")
        self._spec = spec
        self.layers = nn.ModuleList(nn.Conv2d(c, c, 1) for c in spec.channels)

    @property
    def spec(self) -> PyramidSpec:
        return self._spec

    def forward(self, pyramid: Pyramid) -> Pyramid:
        return pyramid.with_maps([layer(m) for layer, m in zip(self.layers, pyramid.maps, strict=True)])


@hcl_sdk.component
class MaskRestorer(hcl_sdk.Restorer):
    def build(self, spec: PyramidSpec | None) -> None:
        assert spec is None
        self.layer = nn.Conv2d(3, 3, 1)

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        return self.layer(image)


@hcl_sdk.component
class FeatureRestorer(hcl_sdk.Restorer):
    uses_features: ClassVar[bool] = True

    def build(self, spec: PyramidSpec | None) -> None:
        self.layer = nn.Conv2d(spec.channels[0], 3, 1)

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        return self.layer(detection.pyramid.maps[0])


def pyramid() -> Any:
    return hcl_sdk.Pyramid(maps=(torch.ones(1, 4, 5, 3), torch.ones(1, 6, 3, 2)), spec=SPEC)


# What is made


def test_a_component_is_a_module_with_fields() -> None:
    encoder = Encoder(dim=5)
    assert isinstance(encoder, nn.Module)
    assert [field.name for field in attrs.fields(Encoder)] == ["dim", "rate", "sizes", "mode", "inner"]
    assert set(encoder.state_dict()) == {"layer.weight", "layer.bias"}
    assert encoder(torch.ones(1, 3, 2, 2)).maps[0].shape == (1, 5, 2, 2)


def test_a_component_prints_as_the_code_that_makes_it() -> None:
    encoder = Encoder(dim=5, inner=Interaction(factor=1.5))
    text = "Encoder(dim=5, rate=0.5, sizes=(1, 2), mode='a', inner=Interaction(factor=1.5))"
    assert repr(encoder) == text
    assert repr(eval(text, {"Encoder": Encoder, "Interaction": Interaction})) == text


def test_fields_are_given_by_keyword() -> None:
    with pytest.raises(TypeError, match="positional"):
        Encoder(5)  # pyright: ignore[reportCallIssue]


def test_components_are_equal_only_to_themselves_and_hashable() -> None:
    first, second = Encoder(), Encoder()
    assert first != second
    assert {first: 1}[first] == 1


def test_component_fields_are_submodules() -> None:
    encoder = Encoder(inner=Encoder())
    assert "inner.layer.weight" in encoder.state_dict()


@pytest.mark.parametrize("field", ["dim", "inner"])
def test_fields_are_read_only(field: str) -> None:
    encoder = Encoder(dim=3, inner=Interaction())
    with pytest.raises(AttributeError, match=rf"Encoder\.{field} is read-only.*attrs\.evolve"):
        setattr(encoder, field, None)
    assert encoder.dim == 3


@hcl_sdk.component
class Prepared(Configurable):
    """Keeps something under a name close to that of a field."""

    scales: tuple[int, ...] = (1, 2)
    lr: float = 1.0

    def __attrs_post_init__(self) -> None:
        self.scale = max(self.scales)


@pytest.mark.parametrize(
    ("make", "wrong", "right"),
    [(Encoder, "rte", "rate"), (Encoder, "modes", "mode"), (Wider, "exta", "extra"), (Prepared, "lrr", "lr")],
)
def test_misspelled_fields_are_not_set(make: Callable[[], Any], wrong: str, right: str) -> None:
    made = make()
    with pytest.raises(AttributeError, match=rf"^{make.__name__} has no field '{wrong}'; did you mean '{right}'\?$"):
        setattr(made, wrong, 1)
    assert not hasattr(made, wrong)


def test_names_close_to_fields_can_be_used_for_what_is_no_field() -> None:
    encoder = Encoder()
    encoder.modes = nn.Linear(1, 1)
    encoder.modes = None
    encoder.register_buffer("rates", torch.zeros(1))
    encoder.rates = None
    encoder.size = nn.Parameter(torch.zeros(1))
    encoder._mode = encoder.training = True
    made = Prepared()
    assert made.scale == 2
    made.scale = 3
    assert copy.deepcopy(made).scale == pickle.loads(pickle.dumps(made)).scale == 3
    assert copy.deepcopy(encoder).eval().training is False


def test_attributes_other_than_fields_can_be_set() -> None:
    encoder = Encoder()
    encoder.layer = nn.Conv2d(3, 4, 1, bias=False)
    encoder.note = "x"
    assert set(encoder.state_dict()) == {"layer.weight"}


def test_evolve_makes_another_with_layers_of_its_own() -> None:
    first = Encoder(dim=3)
    second = attrs.evolve(first, dim=7)
    assert (second.dim, second.layer.out_channels, first.layer.out_channels) == (7, 7, 3)


def test_copies_and_pickles_keep_weights() -> None:
    encoder = Encoder(dim=3)
    for twin in (copy.deepcopy(encoder), pickle.loads(pickle.dumps(encoder))):
        assert repr(twin) == repr(encoder)
        assert torch.equal(twin.layer.weight, encoder.layer.weight)
        assert twin.layer.weight is not encoder.layer.weight


def test_derived_components_inherit_fields() -> None:
    wider = Wider(rate=0.25)
    assert repr(wider) == "Wider(rate=0.25, sizes=(1, 2), mode='a', inner=None, dim=32, extra=False)"
    assert wider.layer.out_channels == 32
    with pytest.raises(TypeError, match=r"Wider\.rate: expected a number"):
        Wider(rate="x")  # pyright: ignore[reportArgumentType]


def test_moving_and_converting_work_as_for_any_module() -> None:
    encoder = Encoder().half().to("meta")
    assert encoder.layer.weight.dtype == torch.float16
    assert get_device(encoder) == torch.device("meta")
    assert get_device(MaskRestorer()) == torch.device("cpu")
    assert get_device(nn.Identity()) == torch.device("cpu")


# Types of fields


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("dim", "64", "expected a whole number, got '64' (str)"),
        ("dim", True, "expected a whole number, got True (bool)"),
        ("dim", 64.0, "expected a whole number, got 64.0 (float)"),
        ("rate", "x", "expected a number, got 'x' (str)"),
        ("rate", False, "expected a number, got False (bool)"),
        ("sizes", {1, 2}, "expected a tuple of whole numbers, got {1, 2} (set)"),
        ("mode", "c", "expected one of 'a', 'b', got 'c' (str)"),
        ("inner", 1, "expected a Component or None, got 1 (int)"),
    ],
)
def test_values_have_the_type_of_the_field(field: str, value: Any, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        Encoder(**{field: value})
    assert str(caught.value) == f"Encoder.{field}: {message}"


def test_an_element_of_a_tuple_has_its_place() -> None:
    with pytest.raises(TypeError, match=r"Encoder\.sizes\[1\]: expected a whole number, got '2'"):
        Encoder(sizes=(1, "2"))  # pyright: ignore[reportArgumentType]


def test_a_list_is_taken_for_a_tuple() -> None:
    assert Encoder(sizes=[1, 2]).sizes == (1, 2)  # pyright: ignore[reportArgumentType]
    assert attrs.evolve(Encoder(), sizes=[3]).sizes == (3,)
    with pytest.raises(TypeError, match=r"Encoder\.sizes\[1\]: expected a whole number, got '2'"):
        Encoder(sizes=[1, "2"])  # pyright: ignore[reportArgumentType]


def test_a_whole_number_is_a_number() -> None:
    assert Encoder(rate=1).rate == 1


def test_errors_of_validators_are_one_message() -> None:
    @hcl_sdk.component
    class Chosen(hcl_sdk.Encoder):
        names: tuple[str, ...] = attrs.field(
            default=("abc",), validator=attrs.validators.deep_iterable(attrs.validators.in_(["abc", "x"]))
        )
        code: str = attrs.field(default="abc", validator=attrs.validators.matches_re("[a-c]+"))

        @property
        def spec(self) -> PyramidSpec:
            return SPEC

        def build(self) -> None: ...

        def forward(self, image: Tensor) -> Pyramid:
            raise NotImplementedError

    with pytest.raises(ValueError, match=r"^'names' must be in \['abc', 'x'\] \(got 'y'\)$"):
        Chosen(names=("y",))
    with pytest.raises(ValueError, match=r"^'code' must match regex '\[a-c\]\+' \('d' doesn't\)$"):
        Chosen(code="d")


def test_validators_run_after_the_types() -> None:
    with pytest.raises(ValueError, match="'dim' must be >= 1: 0"):
        Encoder(dim=0)
    with pytest.raises(TypeError, match="expected a whole number"):
        Encoder(dim="0")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("hint", "good", "bad"),
    [
        (int, [0, -3], [1.0, "1", True, None]),
        (float, [1.5, 2], ["1", True, None]),
        (bool, [True, False], [0, 1, "true", None]),
        (str, ["", "x"], [1, None, b"x"]),
        (Literal["a", 1], ["a", 1], ["b", True, 1.0]),
        (tuple[int, ...], [(), (1, 2)], [[1], (1, "2"), 1, (True,)]),
        (tuple[int, str], [(1, "x")], [(1,), (1, "x", 2), ("x", 1)]),
        (tuple[tuple[int, ...], ...], [((1,), ())], [(1,), (("x",),)]),
        (int | None, [1, None], ["1", False]),
        (Literal["auto"] | float, ["auto", 0.5], ["other", True]),
    ],
)
def test_types_of_values(hint: Any, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if list(find_problems(value, hint))] == []
    assert [value for value in bad if not list(find_problems(value, hint))] == []


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (int, "a whole number"),
        (float | None, "a number or None"),
        (Literal["a", "b"], "one of 'a', 'b'"),
        (tuple[float, ...], "a tuple of numbers"),
        (tuple[int, str], "a tuple (a whole number, a string)"),
        (Encoder, "an Encoder"),
        (hcl_sdk.Head | None, "a Head or None"),
        (dict[str, int], "a mapping of names to whole numbers"),
        (bool | int | float | str | None, "a plain value (true or false, a number, a string, None)"),
        (
            dict[str, bool | int | float | str | tuple[int | None, ...] | tuple[tuple[str, ...], ...] | None],
            "a mapping of names to plain values (true or false, a number, a string, None), or tuples of these",
        ),
    ],
)
def test_types_in_words(hint: Any, words: str) -> None:
    assert describe(hint) == words


def test_long_values_are_cut_short() -> None:
    ((_, message),) = find_problems("x" * 500, int)
    assert len(message) < 120


def test_the_type_of_a_field_is_resolved_where_it_was_declared() -> None:
    assert get_field_type(Wider, "sizes") == tuple[int, ...]
    assert get_field_type(Wider, "extra") is bool
    with pytest.raises(AttributeError, match="no field 'nothing'"):
        get_field_type(Wider, "nothing")


# What is refused


class Undecorated(Encoder):
    pass


def _build(self: Any, spec: Any = None) -> None:
    pass


def test_an_undecorated_class_is_refused_when_made() -> None:
    with pytest.raises(TypeError, match=r"Undecorated is a component, but not decorated with @hcl_sdk\.component"):
        Undecorated()


@pytest.mark.parametrize("decorate", [attrs.define, attrs.frozen, attrs.define(slots=False, eq=False, kw_only=True)])
def test_a_class_decorated_by_attrs_is_refused_when_made(decorate: Any) -> None:
    class Other(MaskRestorer):
        size: int = 3

    with pytest.raises(TypeError, match="Other is a component, but not decorated"):
        decorate(Other)()


@pytest.mark.parametrize(
    "decorate", [attrs.define, attrs.frozen, attrs.define(slots=False), dataclasses.dataclass(init=False)]
)
def test_a_class_decorated_twice_is_refused_when_made(decorate: Any) -> None:
    @decorate
    @hcl_sdk.component
    class Other(MaskRestorer):
        size: int = 3

    with pytest.raises(TypeError, match="Other is a component, but not decorated"):
        Other()


@pytest.mark.parametrize("thing", [int, nn.Linear, "Encoder", Encoder.build, type("Loose", (), {})])
def test_only_components_are_decorated(thing: Any) -> None:
    with pytest.raises(TypeError, match="@component is for classes of a component kind"):
        hcl_sdk.component(thing)


def test_a_constructor_of_its_own_is_refused() -> None:
    class Other(MaskRestorer):
        def __init__(self) -> None:
            super().__init__()

    with pytest.raises(TypeError, match="Other defines its own __init__"):
        hcl_sdk.component(Other)


def _with_field(name: str, annotation: str = "int", **namespace: Any) -> Any:
    return type("Other", (hcl_sdk.Encoder,), {"__annotations__": {name: annotation}, **namespace})


def test_a_post_init_of_its_own_is_refused_where_it_would_replace_the_making_of_layers() -> None:
    with pytest.raises(TypeError, match=r"__attrs_post_init__.*build\(\)"):

        @hcl_sdk.component
        class Bad(Encoder):
            def __attrs_post_init__(self) -> None:
                pass


@pytest.mark.parametrize(
    "hint",
    [
        list[int],
        dict[int, int],
        dict[str, list[int]],
        bytes,
        Any,
        object,
        torch.Tensor,
        nn.Module,
        tuple,
        tuple[Component, int],
        dict[str, Component],
        tuple[list[int], ...],
        int | list[int],
        Literal[b"a"],
    ],
)
def test_types_that_cannot_be_configuration_are_refused(hint: Any) -> None:
    with pytest.raises(TypeError, match=r"field .*Bad\.thing cannot be of type"):
        hcl_sdk.component(type("Bad", (hcl_sdk.Interaction,), {"__annotations__": {"thing": hint}}))


@pytest.mark.parametrize(
    "hint", [int, float | None, tuple[int, ...] | float, tuple[str, float], Literal["a", 1], Component | None, Encoder]
)
def test_types_that_can_be_configuration_are_not(hint: Any) -> None:
    made = hcl_sdk.component(type("Good", (hcl_sdk.Interaction,), {"__annotations__": {"thing": hint}}))
    assert [field.name for field in attrs.fields(made)] == ["thing"]


def test_a_type_that_is_not_known_at_run_time_is_refused() -> None:
    with pytest.raises(TypeError, match=r"field .*Bad\.thing.*'Missing' is not defined"):
        hcl_sdk.component(type("Bad", (hcl_sdk.Interaction,), {"__annotations__": {"thing": "Missing"}}))


@pytest.mark.parametrize("options", [{"init": False, "default": 3}, {"alias": "other"}])
def test_fields_that_could_not_be_loaded_again_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"field .*Bad\.thing must be an argument under its own name"):

        @hcl_sdk.component
        class Bad(Encoder):
            thing: int = attrs.field(**options)


@pytest.mark.parametrize("default", [Encoder(), [1]])
def test_a_shared_default_is_refused_however_it_is_written(default: Encoder | list[int]) -> None:
    with pytest.raises(TypeError, match="shared by all instances"):

        @hcl_sdk.component
        class Bad(Encoder):
            thing: Component = attrs.field(default=default)  # pyright: ignore[reportAssignmentType]


@pytest.mark.parametrize(("kind", "name"), [(hcl_sdk.Head, "dim"), (hcl_sdk.Clusterer, "temperature")])
def test_a_field_that_the_kind_asks_for_must_be_there(kind: Any, name: str) -> None:
    with pytest.raises(TypeError, match=f"Bad needs a field '{name}', as every {kind.__name__} does"):
        hcl_sdk.component(type("Bad", (kind,), {}))


def test_fields_cannot_be_deleted() -> None:
    component = Encoder()
    with pytest.raises(AttributeError, match=r"Encoder\.dim is read-only"):
        del component.dim
    component.note = 1
    del component.note


def test_errors_of_unbound_components_explain_binding() -> None:
    with pytest.raises(AttributeError, match="'spec' yet: it must be bound to its neighbor first"):
        _ = Interaction().spec
    with pytest.raises(AttributeError, match=r"no attribute 'nonsense'$"):
        _ = Interaction().bind(SPEC).nonsense


def test_private_fields_are_refused() -> None:
    with pytest.raises(TypeError, match="cannot begin with an underscore"):
        hcl_sdk.component(_with_field("_hidden"))


@pytest.mark.parametrize(
    "name", ["half", "forward", "training", "spec", "build", "kind", "parameters", "register_buffer"]
)
def test_fields_that_hide_something_are_refused(name: str) -> None:
    with pytest.raises(TypeError, match=rf"field Other\.{name} hides an attribute that components already have"):
        hcl_sdk.component(_with_field(name))


@pytest.mark.parametrize("default", [[], {}, set(), nn.Identity()])
def test_defaults_that_instances_would_share_are_refused(default: Any) -> None:
    with pytest.raises(TypeError, match=r"would be shared by all instances; use attrs\.field\(factory=\.\.\.\)"):
        hcl_sdk.component(_with_field("thing", "object", thing=default))


def test_defaults_by_factory_are_not_shared() -> None:
    @hcl_sdk.component
    class Other(Encoder):
        part: hcl_sdk.Encoder = attrs.field(factory=Encoder)

    assert Other().part is not Other().part


def test_class_variables_are_not_fields() -> None:
    assert [field.name for field in attrs.fields(FeatureRestorer)] == []


def test_an_incomplete_class_cannot_be_made() -> None:
    @hcl_sdk.component
    class Other(hcl_sdk.Encoder):
        build = _build

    with pytest.raises(TypeError, match=r"abstract.*forward"):
        Other()  # pyright: ignore[reportAbstractUsage]


# Binding


def test_an_unbound_component_refuses_to_work() -> None:
    interaction = Interaction()
    assert not interaction.is_bound
    for attempt in (lambda: interaction(pyramid()), lambda: interaction.load_state_dict({})):
        with pytest.raises(RuntimeError, match="Interaction has no layers yet: it must be bound"):
            attempt()


def test_an_unbound_part_refuses_to_load_with_the_whole() -> None:
    holder = nn.ModuleDict({"part": Interaction()})
    with pytest.raises(RuntimeError, match="Interaction has no layers yet"):
        holder.load_state_dict({})


def test_binding_makes_layers_and_returns_the_component() -> None:
    interaction = Interaction()
    assert interaction.bind(SPEC) is interaction
    assert interaction.is_bound
    assert [m.shape for m in interaction(pyramid()).maps] == [(1, 4, 5, 3), (1, 6, 3, 2)]
    other = Interaction().bind(SPEC)
    other.load_state_dict(interaction.state_dict())
    assert torch.equal(other.layers[1].weight, interaction.layers[1].weight)  # pyright: ignore[reportArgumentType]


def test_binding_again_to_the_same_keeps_the_layers() -> None:
    interaction = Interaction().bind(SPEC)
    weight = interaction.layers[0].weight
    assert interaction.bind(PyramidSpec(channels=SPEC.channels, strides=SPEC.strides)).layers[0].weight is weight


def test_binding_to_another_is_an_error_and_changes_nothing() -> None:
    interaction = Interaction().bind(SPEC)
    weight = interaction.layers[1].weight
    with pytest.raises(
        ValueError, match=r"already bound to .*channels=\(4, 6\).* cannot be bound to .*channels=\(4, 8\)"
    ):
        interaction.bind(OTHER_SPEC)
    assert interaction.layers[1].weight is weight


def test_an_unsuitable_neighbor_leaves_the_component_unbound() -> None:
    interaction = Interaction()
    with pytest.raises(ValueError, match="needs two scales"):
        interaction.bind(PyramidSpec(channels=(4,), strides=(1,)))
    assert not interaction.is_bound
    assert interaction.bind(SPEC).is_bound


def test_evolving_a_bound_component_gives_an_unbound_one() -> None:
    interaction = Interaction().bind(SPEC)
    copied = attrs.evolve(interaction, factor=3.0)
    assert not copied.is_bound
    copied.bind(OTHER_SPEC)
    assert (interaction.layers[1].in_channels, copied.layers[1].in_channels) == (6, 8)


def test_a_bound_component_can_be_copied() -> None:
    interaction = Interaction().bind(SPEC)
    for twin in (copy.deepcopy(interaction), pickle.loads(pickle.dumps(interaction))):
        assert twin.is_bound
        assert torch.equal(twin(pyramid()).maps[0], interaction(pyramid()).maps[0])
        with pytest.raises(ValueError, match="already bound"):
            twin.bind(OTHER_SPEC)


@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))])
def test_a_copy_of_an_unbound_component_can_be_bound(twin_of: Any) -> None:
    twin = twin_of(Interaction())
    assert not twin.is_bound
    with pytest.raises(RuntimeError, match="has no layers yet"):
        twin(pyramid())
    assert len(twin.bind(SPEC)(pyramid()).maps) == 2


def test_a_restorer_without_features_is_complete_once_made() -> None:
    restorer = MaskRestorer()
    assert restorer.is_bound
    assert restorer.bind(SPEC).bind(None).bind(OTHER_SPEC) is restorer


def test_a_restorer_with_features_needs_them() -> None:
    restorer = FeatureRestorer()
    assert not restorer.is_bound
    with pytest.raises(ValueError, match="needs the features of a detector's encoder, but there is no detector"):
        restorer.bind(None)
    assert restorer.bind(SPEC).layer.in_channels == 4
    with pytest.raises(ValueError, match="already bound"):
        restorer.bind(OTHER_SPEC)


def test_all_kinds_of_inference_but_encoders_are_bound() -> None:
    kinds = hcl_sdk.interfaces.KINDS  # pyright: ignore[reportAttributeAccessIssue]
    inference = {"encoder", "interaction", "head", "clusterer", "restorer"}
    assert {kind for kind, base in kinds.items() if issubclass(base, Bindable)} == inference - {"encoder"}


@pytest.mark.parametrize("value", [nn.Conv2d(3, 3, 1), nn.Parameter(torch.zeros(1)), torch.zeros(1)])
def test_layers_in_the_class_body_are_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=r"Bad\.layer is made in the class body.*make layers in build\(\)"):

        @hcl_sdk.component
        class Bad(Encoder):
            layer = value
