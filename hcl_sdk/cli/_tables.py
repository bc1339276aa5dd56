"""Tables: drawn by rich on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH = 120  # width of plain lines
_NAME = 40  # longer texts in the first column may be broken into lines
_STYLES = {"ok": "green", "broken": "bold red", "disabled": "yellow"}


@dataclass(frozen=True, kw_only=True)
class Table:
    """Cells of text.

    Attributes:
        rows: rows with the same number of cells.
        header: the names of the columns, if any.
        title: the line above the table.
    """

    rows: Sequence[Sequence[str]]
    header: Sequence[str] = ()
    title: str = ""


def is_terminal() -> bool:
    """Whether output goes to a terminal."""
    return sys.stdout.isatty()


def show(*parts: Table | str) -> None:
    """Print tables and lines of text, separated by empty lines."""
    if not is_terminal():
        click.echo(write_plain(*parts))
        return
    from rich.console import Console

    draw(Console(), *parts)


def draw(console: Console, *parts: Table | str) -> None:
    """Draw tables and lines of text as wide as the terminal."""
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    for i, part in enumerate(parts):
        if i:
            console.print()
        if isinstance(part, str):
            console.print(Text(part))
            continue
        drawn = RichTable(
            title=Text(part.title, style="bold") if part.title else None,
            title_justify="left",
            box=box.SIMPLE_HEAD if part.header else None,
            show_header=bool(part.header),
            header_style="bold",
            pad_edge=False,
        )
        numeric = [
            all(_is_number(row[c]) for row in part.rows)
            for c in range(len(part.rows[0]) if part.rows else len(part.header))
        ]
        for c, is_number in enumerate(numeric):
            name = part.header[c] if part.header else ""
            in_one_line = c == 0 and all(len(row[0]) <= _NAME for row in part.rows)
            drawn.add_column(Text(name), justify="right" if is_number else "left", overflow="fold", no_wrap=in_one_line)
        for row in part.rows:
            drawn.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
        console.print(drawn)


def _is_number(cell: str) -> bool:
    return cell.strip("-+.0123456789e%") == ""


def write_plain(*parts: Table | str) -> str:
    """Write the tables as plain lines; a long last column continues on the next lines.

    Tables with the same number of columns share their widths.
    """
    widths: dict[int, list[int]] = {}
    for part in parts:
        if isinstance(part, Table):
            rows = [*([part.header] if part.header else []), *part.rows]
            own = [max(map(len, column)) for column in zip(*rows, strict=True)]
            before = widths.get(len(own), [0] * len(own))
            widths[len(own)] = [max(pair) for pair in zip(own, before, strict=True)]
    blocks = []
    for part in parts:
        if isinstance(part, str):
            blocks.append(part)
            continue
        rows = [*([part.header] if part.header else []), *part.rows]
        indent = "  " if part.title else ""
        lines = [part.title] if part.title else []
        for row in rows:
            lines += _write_row(row, widths[len(row)], indent)
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _write_row(cells: Sequence[str], widths: Sequence[int], indent: str) -> list[str]:
    start = indent + "".join(f"{cell.ljust(width)}  " for cell, width in zip(cells[:-1], widths[:-1], strict=True))
    room = max(40, _WIDTH - len(start))
    lines = textwrap.wrap(cells[-1], room, break_long_words=False, break_on_hyphens=False) or [""]
    return [f"{start}{lines[0]}".rstrip(), *(" " * len(start) + line for line in lines[1:])]
