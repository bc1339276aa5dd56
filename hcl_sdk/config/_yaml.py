"""Reading and writing YAML: plain data, with the scalars of YAML 1.2."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError

from hcl_sdk.config._errors import ConfigError
from hcl_sdk.errors import describe_value
from hcl_sdk.files import is_special

_MAX_CHARACTERS = 1_000_000
_MAX_VALUES = 50_000  # with each alias counted as everything it stands for
_MAX_DEPTH = 60


def load_yaml(source: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a mapping from YAML.

    Scalars are those of YAML 1.2's core schema: ``1e-4`` is a number, ``on``, ``off``, ``yes``, ``no`` and dates are
    strings. Only plain data is read; nothing in the text can run code. Text of more than a million characters, 50,000
    values (an alias counts as everything it stands for) or 60 levels is refused.

    Args:
        source: a file, or the text itself. A string that is a single word or name, without any key, is a file name.

    Raises:
        FileNotFoundError: if the file does not exist.
        ConfigError: with line and column, if the text is not YAML, has a duplicate key, is too large, or is not a
            mapping.

    Example:
        >>> load_yaml("{rate: 1e-4, mode: off}")
        {'rate': 0.0001, 'mode': 'off'}
    """
    if isinstance(source, str):
        value = parse_yaml(source)
        if not isinstance(value, str) or "\n" in source.strip():
            return _check_mapping(value, "")
    if not isinstance(source, str | os.PathLike):
        raise TypeError(f"a configuration is a mapping, YAML text or the name of a file; got {describe_value(source)}")
    path = Path(source)
    if is_special(path):
        raise ConfigError([(str(path), "this is not a regular file; expected one with YAML")])
    if not os.path.isfile(path):  # for a text that is too long for a name, too
        raise FileNotFoundError(
            f"expected YAML text with a mapping, or the name of a file; there is no file {str(path)!r}"
        )
    return _check_mapping(parse_yaml(_read_text(path), str(path)), str(path))


def dump_yaml(mapping: Mapping[str, Any]) -> str:
    """Format a plain mapping as YAML text, in its order; ``load_yaml`` returns equal values of the same types.

    Example:
        >>> print(dump_yaml({"encoder": {"use": "swin", "dim": 64}, "mode": "off"}), end="")
        encoder: {use: swin, dim: 64}
        mode: 'off'
    """
    return yaml.dump(
        dict(mapping), Dumper=_Dumper, sort_keys=False, default_flow_style=None, allow_unicode=True, width=120
    )


def parse_yaml(text: str, file: str = "") -> Any:
    """Parse a text; ``file`` is its origin, for messages.

    Raises:
        ConfigError: like :func:`load_yaml`.
    """
    if len(text) > _MAX_CHARACTERS:
        raise ConfigError([(file, f"expected at most {_MAX_CHARACTERS:,} characters, got {len(text):,}")])
    try:
        return yaml.load(text, Loader=_Loader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        message = " ".join(filter(None, (error.context, error.problem)))
        raise ConfigError([(", ".join(filter(None, (file, place))), message)]) from None
    except yaml.YAMLError as error:
        raise ConfigError([(file, f"not YAML: {' '.join(str(error).split())}")]) from None


def _read_text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(4 * _MAX_CHARACTERS + 1)  # no character takes more than 4 bytes
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(data) > 4 * _MAX_CHARACTERS:  # truncated, perhaps in the middle of a character
            raise ConfigError([(str(path), f"expected at most {_MAX_CHARACTERS:,} characters")]) from None
        raise ConfigError([(str(path), f"expected text in UTF-8; {error.reason} at byte {error.start}")]) from None


def _check_mapping(value: Any, file: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        got = "it is empty" if value is None else f"got {describe_value(value)}"
        raise ConfigError([(file, f"expected a mapping of keys to values; {got}")])
    return value


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core schema; keys must be unique; what a few bytes of aliases expand to is limited."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0
        self._values = 0
        self._sizes: dict[yaml.Node, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Count values and levels while the text is read, before anything is created from it."""
        mark = self.peek_event().start_mark
        if self.check_event(yaml.AliasEvent):
            node = super().compose_node(parent, index)
            if node is not None and node not in self._sizes:
                raise ComposerError(problem="a value cannot contain itself", problem_mark=mark)
            self._count(self._sizes[node] if node is not None else 0, mark)
            return node
        before = self._values
        self._count(1, mark)
        if self._depth == _MAX_DEPTH:
            raise ComposerError(problem=f"more than {_MAX_DEPTH} levels", problem_mark=mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node is not None:
            self._sizes[node] = self._values - before
        return node

    def _count(self, values: int, mark: Any) -> None:
        self._values += values
        if self._values > _MAX_VALUES:
            problem = f"more than {_MAX_VALUES:,} values, each alias counted as all that it stands for"
            raise ComposerError(problem=problem, problem_mark=mark)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Construct the value of a node; an error about a tag that does not match its text tells where it is."""
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            tag = node.tag.replace("tag:yaml.org,2002:", "!!")
            raise ConstructorError(
                problem=f"expected a value for {tag}, got {describe_value(node.value)}",
                problem_mark=node.start_mark,
            ) from error

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        first: dict[Any, int] = {}
        for key_node, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConstructorError(
                    problem="expected a word as key, got a list or mapping", problem_mark=key_node.start_mark
                )
            key = self.construct_object(key_node)
            line = key_node.start_mark.line + 1
            if key in first:
                raise ConstructorError(
                    problem=f"the key {key!r} was already given in line {first[key]}", problem_mark=key_node.start_mark
                )
            first[key] = line
        return super().construct_mapping(node, deep)

    def construct_whole_number(self, node: yaml.ScalarNode) -> int:
        text = self.construct_scalar(node)
        return int(text, 0) if text[:2] in ("0x", "0o") else int(text)


class _Dumper(yaml.SafeDumper):
    """Quotes every string that YAML 1.1 or 1.2 would read as another type."""

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
