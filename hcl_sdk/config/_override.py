"""Values of a configuration set from the command line."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from hcl_sdk.config._errors import ConfigError, Problems
from hcl_sdk.config._yaml import parse_yaml
from hcl_sdk.errors import describe_value


def override(mapping: Mapping[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """A copy of a mapping with some values set.

    Args:
        mapping: what was read; not changed.
        assignments: ``key=value`` each. A key is the path to the value: names, and for items of lists their numbers,
            joined by dots; mappings that are not there are made, and a part that was spelled by its name alone gets its
            name as ``use``. A value is YAML; what is not even Unicode, as the name of a file may be, is taken as it is.

    Raises:
        ConfigError: with all assignments that cannot be made.

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
    """Set the value at a path in nested mappings and lists; ``LookupError`` if it leads nowhere."""
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
    """The key as what ``target``, which is at ``before``, is indexed by."""
    if isinstance(target, dict):
        return key
    if not isinstance(target, list):
        raise LookupError(f"{'.'.join(before)} is {describe_value(target)} and has no {key!r}")
    if not key.isdecimal() or int(key) >= len(target):
        raise LookupError(f"expected a number below {len(target)}, of an item of the list, got {key!r}")
    return int(key)
