"""Input and parts that a detector refuses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import hcl_sdk
from hcl_sdk import (
    Clusters,
    ConvNeXtEncoder,
    Detector,
    ProjectionHead,
    Pyramid,
    PyramidSpec,
)

MakeDetector = Callable[..., Detector]


@pytest.mark.parametrize(
    ("image", "mask", "error", "message"),
    [
        (torch.rand(3, 8, 8), None, ValueError, r"must be \[B, 3, H, W\].*\(3, 8, 8\)"),
        (torch.rand(1, 1, 8, 8), None, ValueError, r"\(1, 1, 8, 8\)"),
        (torch.rand(1, 3, 0, 8), None, ValueError, "at least one pixel"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), None, TypeError, "floating-point.*uint8"),
        (torch.rand(2, 3, 8, 8), torch.zeros(2, 1, 8, 8), TypeError, "bool"),
        (torch.rand(2, 3, 8, 8), torch.zeros(1, 1, 8, 8, dtype=torch.bool), ValueError, r"\[2, 1, 8, 8\]"),
        (torch.rand(2, 3, 8, 8), torch.zeros(2, 1, 4, 8, dtype=torch.bool), ValueError, r"\[2, 1, 4, 8\]"),
    ],
)
def test_wrong_input_is_refused(
    tiny_detector: Detector, image: Tensor, mask: Tensor | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        tiny_detector(image, corruption_mask=mask)
    if mask is not None:
        with pytest.raises(error, match=message):
            tiny_detector.encode_mask(image, mask)


@pytest.mark.parametrize("settle", [1.5, -0.1, (1.0, 2.0, 0.5)])
def test_settle_has_to_be_a_share(settle: Any) -> None:
    with pytest.raises(ValueError, match="share from 0 to 1"):
        Detector(settle=settle)


def test_parts_that_do_not_fit_are_refused_when_put_together(make_detector: MakeDetector) -> None:
    with pytest.raises(ValueError, match="each of the 3 scales of ConvNeXtEncoder"):
        make_detector(settle=(1.0, 0.5))
    used = make_detector()
    with pytest.raises(ValueError, match=r"ProjectionHead is already bound"):
        make_detector(head=used.head, encoder=ConvNeXtEncoder(channels=(4, 4), depths=(1, 1)))
    with pytest.raises(ValueError, match="quarter"):
        make_detector(encoder=ConvNeXtEncoder(channels=(4, 2), depths=(1, 1)))
    with pytest.raises(TypeError, match="encoder"):
        make_detector(encoder=ProjectionHead())


def test_an_interaction_that_changes_the_scales_is_refused_when_put_together() -> None:
    @hcl_sdk.component
    class Dropping(hcl_sdk.Interaction):
        def build(self, spec: PyramidSpec) -> None:
            self._spec = hcl_sdk.PyramidSpec(channels=spec.channels[1:], strides=spec.strides[1:])

        @property
        def spec(self) -> PyramidSpec:
            return self._spec

        def forward(self, pyramid: Pyramid) -> Pyramid:
            return pyramid.with_maps(pyramid.maps[1:])

    with pytest.raises(ValueError, match=r"must keep the strides of the encoder, \(2, 4\); Dropping makes them \(4,\)"):
        hcl_sdk.Detector(
            encoder=hcl_sdk.ConvNeXtEncoder(channels=(4, 8), depths=(1, 1)),
            interaction=Dropping(),
            head=hcl_sdk.ProjectionHead(dim=4),
        )


def _with_clusters(change: Any) -> dict[str, Any]:
    """A clusterer whose answer is changed by ``change``."""

    @hcl_sdk.component
    class Changed(hcl_sdk.Prototypes):
        def forward(self, embedding: Tensor, candidates: Tensor, *, seed: int = 0) -> Pyramid:  # pyright: ignore[reportIncompatibleMethodOverride]
            return change(super().forward(embedding, candidates, seed=seed))

    return {"clusterer": Changed()}


def _with_maps(change: Any) -> dict[str, Any]:
    """An encoder whose answer is changed by ``change``."""

    @hcl_sdk.component
    class Changed(hcl_sdk.ResNetEncoder):
        def forward(self, image: Tensor) -> Pyramid:
            return change(super().forward(image))

    return {"encoder": Changed(channels=(4, 8), depths=(0, 0))}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (_with_maps(lambda p: p.maps), r"must return a Pyramid of maps .*; got \[2, 4, 8, 10\], \[2, 8, 4, 5\]$"),
        (_with_maps(lambda p: p.with_maps([m[..., ::2, ::2] for m in p.maps])), r"maps .*4, 8, 10.*got .*4, 4, 5"),
        (
            _with_maps(lambda p: p.with_maps([m[:, :2] for m in p.maps])),
            r"Changed\.forward must return a Pyramid of maps",
        ),
        (
            _with_maps(lambda p: Pyramid(maps=p.maps[:1], spec=p.spec)),
            r"Changed\.forward must return a Pyramid of maps",
        ),
        (_with_maps(lambda p: None), "got a NoneType"),
        (_with_clusters(lambda c: None), r"Changed\.forward must return Clusters .*got a NoneType"),
        (
            _with_clusters(lambda c: Clusters(centers=c.centers, assignment=c.assignment.repeat(1, 2, 1, 1))),
            r"assignment \[2, 1, 4, 5\]; got .*\[2, 2, 4, 5\]",
        ),
        (
            _with_clusters(lambda c: Clusters(centers=c.centers.repeat(1, 2, 1), assignment=c.assignment)),
            r"centers \[2, 2, 4\]",
        ),
        (
            _with_clusters(lambda c: Clusters(centers=c.centers, assignment=c.assignment + 2)),
            r"confidence must lie in \[0, 1\]",
        ),
        (
            _with_clusters(lambda c: Clusters(centers=c.centers, assignment=c.assignment * math.nan)),
            r"confidence must lie in \[0, 1\]",
        ),
    ],
)
def test_a_part_that_returns_something_else_than_it_says_is_named(parts: Any, message: str) -> None:
    usual = {"encoder": hcl_sdk.ResNetEncoder(channels=(4, 8), depths=(0, 0)), "clusterer": hcl_sdk.Prototypes()}
    detector = hcl_sdk.Detector(**{**usual, **parts}, head=hcl_sdk.ProjectionHead(dim=4), settle=0.0).eval()
    with pytest.raises(ValueError, match=message):
        detector(torch.rand(2, 3, 16, 20))
