"""The conformance kit, on both restorers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hcl_opencv.navier_stokes import NavierStokes
from hcl_opencv.telea import Telea

from hcl_sdk.testing import parametrize_with_checks


@parametrize_with_checks([Telea, NavierStokes])
def test_conformance(factory: Callable[[], Any], check: Callable[[Any], None]) -> None:
    check(factory)
