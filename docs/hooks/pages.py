"""Prepares pages: the help of every command and the table of checks go where a page asks for them.

What is there for the tests alone goes away.
"""

from __future__ import annotations

import html
import inspect
import re
from collections.abc import Iterator
from typing import Any

import click

from hcl_sdk.cli import main
from hcl_sdk.registry import KINDS_AND_WEIGHTS
from hcl_sdk.testing import checks_for

COMMANDS = "<!-- the help of every command -->"
CHECKS = "<!-- the checks of every kind -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for every page."""
    markdown = re.sub(r"^<!-- (test|fmt): .*?-->\n", "", markdown, flags=re.DOTALL | re.MULTILINE)
    for marker, text in ((COMMANDS, _commands), (CHECKS, _checks)):
        if marker in markdown:
            markdown = markdown.replace(marker, text())
    return markdown


def _commands() -> str:
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
        yield "\n".join(["| option | |", "|---|---|", *(f"| `{o}` | {_cell(text)} |" for o, text in rows)])
        if isinstance(command, click.Group):
            yield from _group(command, context)


def _checks() -> str:
    """A table of all checks, and of the kinds that they are made of."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for kind in KINDS_AND_WEIGHTS:
        for check in checks_for(kind):
            kinds.setdefault((check.name, check.description), []).append(kind)
    rows = (f"| `{name}` | {_cell(text)} | {', '.join(of)} |" for (name, text), of in kinds.items())
    return "\n".join(["| check | | kinds |", "|---|---|---|", *rows])


def _cell(text: str) -> str:
    return re.sub(r"([|\[\]*_])", r"\\\1", html.escape(re.sub(" +", " ", text), quote=False))
