"""How names, and other people's errors, are shown in messages."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hcl_sdk.errors import describe_error, escape, locate_error


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no message")


def test_a_message_that_cannot_be_shown() -> None:
    assert describe_error(MuteError()) == "MuteError: (its message cannot be shown: RuntimeError)"


def test_it_is_one_line_of_limited_length() -> None:
    error = ValueError("one\n two\t three.")
    assert describe_error(error) == "ValueError: one two three."
    assert describe_error(error, limit=13) == "ValueError: one two three"
    assert describe_error(error, limit=12) == "ValueError: one two t..."
    assert len(describe_error(OSError("x" * 1000), limit=240)) == len("OSError: ") + 240
    assert describe_error(SystemExit()) == "SystemExit"


def test_the_place_is_in_other_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "module_of_test_errors.py").write_text("\ndef fail():\n    1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    from module_of_test_errors import fail  # pyright: ignore[reportMissingImports]

    with pytest.raises(ZeroDivisionError) as caught:
        fail()
    assert locate_error(caught.value) == f" ({tmp_path / 'module_of_test_errors.py'}:3)"
    assert locate_error(ValueError("not raised")) == ""


@given(st.binary(max_size=20).map(os.fsdecode))
def test_any_name_is_shown_on_one_line_without_control_characters(name: str) -> None:
    shown = escape(name)
    assert shown.encode("utf-8").decode() == shown
    assert len(shown.splitlines()) <= 1
    assert not any(unicodedata.category(character) == "Cc" for character in shown)
    assert escape(shown) == shown


def test_names_of_text_are_shown_as_they_are() -> None:
    assert escape("caf\xe9/\u5199\u771f 1.png") == "caf\xe9/\u5199\u771f 1.png"
    assert escape("a\n\x1b[31mb\x9b\udce9") == r"a\n\x1b[31mb\x9b\udce9"
