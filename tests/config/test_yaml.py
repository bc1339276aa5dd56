"""YAML <-> plain mappings."""

from __future__ import annotations

import contextlib
import math
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hcl_sdk.config import ConfigError, dump_yaml, load_yaml

finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E+3", 1000.0),
        ("-.5", -0.5),
        ("1.", 1.0),
        (".inf", math.inf),
        ("10", 10),
        ("-7", -7),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("No", "No"),
        ("y", "y"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("2024-01-01", "2024-01-01"),
        ("1e", "1e"),
        ("'1'", "1"),
        ("<<", "<<"),
        ("[1, on, 1e1]", [1, "on", 10.0]),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: Any) -> None:
    read = load_yaml(f"key: {text}")["key"]
    assert (read, type(read)) == (value, type(value))


def test_not_a_number() -> None:
    assert math.isnan(load_yaml("key: .nan")["key"])
    assert math.isnan(load_yaml(dump_yaml({"key": math.nan}))["key"])


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), plain, max_size=4))
@example({"\x85": "a\u2028b\u2029", "\n": " a\n b ", "\t": "\ufeff"})
@settings(max_examples=50, deadline=None)
def test_yaml_round_trips(mapping: dict[str, Any]) -> None:
    again = load_yaml(dump_yaml(mapping))
    assert again == mapping
    assert repr(again) == repr(mapping)  # tells 1 from 1.0 and True, and the order


def test_strings_that_other_readers_would_convert_are_quoted() -> None:
    text = dump_yaml({"a": "off", "b": "1e-4", "c": "1:30", "d": "swin"})
    assert text == "{a: 'off', b: '1e-4', c: '1:30', d: swin}\n"


