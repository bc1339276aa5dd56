"""The conformance kit, on the tiny network that the package brings for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from hcl_lama.restorer import LaMa

from hcl_sdk.testing import parametrize_with_checks

torch.set_num_threads(1)


@parametrize_with_checks([LaMa])
def test_conformance(factory: Callable[[], Any], check: Callable[[Any], None]) -> None:
    check(factory)
