"""hcl_sdk's conformance kit, on timm's models for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hcl_timm.encoder import TimmEncoder

from hcl_sdk.testing import parametrize_with_checks


def make_resnet() -> TimmEncoder:
    # At first, timm's residual branches are multiplied by zero, so that nothing in them has a gradient.
    return TimmEncoder(config={"architecture": "test_resnet", "zero_init_last": False})


def make_frozen_vit() -> TimmEncoder:
    return TimmEncoder(model="test_vit", pretrained=False, frozen=True)


def make_efficientnet() -> TimmEncoder:
    return TimmEncoder(model="test_efficientnet", pretrained=False, out_indices=(1, 2, 3))


@parametrize_with_checks([make_resnet, make_frozen_vit, make_efficientnet])
def test_conformance(factory: Callable[[], Any], check: Callable[[Any], None]) -> None:
    check(factory)
