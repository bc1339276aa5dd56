"""Checking plain values against the types and validators of fields, before anything is created.

The result of a check is a *plan*: what to create, with which values. Creating layers takes long, and is pointless if
anything else in the configuration is wrong.
"""

from __future__ import annotations

import difflib
import inspect
import types
import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import attrs

from hcl_sdk import plugins
from hcl_sdk.config._errors import ConfigError, Problem, Problems, get_message
from hcl_sdk.config._hints import (
    FieldsOf,
    add_article,
    allows_none,
    describe_hint,
    get_component_class,
    get_element_class,
    get_kind,
    has_components,
)
from hcl_sdk.errors import describe_value, suggest
from hcl_sdk.interfaces import Configurable, get_field_type
from hcl_sdk.interfaces.typecheck import adapt
from hcl_sdk.interfaces.typecheck import find_problems as find_type_problems
from hcl_sdk.registry import PluginError, RegistryError


@dataclass(frozen=True)
class PlainPlan:
    """A value that needs no building."""

    value: Any


@dataclass(frozen=True)
class ComponentPlan:
    """A component: its class, its fields and its path in the configuration."""

    cls: type[Configurable]
    fields: Mapping[str, Plan]
    path: str


@dataclass(frozen=True)
class TuplePlan:
    """A tuple of components."""

    items: tuple[Plan, ...]


@dataclass(frozen=True)
class DictPlan:
    """A dict with strings as keys."""

    items: Mapping[str, Plan]


Plan = PlainPlan | ComponentPlan | TuplePlan | DictPlan


def check(hint: Any, value: Any, path: str) -> Plan:
    """Check a value against a type, and plan what to create.

    Args:
        hint: a type that components' fields can have, ``Annotated[type, validator, ...]``, or ``FieldsOf``.
        value: the value as read.
        path: its path.

    Raises:
        ConfigError: with all problems.
    """
    if isinstance(hint, FieldsOf):
        return PlainPlan(None) if value is None else DictPlan(_check_component(hint.cls, value, path).fields)
    if typing.get_origin(hint) is Annotated:
        return _check_annotated(hint, value, path)
    if value is None and allows_none(hint):
        return PlainPlan(None)
    if (cls := get_component_class(hint)) is not None:
        return _check_component(cls, value, path)
    if (cls := get_element_class(hint)) is not None:
        return _check_components(cls, value, path)
    if typing.get_origin(hint) is dict:
        return _check_dict(hint, value, path)
    return _check_plain(hint, value, path)


def report_unknown(mapping: Mapping[Any, Any], known: Collection[str], prefix: str = "") -> list[Problem]:
    """Report a problem for every unknown key of a mapping, with the nearest known one."""
    return [(f"{prefix}{key}", f"unknown key; {suggest(key, known)}") for key in mapping if key not in known]


def _check_annotated(hint: Any, value: Any, path: str) -> Plan:
    hint, *validators = typing.get_args(hint)
    plan = check(hint, value, path)
    if isinstance(plan, PlainPlan) and plan.value is not None:
        attribute: Any = types.SimpleNamespace(name=path.rpartition(".")[2])
        problems = Problems()
        for validator in validators:
            with problems.collect():
                _validate(validator, None, attribute, plan.value, path)
        problems.check()
    return plan


def _check_plain(hint: Any, value: Any, path: str) -> Plan:
    try:
        adapted = adapt(value, hint)
        Problems((path + where, message) for where, message in find_type_problems(adapted, hint)).check()
        if not _is_too_large(adapted):
            return PlainPlan(adapted)
    except OverflowError:
        pass
    raise ConfigError([(path, f"expected {describe_hint(hint)}; got one that is too large")])


def _is_too_large(value: Any) -> bool:
    """Whether a value is, or holds, an integer that no tensor can have as a size or element."""
    if isinstance(value, list | tuple):
        return any(map(_is_too_large, value))
    return isinstance(value, int) and not -(2**63) <= value < 2**63


def _check_dict(hint: Any, value: Any, path: str) -> Plan:
    _, of = typing.get_args(hint)
    if not isinstance(value, Mapping):
        raise ConfigError([(path, f"expected a mapping, got {describe_value(value)}")])
    problems = Problems()
    plans: dict[str, Plan] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            problems.append((path, f"expected strings as keys, got {describe_value(key)}"))
            continue
        with problems.collect():
            plans[key] = check(of, item, f"{path}.{key}")
    problems.check()
    return DictPlan(plans)


def _check_components(cls: type[Configurable], value: Any, path: str) -> Plan:
    if not isinstance(value, list | tuple):
        raise ConfigError([(path, f"expected a list, each {describe_hint(cls)}; got {describe_value(value)}")])
    problems = Problems()
    plans: list[Plan] = []
    for i, item in enumerate(value):
        with problems.collect():
            plans.append(_check_component(cls, item, f"{path}[{i}]"))
    problems.check()
    return TuplePlan(tuple(plans))


