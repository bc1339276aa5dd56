from __future__ import annotations

import io

from rich.console import Console

from hcl_sdk.cli._tables import Table, draw, write_plain

TABLE = Table(
    title="plugins",
    header=("name", "status", "number", "gives"),
    rows=[("hcl-one", "ok", "1.5", "a, " * 60 + "end"), ("hcl-two", "broken", "-", "[bold]b")],
)


def test_plain_lines_fit_and_lose_nothing() -> None:
    lines = write_plain(TABLE, "and a note").splitlines()
    assert max(map(len, lines)) <= 120
    assert lines[0] == "plugins"
    column = lines[1].index("gives")
    begin, end = (next(i for i, line in enumerate(lines) if name in line) for name in ("hcl-one", "hcl-two"))
    assert end > begin + 1
    assert all(line[:column].strip() == "" for line in lines[begin + 1 : end])
    assert " ".join(line[column:] for line in lines[begin:end]).split() == ["a,"] * 60 + ["end"]
    assert lines[-2:] == ["", "and a note"]


def test_tables_of_equally_many_columns_are_aligned() -> None:
    one, other = Table(rows=[("a", "b")]), Table(rows=[("longer", "c")])
    assert write_plain(one, other) == "a       b\n\nlonger  c"


def test_a_terminal_gets_color_and_all_of_the_text() -> None:
    colored, plain = io.StringIO(), io.StringIO()
    draw(Console(file=colored, force_terminal=True, width=60, color_system="standard"), TABLE, "and [a] note")
    assert "\x1b[" in colored.getvalue()
    draw(Console(file=plain, force_terminal=False, width=60), TABLE, "and [a] note")
    text = plain.getvalue()
    assert "\x1b[" not in text
    assert max(map(len, text.splitlines())) <= 60
    assert text.count("a,") == 60
    for words in ("plugins", "hcl-one", "broken", "[bold]b", "and [a] note"):
        assert words in text
