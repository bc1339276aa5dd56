import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hcl_sdk.data.files import match_files

names = st.lists(st.text("ab1", min_size=1, max_size=3), unique=True, min_size=1, max_size=6)


@given(names, names)
@example(["a"], ["a"])
def test_files_are_matched_by_name_or_all_that_lack_a_counterpart_are_named(one: list[str], other: list[str]) -> None:
    files = {"rain": [f"{name}_r.png" for name in one], "clean": [f"{name}.jpg" for name in other]}
    if set(one) == set(other):
        common, found = match_files(files, {"rain": "_r"})
        assert set(common) == set(one)
        assert found == {"rain": [f"{n}_r.png" for n in common], "clean": [f"{n}.jpg" for n in common]}
        return
    with pytest.raises(ValueError, match="do not match") as raised:
        match_files(files, {"rain": "_r"})
    message = str(raised.value).replace(";", ",").replace(":", ",") + ","
    for name in set(one) - set(other):
        assert f" {name}_r.png," in message or "more," in message
    for name in set(other) - set(one):
        assert f" {name}.jpg," in message or "more," in message


def test_files_of_the_same_name_and_without_their_ending_are_named() -> None:
    with pytest.raises(ValueError, match=r"clean of the same name: a.png and a.jpg") as raised:
        match_files({"rain": ["a_r.png", "b.png"], "clean": ["a.png", "a.jpg"]}, {"rain": "_r"})
    assert "rain not named ..._r: b.png" in str(raised.value)


def test_a_long_list_of_problems_is_cut_short() -> None:
    with pytest.raises(ValueError, match="and 995 more"):
        match_files({"damaged": [f"{i}.png" for i in range(1000)], "clean": ["x.png"]}, {})
