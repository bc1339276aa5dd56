"""Reads docstrings and components as mkdocstrings does not by itself."""

from __future__ import annotations

import ast
import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:class|meth|func|attr|data|mod|exc):`(~?)([\w.]+)`")
_SEVERAL = re.compile(r"^    (\w+(?:, \w+)+): (.*(?:\n {5,}\S.*)*)", flags=re.MULTILINE)
_DOCTEST = re.compile(r"(?:^>>> .*\n?(?:^(?!>>>|\s*$).*\n?)*)+", flags=re.MULTILINE)


class Docstrings(griffe.Extension):
    """Turns Sphinx's roles into links, lines of doctests into examples, and a component's fields into its signature."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            text = _SEVERAL.sub(_one_by_one, _ROLE.sub(_link, obj.docstring.value))
            obj.docstring.value = _examples(text)

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        for cls in _classes(pkg):
            if _is_attrs_class(cls):
                _give_signature(cls)


def _link(role: re.Match[str]) -> str:
    short, name = role[1], role[2]
    text = name.split(".")[-1] if short else name
    return f"[`{text}`][{name}]" if name.startswith("hcl_sdk.") else f"`{text}`"


def _one_by_one(parameters: re.Match[str]) -> str:
    """``dilate, feather: text`` -> a line for each of them."""
    return "\n".join(f"    {name}: {parameters[2]}" for name in parameters[1].split(", "))


def _examples(text: str) -> str:
    text = re.sub(r"^Example:$", "Examples:", text, flags=re.MULTILINE)
    if "\nExamples:" in text:
        return text
    return _DOCTEST.sub(lambda d: "Examples:\n" + re.sub("^(?=.)", "    ", d[0], flags=re.MULTILINE), text)


def _classes(module: griffe.Module) -> list[griffe.Class]:
    found = [member for member in module.members.values() if isinstance(member, griffe.Class)]
    for member in module.members.values():
        if isinstance(member, griffe.Module):
            found += _classes(member)
    return found


def _is_attrs_class(cls: griffe.Class) -> bool:
    names = [str(decorator.value).split("(")[0].split(".")[-1] for decorator in cls.decorators]
    return not {"component", "define"}.isdisjoint(names)


def _give_signature(cls: griffe.Class) -> None:
    """An ``__init__`` with the fields as the decorator makes it: positional ones first, then inherited ones."""
    family = [cls, *(base for base in cls.mro() if _is_attrs_class(base))]
    fields = {field.name: field for member in reversed(family) for field in _fields(member)}
    kinds = griffe.ParameterKind
    parameters = []
    for field in fields.values():
        kind = kinds.keyword_only if _is_keyword_only(field) else kinds.positional_or_keyword
        default = _default(field.value)
        parameters.append(griffe.Parameter(field.name, annotation=field.annotation, kind=kind, default=default))
    parameters.sort(key=lambda parameter: parameter.kind is kinds.keyword_only)
    parameters.insert(0, griffe.Parameter("self", kind=kinds.positional_or_keyword))
    init = griffe.Function("__init__", parameters=griffe.Parameters(*parameters), lineno=cls.lineno)
    cls.set_member("__init__", init)


def _is_keyword_only(field: griffe.Attribute) -> bool:
    """Whether the field itself or its class says so; components' fields always are."""
    said = [str(field.value), *(str(decorator.value) for decorator in field.parent.decorators)]
    return any("kw_only=True" in text or text.split(".")[-1] == "component" for text in said)


def _fields(cls: griffe.Class) -> list[griffe.Attribute]:
    return [
        member
        for member in cls.members.values()
        if isinstance(member, griffe.Attribute)
        and member.annotation is not None
        and "instance-attribute" in member.labels  # neither a ClassVar nor a property
        and "init=False" not in str(member.value)
    ]


def _default(value: Any) -> str | None:
    """``attrs.field(default=3, validator=...)`` -> ``3``; ``factory=X`` -> ``X()``; a plain value as it is."""
    if value is None:
        return None
    node = ast.parse(str(value), mode="eval").body
    if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "attrs.field"):
        return str(value)
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    return given.get("default") or (f"{given['factory']}()" if "factory" in given else None)
