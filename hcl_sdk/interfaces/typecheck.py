"""Checks that configuration values have the types that their fields declare, without coercion."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Any, Literal

from hcl_sdk.errors import describe_value


def find_problems(value: Any, hint: Any) -> Iterator[tuple[str, str]]:
    """Yield ``(path, message)`` for every place where ``value`` does not match the type ``hint``.

    ``path`` is empty for the value itself, ``[2]`` for the third element of a tuple and ``.key`` for the value of a
    dict. An ``int`` is a valid ``float``; a ``bool`` is neither; a list is not a tuple.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if all(any(True for _ in find_problems(value, option)) for option in arguments):
            yield "", f"expected {describe(hint)}, got {describe_value(value)}"
    elif origin is Literal:
        if not any(value == option and type(value) is type(option) for option in arguments):
            yield "", f"expected {describe(hint)}, got {describe_value(value)}"
    elif origin is tuple:
        open_ended = len(arguments) == 2 and arguments[1] is Ellipsis
        if not isinstance(value, tuple) or not (open_ended or len(value) == len(arguments)):
            yield "", f"expected {describe(hint)}, got {describe_value(value)}"
            return
        for i, element in enumerate(value):
            for path, message in find_problems(element, arguments[0 if open_ended else i]):
                yield f"[{i}]{path}", message
    elif origin is dict:
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            yield "", f"expected {describe(hint)}, got {describe_value(value)}"
            return
        for key, element in value.items():
            for path, message in find_problems(element, arguments[1]):
                yield f".{key}{path}", message
    elif hint is float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            yield "", f"expected a number, got {describe_value(value)}"
    elif hint is int:
        if not isinstance(value, int) or isinstance(value, bool):
            yield "", f"expected a whole number, got {describe_value(value)}"
    elif not isinstance(value, hint):
        yield "", f"expected {describe(hint)}, got {describe_value(value)}"


_PLAIN = (bool, int, float, str, types.NoneType)


def adapt(value: Any, hint: Any) -> Any:
    """Convert lists to tuples and integers to floats if the type says so; leave anything else unchanged.

    Raises:
        OverflowError: for a whole number that is too large for a float.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        candidates = [adapt(value, option) for option in arguments]
        fitting = [c for c, option in zip(candidates, arguments, strict=True) if not any(find_problems(c, option))]
        return next((c for c in fitting if type(c) is type(value)), fitting[0] if fitting else value)
    if origin is tuple and isinstance(value, list | tuple):
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            arguments = (arguments[0],) * len(value)
        if len(arguments) == len(value):
            return tuple(adapt(item, argument) for item, argument in zip(value, arguments, strict=True))
        return tuple(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def is_configurable(hint: Any, component: type) -> bool:
    """Whether a field may have this type.

    Allowed are plain values, tuples, unions and dicts of them; a component or a tuple of any number of components; and
    None instead of these.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        others = [option for option in arguments if option is not types.NoneType]
        if len(others) == 1 and is_configurable(others[0], component):
            return True
        return all(_is_plain(option) for option in others)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis and isinstance(arguments[0], type):
        return arguments[0] in _PLAIN or issubclass(arguments[0], component)
    if origin is dict:
        return arguments[0] is str and _is_plain(arguments[1])
    return _is_plain(hint) or (origin is None and isinstance(hint, type) and issubclass(hint, component))


def _is_plain(hint: Any) -> bool:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return all(type(option) in _PLAIN for option in arguments)
    if origin in (typing.Union, types.UnionType) or origin is tuple:
        return all(option is Ellipsis or _is_plain(option) for option in arguments)
    return hint in _PLAIN


def describe(hint: Any) -> str:
    """Describe a type in words: ``one of 'a', 'b'``, ``a tuple of whole numbers``, ``None or a number``."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if any_plain := _describe_any_plain(hint):
        return f"a plain value{any_plain}"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(describe(option) for option in arguments)
    if origin is Literal:
        return ("one of " if len(arguments) > 1 else "") + ", ".join(repr(option) for option in arguments)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return f"a tuple of {_pluralize(arguments[0])}"
        return "a tuple (" + ", ".join(describe(option) for option in arguments) + ")"
    if origin is dict:
        return f"a mapping of names to {_pluralize(arguments[1])}"
    return _WORDS.get(hint) or f"{'an' if hint.__name__[0] in 'AEIOU' else 'a'} {hint.__name__}"


def _pluralize(hint: Any) -> str:
    if any_plain := _describe_any_plain(hint):
        return f"plain values{any_plain}"
    return _PLURALS.get(hint) or describe(hint)


def _describe_any_plain(hint: Any) -> str:
    """Return what follows "plain value" for a union of all plain types, possibly with tuples; else an empty string."""
    arguments = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else ()
    if not set(_PLAIN) <= set(arguments):
        return ""
    more = [option for option in arguments if option not in _PLAIN]
    if not all(typing.get_origin(option) is tuple for option in more):
        return ""
    return f" (true or false, a number, a string, None){', or tuples of these' if more else ''}"


_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a string",
    types.NoneType: "None",
}
_PLURALS: dict[Any, str] = {int: "whole numbers", float: "numbers", str: "strings", bool: "true or false values"}
