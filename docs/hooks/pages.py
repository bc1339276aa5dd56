"""Prepares pages: the help of every command, the table of checks and the built-ins of a kind go where a page asks.

What is there for the tests alone goes away.
"""

from __future__ import annotations

import html
import inspect
import re
from collections.abc import Iterator
from typing import Any

import click

import hcl_sdk
from hcl_sdk import builtin
from hcl_sdk.cli import main
from hcl_sdk.plugins import registry
from hcl_sdk.registry import COMPONENT_KINDS, KINDS_AND_WEIGHTS, Registry
from hcl_sdk.testing import list_checks

COMMANDS = "<!-- the help of every command -->"
CHECKS = "<!-- the checks of every kind -->"
BUILT_INS = re.compile(r"^<!-- the built-ins of hcl_sdk\.(\w+)(?:: (.+))? -->$", flags=re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for every page."""
    markdown = re.sub(r"^<!-- (test|fmt): .*?-->\n", "", markdown, flags=re.DOTALL | re.MULTILINE)
    for marker, text in ((COMMANDS, _tabulate_commands), (CHECKS, _tabulate_checks)):
        if marker in markdown:
            markdown = markdown.replace(marker, text())
    return BUILT_INS.sub(lambda marker: _built_ins(marker[1], marker[2], markdown), markdown)


def _built_ins(base: str, options: str | None, page: str) -> str:
    """A directive for each built-in of a class, but for those that the page documents itself."""
    bases = [getattr(hcl_sdk, marker[1]) for marker in BUILT_INS.finditer(page)]
    names = [get_public_name(cls) for cls in list_built_ins() if _find_nearest(cls, bases) is getattr(hcl_sdk, base)]
    names = [name for name in names if not re.search(rf"^::: {re.escape(name)}$", page, re.MULTILINE)]
    more = f"\n    options: {{{options}}}" if options else ""
    return "\n\n".join(f"::: {name}{more}" for name in names)


def _find_nearest(cls: type, bases: list[type]) -> type | None:
    return next((ancestor for ancestor in cls.__mro__ if ancestor in bases), None)


def list_built_ins() -> list[type]:
    """The built-in components, in the order in which they are registered."""
    own = Registry(None)
    builtin.hcl_register(own)
    return [registry.get(entry.kind, entry.name) for entry in own.close() if entry.kind in COMPONENT_KINDS]


def get_public_name(cls: type) -> str:
    """Return the name that a built-in component is imported by: from ``hcl_sdk``, or from the package of its kind."""
    package = "hcl_sdk" if cls.__name__ in dir(hcl_sdk) else ".".join(cls.__module__.split(".")[:2])
    return f"{package}.{cls.__name__}"


def _tabulate_commands() -> str:
    return "\n\n".join(_group(main, click.Context(main, info_name="hcl", **main.context_settings)))


def _group(group: click.Group, parent: click.Context) -> Iterator[str]:
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=parent)
        usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
        yield f"## {context.command_path}"
        yield f"```text\n{usage}\n```"
        yield inspect.cleandoc(command.help or "")
        records = (parameter.get_help_record(context) for parameter in command.get_params(context))
        rows = [record for record in records if record and record[1]]
        yield "\n".join(["| option | |", "|---|---|", *(f"| `{o}` | {_escape_cell(text)} |" for o, text in rows)])
        if isinstance(command, click.Group):
            yield from _group(command, context)


def _tabulate_checks() -> str:
    """A table of all checks, and of the kinds that they are made of."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for kind in KINDS_AND_WEIGHTS:
        for check in list_checks(kind):
            kinds.setdefault((check.name, check.description), []).append(kind)
    rows = (f"| `{name}` | {_escape_cell(text)} | {', '.join(of)} |" for (name, text), of in kinds.items())
    return "\n".join(["| check | | kinds |", "|---|---|---|", *rows])


def _escape_cell(text: str) -> str:
    return re.sub(r"([|\[\]*_])", r"\\\1", html.escape(re.sub(" +", " ", text), quote=False))
