"""Components <-> plain mappings <-> YAML.

A component is spelled ``{use: name, field: value, ...}``, or just ``name`` if all its fields have their defaults.
Values are not coerced (``"64"`` is not 64), and all that is wrong with a configuration is reported at once.
"""

from __future__ import annotations

import copy
import difflib
import os
import re
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, overload

import attrs
import yaml

from hcl_sdk.interfaces import KINDS, Configurable, field_type
from hcl_sdk.interfaces.typecheck import describe as describe_type
from hcl_sdk.interfaces.typecheck import problems as type_problems
from hcl_sdk.interfaces.typecheck import received
from hcl_sdk.plugins import registry
from hcl_sdk.registry import SCRIPT_DISTRIBUTION, PluginError, RegistryError

C = TypeVar("C", bound=Configurable)

Problem = tuple[str, str]
"""Where, as a path such as ``detector.encoder.dim``, and what."""

_FAILED: Any = object()


class ConfigError(ValueError):
    """A configuration that cannot be used.

    Attributes:
        problems: all that is wrong, as (path, message).
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        lines = (f"\n  {path}: {message}" if path else f"\n  {message}" for path, message in self.problems)
        super().__init__(f"{count} in the configuration:{''.join(lines)}")

    def __reduce__(self) -> Any:
        return type(self), (self.problems,)


# Mapping -> components


@overload
def build(value: Any, what: str) -> Configurable: ...
@overload
def build(value: Any, what: type[C]) -> C: ...
def build(value: Any, what: str | type[Configurable]) -> Configurable:
    """The component that a plain value spells.

    Args:
        value: a mapping ``{"use": name, field: value, ...}``, or the name alone.
        what: the kind (``"encoder"`` or ``Encoder``), or a component class of no kind (such as ``Detector``), whose
            mapping has no ``use``.

    Raises:
        ConfigError: with all that is wrong.
        ValueError: for a kind that does not exist.
        PluginError: if plugins are broken and the environment asks for strictness.

    Example:
        >>> build({"use": "no-such-encoder"}, "encoder")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        hcl_sdk.config.ConfigError: 1 problem in the configuration:
          encoder.use: unknown encoder 'no-such-encoder'; ...
    """
    if isinstance(what, str) and what not in KINDS:
        raise ValueError(f"expected a kind of component, one of {', '.join(KINDS)}; got {what!r}")
    cls = KINDS[what] if isinstance(what, str) else what
    name = what if isinstance(what, str) else getattr(cls, "kind", cls.__name__.lower())
    return structure({name: cls}, {name: value})[name]


def structure(hints: Mapping[str, Any], mapping: Any) -> dict[str, Any]:
    """Check a plain mapping against the type of each key, and make the components in it.

    Args:
        hints: the allowed keys. A value is a type as components' fields have it, including component classes, abstract
            or not; and ``Annotated[type, validator]`` with validators as ``attrs.validators`` has them.
        mapping: what was read.

    Returns:
        The value of every key that is there: components made, lists turned into tuples where the type is one, whole
        numbers into floats where it is ``float``.

    Raises:
        ConfigError: with all that is wrong.
        PluginError: if plugins are broken and the environment asks for strictness.

    Example:
        >>> structure({"size": int | None, "threshold": Annotated[float, attrs.validators.le(1)]}, {"threshold": 2})
        Traceback (most recent call last):
        hcl_sdk.config.ConfigError: 1 problem in the configuration:
          threshold: 'threshold' must be <= 1: 2.0
    """
    registry.plugins  # noqa: B018  # if discovery fails, that is one error and not one for every component
    problems: list[Problem] = []
    if not isinstance(mapping, Mapping):
        raise ConfigError([("", f"expected a mapping with the keys {', '.join(hints)}; got {received(mapping)}")])
    _report_keys(mapping, hints, "", problems)
    makers: dict[str, Callable[[], Any]] = {}
    for key, hint in hints.items():
        if key in mapping:
            makers[key] = _read(hint, mapping[key], key, problems)
    if problems:
        raise ConfigError(problems)
    made = {key: maker() for key, maker in makers.items()}
    if problems:
        raise ConfigError(problems)
    return made


def _read(hint: Any, value: Any, path: str, problems: list[Problem]) -> Callable[[], Any]:
    """Check a value without making anything; what is returned makes it, once all of the configuration was checked.

    Both report to ``problems``; after a problem, making returns ``_FAILED``.
    """
    if typing.get_origin(hint) is Annotated:
        hint, *validators = typing.get_args(hint)
        count = len(problems)
        make = _read(hint, value, path, problems)
        if len(problems) == count and not _has_components(hint) and value is not None:
            attribute: Any = types.SimpleNamespace(name=path.rpartition(".")[2])
            _validate(validators, None, attribute, make(), path, problems)
        return make
    cls = _component_class(hint)
    if cls is not None:
        if value is None and cls is not hint:
            return lambda: None
        return _read_component(cls, value, path, problems)
    element = _element_class(hint)
    if element is not None:
        if value is None and typing.get_origin(hint) is not tuple:
            return lambda: None
        return _read_components(element, value, path, problems)
    if typing.get_origin(hint) is dict:
        return _read_dict(hint, value, path, problems)
    adapted = _adapt(value, hint)
    found = [(path + where, message) for where, message in type_problems(adapted, hint)]
    problems += found
    return lambda: _FAILED if found else adapted


def _read_dict(hint: Any, value: Any, path: str, problems: list[Problem]) -> Callable[[], Any]:
    _, of = typing.get_args(hint)
    if not isinstance(value, Mapping):
        problems.append((path, f"expected a mapping, got {received(value)}"))
        return lambda: _FAILED
    problems += [(path, f"expected strings as keys, got {received(key)}") for key in value if not isinstance(key, str)]
    makers = {key: _read(of, item, f"{path}.{key}", problems) for key, item in value.items()}

    def make() -> Any:
        made = {key: maker() for key, maker in makers.items()}
        return _FAILED if any(item is _FAILED for item in made.values()) else made

    return make


def _read_components(cls: type[Configurable], value: Any, path: str, problems: list[Problem]) -> Callable[[], Any]:
    """``_read`` for a tuple of components."""
    if not isinstance(value, list | tuple):
        problems.append((path, f"expected a list, each {_expected(cls)}; got {received(value)}"))
        return lambda: _FAILED
    makers = [_read_component(cls, item, f"{path}[{i}]", problems) for i, item in enumerate(value)]

    def make() -> Any:
        made = tuple(maker() for maker in makers)
        return _FAILED if any(item is _FAILED for item in made) else made

    return make


def _read_component(cls: type[Configurable], value: Any, path: str, problems: list[Problem]) -> Callable[[], Any]:
    """``_read`` for a component; ``cls`` is an abstract kind, or a class that the component must be of."""
    kind = _kind(cls)
    if isinstance(value, str) and kind is not None:
        value = {"use": value}
    if not isinstance(value, Mapping):
        how = f"{_a(kind)}: a name, or a mapping with 'use'" if kind else f"a mapping with the fields of {cls.__name__}"
        problems.append((path, f"expected {how}; got {received(value)}"))
        return lambda: _FAILED
    if kind is None:
        return _read_fields(cls, value, path, problems)
    where = f"{path}.use"
    name = value.get("use")
    if "use" not in value:
        near = difflib.get_close_matches("use", [key for key in value if isinstance(key, str)], n=1)
        known = ", ".join(entry.qualified_name for entry in registry.entries(kind))
        problems.append((where, f"missing{f' (written {near[0]!r}?)' if near else ''}; expected one of {known}"))
    elif not isinstance(name, str):
        problems.append((where, f"expected the name of {_a(kind)}, got {received(name)}"))
    else:
        try:
            found = registry.get(kind, name)
        except (RegistryError, PluginError) as error:
            problems.append((where, str(error)))
        else:
            if issubclass(found, cls):
                return _read_fields(found, {k: v for k, v in value.items() if k != "use"}, path, problems)
            problems.append((where, f"expected a {cls.__name__}, but {name!r} is a {found.__name__}"))
    return lambda: _FAILED


def _read_fields(
    cls: type[Configurable], mapping: Mapping[Any, Any], path: str, problems: list[Problem]
) -> Callable[[], Any]:
    """``_read`` for the fields of a component class."""
    fields = {field.name: field for field in attrs.fields(cls)}
    hints = {name: field_type(cls, name) for name in fields}
    _report_keys(mapping, fields, f"{path}.", problems)
    makers: dict[str, Callable[[], Any]] = {}
    sound: dict[str, Any] = {}  # the plain values of the right type; validators come when all of these are known
    for name, field in fields.items():
        where = f"{path}.{name}"
        if name in mapping:
            count = len(problems)
            makers[name] = _read(hints[name], mapping[name], where, problems)
            if len(problems) == count and not _has_components(hints[name]):
                sound[name] = makers[name]()
        elif field.default is attrs.NOTHING:
            problems.append((where, f"missing; expected {_expected(hints[name])}"))
    # Validators may look at other fields of the instance. It is not made yet: making layers takes long, and is
    # pointless if anything else is wrong.
    instance = object.__new__(cls)
    for name, field in fields.items():
        if name not in mapping and field.default is not attrs.NOTHING and not isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]
            sound[name] = field.default
        if name in sound:
            object.__setattr__(instance, name, sound[name])
    for name, value in sound.items():
        if (validator := fields[name].validator) is not None:
            _validate([validator], instance, fields[name], value, f"{path}.{name}", problems)

    def make() -> Any:
        values = {name: maker() for name, maker in makers.items()}
        if any(value is _FAILED for value in values.values()):
            return _FAILED
        try:
            return cls(**values)
        except (TypeError, ValueError) as error:
            problems.append((path, _text(error)))
            return _FAILED

    return make


def _validate(
    validators: Iterable[Callable[..., Any]],
    instance: Any,
    attribute: Any,
    value: Any,
    path: str,
    problems: list[Problem],
) -> None:
    for validator in validators:
        try:
            validator(instance, attribute, value)
        except (TypeError, ValueError) as error:
            problems.append((path, _text(error)))
        except AttributeError:
            # It looked at a field that is not known yet: a component, or one with a problem of its own.
            # Making the component runs it again.
            continue


def _report_keys(mapping: Mapping[Any, Any], known: Collection[str], prefix: str, problems: list[Problem]) -> None:
    for key in mapping:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"
            problems.append((f"{prefix}{key}", f"unknown key; {hint}"))


def _component_class(hint: Any) -> type[Configurable] | None:
    """The component class of ``X`` or ``X | None``; None for another type."""
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    options = [option for option in options if option is not types.NoneType]
    if len(options) != 1 or typing.get_origin(options[0]) is not None:
        return None
    return options[0] if isinstance(options[0], type) and issubclass(options[0], Configurable) else None


def _element_class(hint: Any) -> type[Configurable] | None:
    """The component class of ``tuple[X, ...]`` or ``tuple[X, ...] | None``; None for another type."""
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    options = [option for option in options if option is not types.NoneType]
    if len(options) != 1 or typing.get_origin(options[0]) is not tuple:
        return None
    return _component_class(typing.get_args(options[0])[0])


def _has_components(hint: Any) -> bool:
    return _component_class(hint) is not None or _element_class(hint) is not None


def _kind(cls: type[Configurable]) -> str | None:
    """The kind of a component class by whose names it is chosen; None for one that is written as its fields alone."""
    kind = getattr(cls, "kind", None)
    return kind if kind in KINDS else None


def _adapt(value: Any, hint: Any) -> Any:
    """A list as a tuple and a whole number as a float where the type says so; anything else as it is."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        candidates = [_adapt(value, option) for option in arguments]
        fitting = [c for c, option in zip(candidates, arguments, strict=True) if not any(type_problems(c, option))]
        return next((c for c in fitting if type(c) is type(value)), fitting[0] if fitting else value)
    if origin is tuple and isinstance(value, list | tuple):
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            arguments = (arguments[0],) * len(value)
        if len(arguments) == len(value):
            return tuple(_adapt(item, argument) for item, argument in zip(value, arguments, strict=True))
        return tuple(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def _expected(hint: Any) -> str:
    if (element := _element_class(hint)) is not None:
        return f"a list, each {_expected(element)}"
    cls = _component_class(hint)
    return describe_type(hint) if cls is None else _a(getattr(cls, "kind", cls.__name__))


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _text(error: Exception) -> str:
    """The message of an error; attrs' own validators put more than that into ``args``."""
    return " ".join(str(error.args[0] if error.args else error).split())


# Components -> mapping


def describe(component: Configurable, what: type[Configurable] | None = None) -> dict[str, Any]:
    """The plain mapping that spells a component: ``build`` makes an equal one of it.

    Args:
        component: with all that it is made of.
        what: the class that ``build`` is going to be asked for; the component's own without it. It matters for a
            component of no kind, whose mapping does not name its class.

    Returns:
        ``{"use": qualified name}`` for a component of a kind, and every field, defaults included; nested components as
        such mappings, tuples as lists.

    Raises:
        RegistryError: for a component whose class is not registered.
        TypeError: for a component of no kind that is of a subclass of what is asked for: it would not come back as one;
            and for one that holds what no text can spell, and says so in an attribute ``unspellable``.
    """
    cls = type(component)
    if what_it_is := getattr(component, "unspellable", ""):
        raise TypeError(f"a configuration cannot spell {what_it_is}")
    if _kind(cls) is None and what is not None and what is not cls:
        raise TypeError(
            f"a configuration does not name the class of a {what.__name__}, so this one must be a {what.__name__} "
            f"itself, not of a subclass; got a {cls.__name__}"
        )
    name = {"use": registry.name_of(cls)} if _kind(cls) else {}
    fields = attrs.fields(cls)  # type: ignore[arg-type]
    return name | {f.name: _plain(getattr(component, f.name), field_type(cls, f.name)) for f in fields}


def _plain(value: Any, hint: Any) -> Any:
    if isinstance(value, Configurable):
        return describe(value, _component_class(hint))
    if (element := _element_class(hint)) is not None and value is not None:
        return [describe(item, element) for item in value]
    return _lists(_adapt(value, hint))


def _lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lists(item) for key, item in value.items()}
    return [_lists(item) for item in value] if isinstance(value, tuple) else value


