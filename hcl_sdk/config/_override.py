"""Overriding values of a configuration from the command line."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from hcl_sdk.config._errors import ConfigError, Problems
from hcl_sdk.config._yaml import parse_yaml
from hcl_sdk.errors import describe_value


def override(mapping: Mapping[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """Copy a mapping, and set some of its values.

    Args:
        mapping: the mapping as read; it is not changed.
        assignments: ``key=value`` each. A key is the path to the value: names, and for items of lists their indices,
            joined by dots; missing mappings are created, and a component given by name alone becomes a mapping with
            that name as ``use``. A value is YAML; if it is not valid Unicode, as the name of a file may be, it is taken
            literally.

    Raises:
        ConfigError: with all assignments that fail.

    Example:
        >>> override({"data": {"size": 64}}, ["data.size=128", "data.dataset.use=folder", "steps=10"])
        {'data': {'size': 128, 'dataset': {'use': 'folder'}}, 'steps': 10}
    """
    changed = copy.deepcopy(dict(mapping))
    problems = Problems()
    for assignment in assignments:
        with problems.collect():
            key, sign, text = assignment.partition("=")
            keys = key.split(".")
            if not sign or not all(keys):
                raise ConfigError([(assignment, "expected key=value, where the key is names joined by dots")])
            value = parse_yaml(text, key) if _is_unicode(text) else text
            try:
                _assign(changed, keys, value)
            except LookupError as error:
                raise ConfigError([(assignment, str(error.args[0]))]) from None
    problems.check()
    return changed


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _assign(mapping: dict[str, Any], keys: list[str], value: Any) -> None:
    """Set the value at a path in nested mappings and lists; ``LookupError`` if the path leads nowhere."""
    target: Any = mapping
    for i, key in enumerate(keys[:-1]):
        place = _place(target, key, keys[:i])
        inner = target[place] if isinstance(target, list) else target.get(place)
        if inner is None:
            inner = {}
        elif isinstance(inner, str):
            inner = {"use": inner}
        target[place] = inner
        target = inner
    target[_place(target, keys[-1], keys[:-1])] = value


def _place(target: Any, key: str, before: list[str]) -> Any:
    """Return the index of a key in ``target``, whose path is ``before``."""
    if isinstance(target, dict):
        return key
    if not isinstance(target, list):
        raise LookupError(f"{'.'.join(before)} is {describe_value(target)} and has no {key!r}")
    if not key.isdecimal() or int(key) >= len(target):
        raise LookupError(f"expected a number below {len(target)}, of an item of the list, got {key!r}")
    return int(key)
