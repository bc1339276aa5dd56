"""Two exported pipelines, made once: tracing takes long, the published composition's so long that it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from hcl_onnx.export import Difference, export

from hcl_sdk import (
    AnchoredKMeans,
    BidirectionalFusion,
    Detector,
    GatedUNet,
    PartialSwinRestorer,
    Pipeline,
    ProjectionHead,
    ResNetEncoder,
    SoftKMeans,
    SwinEncoder,
    TopDownFusion,
    Verdict,
)

Exported = tuple[Pipeline, Path, list[Difference]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="export the published composition and large fills, too")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: runs with --slow alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow"):
        return
    skipped = pytest.mark.skip(reason="its export takes a minute: pytest --slow")
    for item in items:
        parameters = getattr(item, "callspec", None) and item.callspec.params  # pyright: ignore[reportAttributeAccessIssue]
        is_published = "published" in (*getattr(item, "fixturenames", ()), (parameters or {}).get("exported"))
        if is_published or item.get_closest_marker("slow"):
            item.add_marker(skipped)


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A small composition with the clusterer and the verdict of the default weights."""
    torch.manual_seed(0)
    clusterer = AnchoredKMeans()
    detector = Detector(
        encoder=ResNetEncoder(channels=(8, 8), depths=(1, 0)),
        interaction=BidirectionalFusion(dim=8),
        head=ProjectionHead(dim=8),
        clusterer=clusterer,
        settle=0.0,
        upsampling="bilinear",
        verdict=Verdict(dim=4, calibration=(0.5, 0.7, 1.0)),
    ).eval()
    assert detector.verdict is not None
    with torch.no_grad():  # there is damage, and half of the pixels lie on either side
        cast(Any, detector.verdict.judge)[-1].bias.fill_(4.0)
        confidence = detector(torch.rand(1, 3, 64, 64)).confidence
        clusterer.bias.sub_(torch.logit(confidence.median()))
    restorer = GatedUNet(dim=4, multipliers=(1, 2))
    pipeline = Pipeline(
        detector,
        restorer,
        detection_size=60,
        context_size=40,
        restoration_size=50,
        threshold=0.5115,  # no confidence in these tests is so near that rounding decides
        sensitivity=0.53,
        dilate=1,
        feather=2,
    )
    folder = tmp_path_factory.mktemp("plain")
    return pipeline, folder, export(pipeline, folder)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The published composition, small: draws, settling from coarse to fine, images of one class, features."""
    torch.manual_seed(8)
    clusterer = SoftKMeans(iterations=2, repeats=2)
    detector = Detector(
        encoder=SwinEncoder(dim=4, multipliers=(1, 2), depths=(2, 1), window_sizes=(4, 4)),
        interaction=TopDownFusion(),
        head=ProjectionHead(dim=8),
        clusterer=clusterer,
    ).eval()
    image = torch.rand(1, 3, 40, 56)
    with torch.no_grad():
        # At random, all embeddings point the same way; and the classifier finds one class in every image.
        maps = detector.interaction(detector.encoder(image)).maps
        for project, features in zip(cast(Any, detector.head.projections), maps, strict=True):
            project[-1].bias -= project(features).mean(dim=(0, 2, 3))
        logits = detector(image).scales[-1].logits
        assert logits is not None
        cast(Any, clusterer.score)[-1].bias += logits.mean()
    restorer = PartialSwinRestorer(
        depths=(1, 1),
        window_sizes=(4, 4),
        heads=(1, 2),
        bottleneck_depth=1,
        bottleneck_window_size=4,
        refinement_dim=4,
        refinement_multipliers=(1,),
    )
    pipeline = Pipeline(detector, restorer, detection_size=48)
    folder = tmp_path_factory.mktemp("published")
    return pipeline, folder, export(pipeline, folder, seed=5)
