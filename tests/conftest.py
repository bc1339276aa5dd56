"""What the tests share: small models that run in milliseconds."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import settings
from torch import nn

from hcl_sdk import ConvNeXtEncoder, Detector, GatedUNet, Pipeline, ProjectionHead, SoftKMeans, TopDownFusion

torch.set_num_threads(1)
settings.register_profile("hcl", deadline=None)  # a busy machine is not a failure
settings.load_profile("hcl")


@pytest.fixture(scope="session")
def make_detector() -> Callable[..., Detector]:
    """Makes a detector of three scales, strides 2, 4 and 8, with weights drawn for a seed; fields may be given."""

    def make(*, weights: int = 0, **fields: Any) -> Detector:
        with torch.random.fork_rng():
            torch.manual_seed(weights)
            parts: dict[str, Any] = {
                "encoder": ConvNeXtEncoder(channels=(6, 8, 10), depths=(1, 1, 1), kernel_size=3),
                "interaction": TopDownFusion(),
                "head": ProjectionHead(dim=6),
                "clusterer": SoftKMeans(),
            }
            return Detector(**(parts | fields)).eval()

    return make


@pytest.fixture(scope="session")
def set_classifier() -> Callable[[Detector, float], None]:
    """Makes a detector's classifier give every center the same logit of *corrupted*."""

    @torch.no_grad()
    def set_(detector: Detector, logit: float) -> None:
        last = detector.clusterer.get_submodule("score.2")
        assert isinstance(last, nn.Linear)
        last.weight.zero_()
        last.bias.fill_(-logit)  # the classifier scores *valid*

    return set_


@pytest.fixture
def tiny_detector(make_detector: Callable[..., Detector]) -> Detector:
    """One of `make_detector`, as it comes."""
    return make_detector()


@pytest.fixture
def tiny_pipeline(make_detector: Callable[..., Detector]) -> Pipeline:
    """A detector that always finds two classes, and a gated U-Net, on the CPU."""
    detector = make_detector(clusterer=SoftKMeans(one_class=False))
    with torch.random.fork_rng():
        torch.manual_seed(1)
        restorer = GatedUNet(dim=4, multipliers=(1, 2))
    return Pipeline(detector, restorer, device="cpu")


@pytest.fixture(scope="session")
def pages() -> ModuleType:
    """The hook that prepares the pages of the documentation."""
    spec = importlib.util.spec_from_file_location("pages", Path(__file__).parents[1] / "docs" / "hooks" / "pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
