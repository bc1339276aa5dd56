"""Prepares pages: the help of every command goes where a page asks for it, and what is there for the tests goes."""

from __future__ import annotations

import html
import inspect
import re
from typing import Any

import click

from hcl_sdk.cli import main

MARKER = "<!-- the help of every command -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for every page."""
    markdown = re.sub(r"^<!-- (test|fmt): .*?-->\n", "", markdown, flags=re.DOTALL | re.MULTILINE)
    return markdown.replace(MARKER, _commands()) if MARKER in markdown else markdown


def _commands() -> str:
    parts = []
    group = click.Context(main, info_name="hcl", **main.context_settings)
    for name in main.list_commands(group):
        command = main.get_command(group, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=group)
        usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
        text = inspect.cleandoc(command.help or "")
        parts += [f"## hcl {name}", f"```text\n{usage}\n```", text]
        records = (parameter.get_help_record(context) for parameter in command.get_params(context))
        rows = [record for record in records if record and record[1]]
        parts.append("\n".join(["| option | |", "|---|---|", *(f"| `{o}` | {_cell(text)} |" for o, text in rows)]))
    return "\n\n".join(parts)


def _cell(text: str) -> str:
    return re.sub(r"([|\[\]*_])", r"\\\1", html.escape(re.sub(" +", " ", text), quote=False))
