"""Limits of a page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hcl_gradio.limits import Limits


@pytest.mark.parametrize("name", ["megabytes", "megapixels", "photos", "visitors", "waiting", "minutes"])
@pytest.mark.parametrize(("value", "error"), [(0, ValueError), ("3", TypeError), (True, TypeError), (2.5, TypeError)])
def test_a_limit_is_a_whole_number_from_one_on(name: str, value: Any, error: type[Exception]) -> None:
    assert getattr(Limits(**{name: 1}), name) == 1
    with pytest.raises(error, match=re.escape(f"{name} must be a whole number >= 1; got {value!r}")):
        Limits(**{name: value})
