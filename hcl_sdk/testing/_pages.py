"""Testing the code on a page of documentation against what the page shows."""

from __future__ import annotations

import contextlib
import doctest
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PIECE = re.compile(
    r"^<!-- test: setup\n(?P<setup>.*?)^-->$"
    r"|(?:^<!-- test: (?P<options>[^\n]*) -->\n)?"
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=indent)```$",
    flags=re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced code block of a Markdown page, or a comment ``<!-- test: setup``, lines of Python, ``-->``.

    ``line`` is its first line; ``language`` is the word after the backticks, or ``setup``; ``options`` are those of a
    comment ``<!-- test: NAME=VALUE ... -->`` on the line before it.
    """

    line: int
    language: str
    code: str
    options: Mapping[str, str] = field(default_factory=dict)


def read_blocks(path: str | Path, language: str | None = None) -> list[Block]:
    """Read the code blocks of a Markdown page, in order: all, or those of a language.

    Raises:
        ValueError: if a comment ``<!-- test: ... -->`` has options that are not of the form ``NAME=VALUE``.
    """
    text = Path(path).read_text(encoding="utf-8")
    blocks = []
    for piece in PIECE.finditer(text):
        line = text.count("\n", 0, piece.start()) + 1
        if piece["setup"] is not None:
            blocks.append(Block(line=line, language="setup", code=piece["setup"]))
            continue
        code = re.sub(f"^{piece['indent']}", "", piece["code"], flags=re.MULTILINE)
        options = (piece["options"] or "").split()
        if wrong := [option for option in options if "=" not in option]:
            raise ValueError(f"{path}:{line}: expected <!-- test: NAME=VALUE ... -->, got {' '.join(wrong)}")
        blocks.append(
            Block(line=line, language=piece["language"], code=code, options=dict(o.split("=", 1) for o in options))
        )
    return [block for block in blocks if language in (None, block.language)]


def run_page(path: str | Path, names: Mapping[str, Any] | None = None) -> int:
    """Run the Python code of a page, and compare its output with the page.

    The blocks ``python`` and ``setup`` run in order in one namespace and in the current folder; a block ``text`` is the
    output of the last of them before it, with ``...`` for anything that varies.

    Args:
        path: a Markdown page, such as a package's README.
        names: names that are defined for the code.

    Returns:
        The number of blocks of text that were compared.

    Raises:
        AssertionError: if the output differs, or the page has no block of text.
    """
    namespace: dict[str, Any] = {"__name__": "__page__", **(names or {})}
    printed, shown = "", 0
    for block in read_blocks(path):
        if block.language in ("python", "setup"):
            printed = run_block(block, path, namespace)
        elif block.language == "text":
            compare(block, printed)
            shown += 1
    if not shown:
        raise AssertionError(f"{path}: no block of text shows what the Python prints")
    return shown


def run_block(block: Block, path: str | Path, namespace: dict[str, Any]) -> str:
    """Run a block of Python code, and return its output."""
    # The padding gives tracebacks the line numbers of the page.
    code = compile("\n" * block.line + block.code, str(path), "exec", dont_inherit=True)
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(code, namespace)
    return output.getvalue()


def compare(block: Block, printed: str, flags: int = doctest.ELLIPSIS) -> None:
    """Raise AssertionError if the output differs from the block, according to doctest's option flags."""
    if not doctest.OutputChecker().check_output(block.code, printed, flags):
        raise AssertionError(f"line {block.line}: the page shows\n{block.code}\nbut this was printed:\n{printed}")