def test_shared_values_are_written_out() -> None:
    shared = [1, 2]
    assert dump_yaml({"a": shared, "b": shared}) == "a: [1, 2]\nb: [1, 2]\n"


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a: 1\nb: 2\na: 3", "line 3, column 1", "the key 'a' was already given in line 1"),
        ("x:\n  dim: 1\n  dim: 2", "line 3, column 3", "the key 'dim' was already given in line 2"),
        ("{a: 1, a: 2}", "line 1, column 8", "the key 'a' was already given in line 1"),
        ("a: [1, 2", "line 1, column 9", "expected"),
        ("a: 1\n b: 2", "line 2, column 3", "mapping values are not allowed here"),
        ("[a]: 1", "line 1, column 1", "expected a word as key"),
        ("a: !!python/object/apply:os.getcwd []", "line 1, column 4", "could not determine a constructor"),
        ("a: \x07", "", "not YAML"),
    ],
)
def test_invalid_yaml_is_reported_with_its_position(text: str, place: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_yaml(text)
    ((where, what),) = caught.value.problems
    assert where == place
    assert message in what
    assert "\n" not in what


@pytest.mark.parametrize("text", ["", "3", "[1, 2]", "- a\n- b", "two words\non two lines"])
def test_only_a_mapping_is_a_configuration(text: str) -> None:
    with pytest.raises(ConfigError, match="expected a mapping of keys to values"):
        load_yaml(text)


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    for text in ("", "# only a comment\n"):
        (tmp_path / "empty.yaml").write_text(text)
        with pytest.raises(ConfigError, match=r"empty\.yaml: expected a mapping of keys to values; it is empty$"):
            load_yaml(tmp_path / "empty.yaml")


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "my config.yaml"
    path.write_text("note: schön\n", encoding="utf-8")
    assert load_yaml(path) == load_yaml(str(path)) == {"note": "schön"}


def test_problems_of_a_file_name_it(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("a: 1\na: 2\n")
    with pytest.raises(ConfigError, match=re.escape(f"{path}, line 2, column 1: the key 'a'")):
        load_yaml(path)
    path.write_text("- a\n")
    with pytest.raises(ConfigError, match=re.escape(f"{path}: expected a mapping")):
        load_yaml(path)


@pytest.mark.parametrize("source", ["absent.yaml", Path("absent.yaml"), "absent"])
def test_a_file_that_is_not_there(source: str | Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no file 'absent"):
        load_yaml(source)


# Text from strangers


def place_and_message(text: str) -> Any:
    with pytest.raises(ConfigError) as caught:
        load_yaml(text)
    (problem,) = caught.value.problems
    return problem


def test_aliases_stand_for_equal_values() -> None:
    assert load_yaml("a: &x {b: [1, 2]}\nc: *x\nd: [*x, *x]") == {
        "a": {"b": [1, 2]},
        "c": {"b": [1, 2]},
        "d": [{"b": [1, 2]}] * 2,
    }


@pytest.mark.parametrize("levels", [5, 9, 30])
def test_exploding_aliases_are_refused(levels: int) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    place, message = place_and_message("\n".join(lines))
    assert re.fullmatch(r"line [56], column \d+", place)  # 9^5 is more than the limit: where that was found
    assert message == "more than 50,000 values, each alias counted as all that it stands for"


@pytest.mark.parametrize("text", ["a: &a {b: *a}", "a: &a [*a]", "&a {b: {c: [1, *a]}}"])
def test_a_value_cannot_contain_itself(text: str) -> None:
    place, message = place_and_message(text)
    assert place.startswith("line 1, column")
    assert message == "a value cannot contain itself"


@pytest.mark.parametrize("text", ["a: " + "[" * 5000, "a: " + "[" * 5000 + "]" * 5000, "{a: " * 100 + "1" + "}" * 100])
def test_depth_is_limited(text: str) -> None:
    assert place_and_message(text)[1] == "more than 60 levels"


def test_sixty_levels_are_read() -> None:
    value = load_yaml("a: " + "[" * 59 + "]" * 59)["a"]
    for _ in range(58):
        (value,) = value
    assert value == []


def test_size_is_limited(tmp_path: Path) -> None:
    text = "a: " + "x" * 1_000_000
    assert place_and_message(text) == ("", "expected at most 1,000,000 characters, got 1,000,003")
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(f"{path}: expected at most 1,000,000 characters, got 1,000,003")):
        load_yaml(path)
    path.write_text("a: " + "\N{GRINNING FACE}" * 1_100_000, encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(f"{path}: expected at most 1,000,000 characters")):
        load_yaml(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!bool maybe", "expected a value for !!bool, got 'maybe' (str)"),
        ('a: !!float ""', "expected a value for !!float, got '' (str)"),
        ("a: !!int x", "expected a value for !!int, got 'x' (str)"),
        ("a: !!timestamp never", "expected a value for !!timestamp, got 'never' (str)"),
        ("a: " + "9" * 5000, "expected a value for !!int, got '99999"),
        ("a: !!map x", "expected a mapping node, but found scalar"),
        ("a: !!set [x]", "expected a mapping node, but found sequence"),
    ],
)
def test_a_tag_that_does_not_fit_is_reported_with_its_place(text: str, message: str) -> None:
    place, found = place_and_message(text)
    assert place == "line 1, column 4"
    assert found.startswith(message)


def test_reading_does_not_wait_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match=r"pipe: this is not a regular file"):
        load_yaml(tmp_path / "pipe")


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"note: sch\xf6n\n")
    with pytest.raises(ConfigError, match=re.escape(f"{path}: expected text in UTF-8; invalid start byte at byte 9")):
        load_yaml(path)


@given(st.text(max_size=60) | st.text(alphabet="&*!{}[]:,-?|>'\"#%@`ab1 \n", max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_a_mapping_or_one_error(text: Any) -> None:
    with contextlib.suppress(ConfigError, FileNotFoundError):
        assert isinstance(load_yaml(text), dict)


def test_text_too_long_for_a_file_name_is_not_opened() -> None:
    for text in ("word" * 2000, "a\0b"):
        with pytest.raises((FileNotFoundError, ConfigError)):
            load_yaml(text)
