"""The head that says what damage is."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hcl_sdk import DamageHead, Detector, Pyramid, PyramidSpec
from hcl_sdk.config import build, describe
from hcl_sdk.interfaces import DAMAGE


@given(height=st.integers(1, 40), width=st.integers(1, 40), finest=st.integers(0, 5))
def test_logits_of_every_kind_at_one_scale(height: int, width: int, finest: int) -> None:
    spec = PyramidSpec(channels=(3, 4, 5), strides=(1, 2, 8))
    maps = [torch.rand(2, c, -(-height // s), -(-width // s)) for c, s in zip(spec.channels, spec.strides, strict=True)]
    logits = DamageHead(dim=4, finest=finest).bind(spec)(Pyramid(maps=tuple(maps), spec=spec))
    assert logits.shape == (2, len(DAMAGE), *maps[min(finest, 2)].shape[-2:])
    assert logits.isfinite().all()


def test_every_scale_from_the_finest_that_is_looked_at_counts() -> None:
    spec = PyramidSpec(channels=(2, 2, 2), strides=(1, 2, 4))
    maps = tuple(torch.rand(1, 2, 8 // s, 8 // s, requires_grad=True) for s in spec.strides)
    DamageHead(dim=4).bind(spec)(Pyramid(maps=maps, spec=spec)).sum().backward()
    assert [m.grad is not None and bool(m.grad.abs().max() > 0) for m in maps] == [False, True, True]


def test_a_detector_that_knows_kinds_finds_the_same_as_one_that_does_not(
    make_detector: Callable[..., Detector],
) -> None:
    image = torch.rand(2, 3, 33, 20, generator=torch.Generator().manual_seed(0))
    without = make_detector()
    with torch.no_grad():
        alone, both = without(image), attrs.evolve(without, damage_head=DamageHead(dim=4)).eval()(image)
    assert alone.damage_logits is None
    assert both.damage_logits is not None
    assert both.damage_logits.shape == (2, 6, 9, 5)
    assert torch.equal(alone.confidence, both.confidence)


def test_a_detector_without_one_has_the_tensors_that_it_had(make_detector: Callable[..., Detector]) -> None:
    detector = make_detector()
    names = set(detector.state_dict())
    knowing = attrs.evolve(detector, damage_head=DamageHead(dim=4))
    assert {name for name in knowing.state_dict() if not name.startswith("damage_head.")} == names


def test_it_is_written_as_its_fields_alone(make_detector: Callable[..., Detector]) -> None:
    described = describe(make_detector(damage_head=DamageHead(dim=4)), Detector)
    assert described["damage_head"] == {"dim": 4, "finest": 1}
    assert describe(build(described, Detector), Detector) == described
    assert build({**described, "damage_head": None}, Detector).damage_head is None
    del described["damage_head"]  # as configurations were before
    assert build(described, Detector).damage_head is None


def test_it_is_bound_to_one_pyramid(make_detector: Callable[..., Detector]) -> None:
    head = make_detector(damage_head=DamageHead()).damage_head
    assert head is not None
    with pytest.raises(ValueError, match="already bound"):
        head.bind(PyramidSpec(channels=(1,), strides=(1,)))
