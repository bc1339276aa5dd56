"""Values set from the command line."""

from __future__ import annotations

from typing import Any

import pytest

from hcl_sdk.config import ConfigError, override


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("steps=10", {"data": {"size": 64}, "losses": ["l1", {"use": "x"}], "encoder": "swin", "steps": 10}),
        ("data.size=128", {"data": {"size": 128}, "losses": ["l1", {"use": "x"}], "encoder": "swin"}),
        ("encoder.dim=4", {"data": {"size": 64}, "losses": ["l1", {"use": "x"}], "encoder": {"use": "swin", "dim": 4}}),
        (
            "losses.1.weight=2.5",
            {"data": {"size": 64}, "losses": ["l1", {"use": "x", "weight": 2.5}], "encoder": "swin"},
        ),
        (
            "losses.0.weight=1",
            {"data": {"size": 64}, "losses": [{"use": "l1", "weight": 1}, {"use": "x"}], "encoder": "swin"},
        ),
        ("losses.0=[]", {"data": {"size": 64}, "losses": [[], {"use": "x"}], "encoder": "swin"}),
        (
            "a.b.c=d=e",
            {"data": {"size": 64}, "losses": ["l1", {"use": "x"}], "encoder": "swin", "a": {"b": {"c": "d=e"}}},
        ),
        ("data=", {"data": None, "losses": ["l1", {"use": "x"}], "encoder": "swin"}),
    ],
)
def test_a_copy_has_the_value(assignment: str, expected: dict[str, Any]) -> None:
    mapping = {"data": {"size": 64}, "losses": ["l1", {"use": "x"}], "encoder": "swin"}
    assert override(mapping, [assignment]) == expected
    assert mapping == {"data": {"size": 64}, "losses": ["l1", {"use": "x"}], "encoder": "swin"}


def test_later_assignments_see_earlier_ones() -> None:
    assert override({}, ["a.b=1", "a.c=2", "a.b=3"]) == {"a": {"b": 3, "c": 2}}


def test_all_that_is_wrong_is_reported_together() -> None:
    mapping = {"data": {"size": 64}, "losses": ["l1"]}
    assignments = [
        "steps",
        "=1",
        "a..b=1",
        "data.size.x=1",
        "losses.1=x",
        "losses.one=x",
        "losses.\u00b2=x",
        "y=[1",
        "z=1",
    ]
    with pytest.raises(ConfigError) as caught:
        override(mapping, assignments)
    assert dict(caught.value.problems) == {
        "steps": "expected key=value, where the key is names joined by dots",
        "=1": "expected key=value, where the key is names joined by dots",
        "a..b=1": "expected key=value, where the key is names joined by dots",
        "data.size.x=1": "data.size is 64 (int) and has no 'x'",
        "losses.1=x": "expected a number below 1, of an item of the list, got '1'",
        "losses.one=x": "expected a number below 1, of an item of the list, got 'one'",
        "losses.\u00b2=x": "expected a number below 1, of an item of the list, got '\u00b2'",
        "y, line 1, column 3": "while parsing a flow sequence expected ',' or ']', but got '<stream end>'",
    }
