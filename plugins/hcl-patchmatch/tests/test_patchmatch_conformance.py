"""The conformance kit, on the restorer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hcl_patchmatch.patchmatch import PatchMatch

from hcl_sdk.testing import parametrize_with_checks


@parametrize_with_checks([PatchMatch])
def test_conformance(factory: Callable[[], Any], check: Callable[[Any], None]) -> None:
    check(factory)
