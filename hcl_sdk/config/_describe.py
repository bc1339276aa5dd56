"""From components to the plain mappings that describe them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from hcl_sdk import plugins
from hcl_sdk.config._hints import get_component_class, get_element_class, get_kind
from hcl_sdk.interfaces import Configurable, get_field_type
from hcl_sdk.interfaces.typecheck import adapt
from hcl_sdk.registry import SCRIPT_DISTRIBUTION


def describe(component: Configurable, what: type[Configurable] | None = None) -> dict[str, Any]:
    """Describe a component as a plain mapping, from which ``build`` creates an equal one.

    Args:
        component: the component with all its parts.
        what: the class that ``build`` will be asked for; by default the component's own. It matters for a component of
            no kind, whose mapping does not name its class.

    Returns:
        ``{"use": qualified name}`` for a component of a kind, and every field, defaults included; nested components as
        such mappings, tuples as lists.

    Raises:
        RegistryError: if a component's class is not registered.
        TypeError: if a component of no kind is an instance of a subclass of what is asked for, which would not be
            restored; or a component holds something that text cannot express, as its attribute ``unspellable`` says.
    """
    cls = type(component)
    if what_it_is := getattr(component, "unspellable", ""):
        raise TypeError(f"a configuration cannot express {what_it_is}")
    if get_kind(cls) is None and what is not None and what is not cls:
        raise TypeError(
            f"a configuration does not name the class of a {what.__name__}, so this one must be a {what.__name__} "
            f"itself, not of a subclass; got a {cls.__name__}"
        )
    name = {"use": plugins.registry.get_name(cls)} if get_kind(cls) else {}
    fields = attrs.fields(cls)  # type: ignore[arg-type]
    return name | {f.name: _to_plain(getattr(component, f.name), get_field_type(cls, f.name)) for f in fields}


def _to_plain(value: Any, hint: Any) -> Any:
    if isinstance(value, Configurable):
        return describe(value, get_component_class(hint))
    if (element := get_element_class(hint)) is not None and value is not None:
        return [describe(item, element) for item in value]
    return _to_lists(adapt(value, hint))


def _to_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _to_lists(item) for key, item in value.items()}
    return [_to_lists(item) for item in value] if isinstance(value, tuple) else value


def list_plugins_used(mapping: Mapping[str, Any]) -> dict[str, str]:
    """List the packages other than hcl_sdk that provide the components of a configuration.

    Returns:
        The version of each package. Components that a script registered are not from a package.
    """
    versions = {report.distribution: report.version for report in plugins.registry.plugins}
    names = sorted({name.partition("/")[0] for name in _iterate_names(mapping) if "/" in name} - {SCRIPT_DISTRIBUTION})
    return {name: versions[name] for name in names}


def _iterate_names(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "use" and isinstance(item, str):
                yield item
            else:
                yield from _iterate_names(item)
    elif isinstance(value, list):
        for item in value:
            yield from _iterate_names(item)
