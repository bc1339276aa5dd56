"""Types of fields: whether they are components, and which values they allow."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from typing import Any

from hcl_sdk.interfaces import KINDS, Configurable
from hcl_sdk.interfaces.typecheck import describe as describe_type


@dataclass(frozen=True)
class FieldsOf:
    """The type of a mapping with some fields of a component, which is not created; None is allowed.

    Attributes:
        cls: the class of the component, which has no kind.
    """

    cls: type[Configurable]


def get_component_class(hint: Any) -> type[Configurable] | None:
    """Return the component class of ``X`` or ``X | None``; None for another type."""
    option = _get_only_option(hint)
    if typing.get_origin(option) is not None:
        return None
    return option if isinstance(option, type) and issubclass(option, Configurable) else None


def get_element_class(hint: Any) -> type[Configurable] | None:
    """Return the component class of ``tuple[X, ...]`` or ``tuple[X, ...] | None``; None for another type."""
    option = _get_only_option(hint)
    return get_component_class(typing.get_args(option)[0]) if typing.get_origin(option) is tuple else None


def has_components(hint: Any) -> bool:
    """Whether values of this type are components, or tuples of them."""
    return get_component_class(hint) is not None or get_element_class(hint) is not None


def allows_none(hint: Any) -> bool:
    """Whether None is allowed."""
    return types.NoneType in _list_options(hint)


def get_kind(cls: type[Configurable]) -> str | None:
    """Return the kind in which a component class is looked up by name; None for one given by its fields only."""
    kind = getattr(cls, "kind", None)
    return kind if kind in KINDS else None


def describe_hint(hint: Any) -> str:
    """Describe a type in words: ``an encoder``, ``a list, each a loss``, ``a whole number``."""
    if (element := get_element_class(hint)) is not None:
        return f"a list, each {describe_hint(element)}"
    cls = get_component_class(hint)
    return describe_type(hint) if cls is None else add_article(getattr(cls, "kind", cls.__name__))


def add_article(noun: str) -> str:
    """Add the article: ``encoder`` -> ``an encoder``."""
    return f"{'an' if noun[0].lower() in 'aeiou' else 'a'} {noun}"


def _list_options(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _get_only_option(hint: Any) -> Any:
    """Return ``X`` for ``X`` and for ``X | None``; None for larger unions."""
    options = [option for option in _list_options(hint) if option is not types.NoneType]
    return options[0] if len(options) == 1 else None
