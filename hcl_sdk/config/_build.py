"""From a plain mapping to components: checked as a whole, then created."""

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
    """Build the component that a plain value describes.

    Args:
        value: a mapping ``{"use": name, field: value, ...}``, or just the name.
        what: the kind (``"encoder"`` or ``Encoder``), or a component class of no kind (such as ``Detector``), whose
            mapping has no ``use``.

    Raises:
        ConfigError: with all problems.
        ValueError: if the kind does not exist.
        PluginError: if plugins are broken and the environment demands strictness.

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
    """Make a converter for a field of this kind, which builds components from names and mappings."""

    def convert(value: C | str | Mapping[str, Any]) -> C:
        return build(value, cls) if isinstance(value, str | Mapping) else value

    return convert


def structure(hints: Mapping[str, Any], mapping: Any) -> dict[str, Any]:
    """Check a plain mapping against the type of each key, and build the components in it.

    Args:
        hints: the allowed keys. A value is a type that components' fields can have, including component classes,
            abstract or not; ``Annotated[type, validator]`` with validators from ``attrs.validators``; or
            ``FieldsOf(cls)`` for a mapping with some fields of a component.
        mapping: the mapping as read.

    Returns:
        The value of every key that is present: components are built, lists converted to tuples if the type is one, and
        integers to floats if it is ``float``.

    Raises:
        ConfigError: with all problems.
        PluginError: if plugins are broken and the environment demands strictness.

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
