"""From a plain mapping to components: checked as a whole, then made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from hcl_sdk import plugins
from hcl_sdk.config._check import Plan, check, report_unknown
from hcl_sdk.config._errors import ConfigError, Problems
from hcl_sdk.config._make import make_all
from hcl_sdk.errors import describe_value
from hcl_sdk.interfaces import KINDS, Configurable

C = TypeVar("C", bound=Configurable)


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


def make_converter(cls: type[C]) -> Callable[[C | str | Mapping[str, Any]], C]:
    """A converter of a field of this kind: what spells a component, its name or a mapping, is made into it."""

    def convert(value: C | str | Mapping[str, Any]) -> C:
        return build(value, cls) if isinstance(value, str | Mapping) else value

    return convert


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
        >>> import attrs
        >>> from typing import Annotated
        >>> structure({"size": int | None, "threshold": Annotated[float, attrs.validators.le(1)]}, {"threshold": 2})
        Traceback (most recent call last):
        hcl_sdk.config.ConfigError: 1 problem in the configuration:
          threshold: 'threshold' must be <= 1: 2.0
    """
    plugins.registry.plugins  # noqa: B018  # if discovery fails, that is one error and not one for every component
    if not isinstance(mapping, Mapping):
        raise ConfigError([("", f"expected a mapping with the keys {', '.join(hints)}; got {describe_value(mapping)}")])
    problems = Problems(report_unknown(mapping, hints))
    plans: dict[str, Plan] = {}
    for key, hint in hints.items():
        if key in mapping:
            with problems.collect():
                plans[key] = check(hint, mapping[key], key)
    problems.check()
    return make_all(plans)