def _check_component(cls: type[Configurable], value: Any, path: str) -> ComponentPlan:
    """Check a component; ``cls`` is an abstract kind, or a class that the component must be of."""
    kind = get_kind(cls)
    if kind is not None and isinstance(value, str):
        value = {"use": value}
    if not isinstance(value, Mapping):
        spelled = "a name, or a mapping with 'use'"
        how = f"{add_article(kind)}: {spelled}" if kind else f"a mapping with the fields of {cls.__name__}"
        raise ConfigError([(path, f"expected {how}; got {describe_value(value)}")])
    if kind is None:
        return _check_fields(cls, value, path)
    found = _find_class(cls, kind, value, f"{path}.use")
    return _check_fields(found, {key: item for key, item in value.items() if key != "use"}, path)


def _find_class(cls: type[Configurable], kind: str, mapping: Mapping[Any, Any], path: str) -> type[Configurable]:
    """Find the class that a mapping names with ``use``."""
    if "use" not in mapping:
        near = difflib.get_close_matches("use", [key for key in mapping if isinstance(key, str)], n=1)
        known = ", ".join(entry.qualified_name for entry in plugins.registry.list_entries(kind))
        written = f" (written {near[0]!r}?)" if near else ""
        raise ConfigError([(path, f"missing{written}; expected one of {known}")])
    name = mapping["use"]
    if not isinstance(name, str):
        raise ConfigError([(path, f"expected the name of {add_article(kind)}, got {describe_value(name)}")])
    try:
        found = plugins.registry.get(kind, name)
    except (RegistryError, PluginError) as error:
        raise ConfigError([(path, str(error))]) from error
    if not issubclass(found, cls):
        raise ConfigError([(path, f"expected a {cls.__name__}, but {name!r} is a {found.__name__}")])
    return found


def _check_fields(cls: type[Configurable], mapping: Mapping[Any, Any], path: str) -> ComponentPlan:
    fields = {field.name: field for field in attrs.fields(cls)}
    problems = Problems(report_unknown(mapping, fields, f"{path}."))
    plans: dict[str, Plan] = {}
    for name, field in fields.items():
        hint = get_field_type(cls, name)
        if name in mapping:
            with problems.collect():
                plans[name] = check(hint, mapping[name], f"{path}.{name}")
        elif field.default is attrs.NOTHING:
            problems.append((f"{path}.{name}", f"missing; expected {describe_hint(hint)}"))
    known = _collect_known_values(cls, fields, mapping, plans)
    draft = _Draft(cls, known)
    for name, value in known.items():
        if (validator := fields[name].validator) is not None:
            with problems.collect():
                _validate(validator, draft, fields[name], value, f"{path}.{name}")
    problems.check()
    return ComponentPlan(cls, plans, path)


def _collect_known_values(
    cls: type[Configurable],
    fields: Mapping[str, attrs.Attribute[Any]],
    mapping: Mapping[Any, Any],
    plans: Mapping[str, Plan],
) -> dict[str, Any]:
    """Collect the values of the fields that are valid and need no building, defaults included, in order.

    A component that is omitted is known if None stands in its place; one that is given is not.
    """
    known: dict[str, Any] = {}
    for name, field in fields.items():
        of_components = has_components(get_field_type(cls, name))
        if name in plans:
            if isinstance(plans[name], PlainPlan) or not of_components:
                known[name] = _get_plain_value(plans[name])
        elif name not in mapping and isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]
            if not field.default.takes_self and not of_components:  # type: ignore[union-attr]
                known[name] = field.default.factory()  # type: ignore[union-attr]
        elif name not in mapping and field.default is not attrs.NOTHING:
            known[name] = field.default
    return known


def _get_plain_value(plan: Plan) -> Any:
    """Return the value of a plan without components."""
    if isinstance(plan, DictPlan):
        return {key: _get_plain_value(item) for key, item in plan.items.items()}
    assert isinstance(plan, PlainPlan)
    return plan.value


class _NotKnownYetError(Exception):
    """A validator needs a field that is a component, or is wrong itself."""


class _Draft:
    """Stands for a component that is not created yet, for validators that compare its fields.

    It has the values that are known, and the attributes of the class itself: methods, properties, class variables.
    """

    def __init__(self, cls: type[Configurable], values: Mapping[str, Any]) -> None:
        self.__dict__.update(values, _cls=cls)

    @property
    def __class__(self) -> type[Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.__dict__["_cls"]  # for isinstance(), super() and messages

    def __getattr__(self, name: str) -> Any:
        cls = self.__dict__["_cls"]
        if any(name == field.name for field in attrs.fields(cls)):
            raise _NotKnownYetError(name)
        found = inspect.getattr_static(cls, name)
        return found.__get__(self, cls) if hasattr(found, "__get__") else found


def _validate(validator: Callable[..., Any], instance: Any, attribute: Any, value: Any, path: str) -> None:
    """Call a validator as attrs does; if it needs values that are not known yet, it runs again on creation."""
    try:
        validator(instance, attribute, value)
    except _NotKnownYetError:
        return
    except (TypeError, ValueError) as error:
        raise ConfigError([(path, get_message(error))]) from error
