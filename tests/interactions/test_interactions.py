"""What all interactions have to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from hcl_sdk import BidirectionalFusion, Identity, Interaction, Pyramid, PyramidSpec, ResidualFPN, TopDownFusion

SPEC = PyramidSpec(channels=(4, 8, 12), strides=(2, 4, 8))
ALL = {
    "top-down": lambda scales: TopDownFusion(),
    "bidirectional": lambda scales: BidirectionalFusion(dim=5),
    "residual-fpn": lambda scales: ResidualFPN(
        channels=(4, 6, 8)[-scales:], attention=1, head_dim=4, depths=(2, 1, 3)[-scales:]
    ),
    "identity": lambda scales: Identity(),
}


@pytest.fixture(params=list(ALL))
def make(request: pytest.FixtureRequest) -> Callable[..., Any]:
    def make_bound(seed: int = 0, spec: PyramidSpec = SPEC) -> Interaction:
        torch.manual_seed(seed)
        return ALL[request.param](len(spec)).bind(spec).eval()

    return make_bound


def pyramid(height: int, width: int, batch: int = 2, spec: PyramidSpec = SPEC) -> Pyramid:
    return Pyramid(
        maps=tuple(
            torch.randn(batch, c, -(-height // s), -(-width // s))
            for c, s in zip(spec.channels, spec.strides, strict=True)
        ),
        spec=spec,
    )


def test_a_single_scale_works(make: Callable[..., Any]) -> None:
    spec = PyramidSpec(channels=(6,), strides=(4,))
    interaction, incoming = make(spec=spec), pyramid(9, 9, spec=spec)
    assert interaction(incoming).maps[0].shape == (2, interaction.spec.channels[0], 3, 3)


def test_bidirectional_lets_every_scale_see_every_other() -> None:
    torch.manual_seed(0)
    fusion, incoming = BidirectionalFusion(dim=5).bind(SPEC), pyramid(32, 32, batch=1)
    for s in range(3):
        leaves = [m.clone().requires_grad_() for m in incoming.maps]
        fusion(incoming.with_maps(leaves)).maps[s].sum().backward()
        assert all(leaf.grad is not None and leaf.grad.abs().max() > 0 for leaf in leaves)


def test_identity_changes_nothing() -> None:
    incoming = pyramid(9, 9)
    assert all(torch.equal(a, b) for a, b in zip(Identity().bind(SPEC)(incoming).maps, incoming.maps, strict=True))


def test_more_blocks_of_a_residual_fpn_see_farther() -> None:
    spec = PyramidSpec(channels=(4,), strides=(8,))
    for depth in (1, 3):
        torch.manual_seed(0)
        fpn = ResidualFPN(channels=(8,), attention=0, depths=(depth,)).bind(spec).eval()
        incoming = torch.randn(1, 4, 1, 30)
        moved = incoming.clone()
        moved[..., 0] += 1
        before, after = (fpn(Pyramid(maps=(m,), spec=spec)).maps[0] for m in (incoming, moved))
        assert (before != after).any(dim=1).nonzero()[-1, -1] == 2 * depth  # two 3x3 convolutions a block


def test_residual_fpn_compares_distant_positions() -> None:
    spec = PyramidSpec(channels=(4,), strides=(8,))
    for scales, expected in ((0, False), (1, True)):
        torch.manual_seed(0)
        fpn = ResidualFPN(channels=(8,), attention=scales, head_dim=4).bind(spec).eval()
        incoming = torch.randn(1, 4, 9, 30)
        moved = incoming.clone()
        moved[..., 0] += 1  # beyond the reach of two 3x3 convolutions from the last column
        before, after = (fpn(Pyramid(maps=(m,), spec=spec)).maps[0][..., -1] for m in (incoming, moved))
        assert bool((before != after).any()) is expected


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"channels": (4, 8)}, "makes 2 scales; the pyramid has 3"),
        ({"channels": (4, 8, 12), "head_dim": 4, "depths": (1, 2)}, "'depths' must have as many .* 3, or none; got 2"),
        ({"channels": (4, 8, 12), "head_dim": 8}, "head_dim=8 must divide the channels of the 1 coarsest scales"),
    ],
)
def test_residual_fpn_refuses_mismatched_inputs(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ResidualFPN(**fields).bind(SPEC)
