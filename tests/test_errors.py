"""What is said of other people's errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from hcl_sdk.errors import describe_error, locate_error


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