def plugins_used(mapping: Mapping[str, Any]) -> dict[str, str]:
    """The packages other than hcl_sdk that the components of a described configuration come from.

    Returns:
        The version of each package. What a script registered comes from no package.
    """
    versions = {report.distribution: report.version for report in registry.plugins}
    names = sorted({name.partition("/")[0] for name in _names_used(mapping) if "/" in name} - {SCRIPT_DISTRIBUTION})
    return {name: versions[name] for name in names}


def _names_used(value: Any) -> Iterable[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "use" and isinstance(item, str):
                yield item
            else:
                yield from _names_used(item)
    elif isinstance(value, list):
        for item in value:
            yield from _names_used(item)


# YAML <-> mapping


def load_yaml(source: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a mapping from YAML.

    Scalars are those of YAML 1.2's core schema: ``1e-4`` is a number, ``on``, ``off``, ``yes``, ``no`` and dates are
    strings. Only plain data is read; nothing in the text can run code.

    Args:
        source: a file, or the text itself. A string of one word or name, without any key, is the name of a file.

    Raises:
        FileNotFoundError: if there is no such file.
        ConfigError: with line and column, for text that is not YAML, a key that is given twice, or text that is not a
            mapping.

    Example:
        >>> load_yaml("{rate: 1e-4, mode: off}")
        {'rate': 0.0001, 'mode': 'off'}
    """
    if isinstance(source, str):
        value = _parse(source, "")
        if not isinstance(value, str) or "\n" in source.strip():
            return _checked_mapping(value, "")
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(
            f"expected YAML text with a mapping, or the name of a file; there is no file {str(path)!r}"
        )
    return _checked_mapping(_parse(path.read_text(encoding="utf-8"), str(path)), str(path))


def dump_yaml(mapping: Mapping[str, Any]) -> str:
    """YAML text of a plain mapping, in its order; ``load_yaml`` gives back equal values of the same types.

    Example:
        >>> print(dump_yaml({"encoder": {"use": "swin", "dim": 64}, "mode": "off"}), end="")
        encoder: {use: swin, dim: 64}
        mode: 'off'
    """
    return yaml.dump(
        dict(mapping), Dumper=_Dumper, sort_keys=False, default_flow_style=None, allow_unicode=True, width=120
    )


def override(mapping: Mapping[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """A copy of a mapping with some values set.

    Args:
        mapping: what was read; not changed.
        assignments: ``key=value`` each. A key is the path to the value: names, and for items of lists their numbers,
            joined by dots; mappings that are not there are made, and a part that was spelled by its name alone gets its
            name as ``use``. A value is YAML.

    Raises:
        ConfigError: with all assignments that cannot be made.

    Example:
        >>> override({"data": {"size": 64}}, ["data.size=128", "data.dataset.use=folder", "steps=10"])
        {'data': {'size': 128, 'dataset': {'use': 'folder'}}, 'steps': 10}
    """
    changed = copy.deepcopy(dict(mapping))
    problems: list[Problem] = []
    for assignment in assignments:
        key, sign, text = assignment.partition("=")
        try:
            if not sign or not all(key.split(".")):
                raise ValueError("expected key=value, where the key is names joined by dots")
            _assign(changed, key.split("."), _parse(text, key))
        except ConfigError as error:
            problems += error.problems
        except ValueError as error:
            problems.append((assignment, str(error)))
    if problems:
        raise ConfigError(problems)
    return changed


def _assign(target: Any, keys: list[str], value: Any) -> None:
    """Set the value at a path in nested mappings and lists."""
    for i, key in enumerate(keys):
        is_last = i == len(keys) - 1
        if isinstance(target, list):
            if not key.isdigit() or int(key) >= len(target):
                raise ValueError(f"expected a number below {len(target)}, of an item of the list, got {key!r}")
            place: Any = int(key)
        elif isinstance(target, dict):
            place = key
        else:
            raise ValueError(f"{'.'.join(keys[:i])} is {received(target)} and has no {key!r}")
        if is_last:
            target[place] = value
            return
        inner = target.get(place) if isinstance(target, dict) else target[place]
        if inner is None:
            inner = {}
        elif isinstance(inner, str):
            inner = {"use": inner}
        target[place] = inner
        target = inner


def _parse(text: str, file: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        message = " ".join(filter(None, (error.context, error.problem)))
        raise ConfigError([(", ".join(filter(None, (file, place))), message)]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError([(file, f"not YAML: {' '.join(str(error).split())}")]) from None


def _checked_mapping(value: Any, file: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError([(file, f"expected a mapping of keys to values, got {received(value)}")])
    return value


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core schema; keys must differ."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        first: dict[Any, int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    problem="expected a word as key, got a list or mapping", problem_mark=key_node.start_mark
                )
            key = self.construct_object(key_node)
            line = key_node.start_mark.line + 1
            if key in first:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key!r} was already given in line {first[key]}", problem_mark=key_node.start_mark
                )
            first[key] = line
        return super().construct_mapping(node, deep)

    def construct_whole_number(self, node: yaml.ScalarNode) -> int:
        text = self.construct_scalar(node)
        return int(text, 0) if text[:2] in ("0x", "0o") else int(text)


class _Dumper(yaml.SafeDumper):
    """Quotes every string that YAML 1.1 or 1.2 would read as something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, data: str) -> yaml.ScalarNode:
        # PyYAML writes Unicode's own line breaks as they are, and reads them as spaces.
        style = '"' if re.search("[\x85\u2028\u2029]", data) else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Loader.yaml_implicit_resolvers = {}
_Dumper.yaml_implicit_resolvers = {first: [*pairs] for first, pairs in yaml.SafeDumper.yaml_implicit_resolvers.items()}
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", list("-+.")),
):
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), _first)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_whole_number)
_Dumper.add_representer(str, _Dumper.represent_text)
