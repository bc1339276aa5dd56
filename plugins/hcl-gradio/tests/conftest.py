"""A server with the default weights, clients of it, and what the tests drop on the page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hcl_gradio import Limits, serve
from hcl_gradio.examples import write_examples
from hcl_gradio.work import Work
from PIL import Image

from hcl_sdk import (
    Detector,
    GatedUNet,
    Photo,
    Pipeline,
    ProjectionHead,
    Prototypes,
    ResNetEncoder,
    TopDownFusion,
)


@pytest.fixture(scope="session")
def pipeline() -> Pipeline:
    return Pipeline.from_pretrained("default", device="cpu")


@pytest.fixture(scope="session")
def tiny() -> Pipeline:
    """A pipeline of random weights, which is soon done."""
    torch.manual_seed(0)
    detector = Detector(
        encoder=ResNetEncoder(channels=(4, 8), depths=(1, 1)),
        interaction=TopDownFusion(),
        head=ProjectionHead(dim=4),
        clusterer=Prototypes(),
    )
    return Pipeline(detector, GatedUNet(dim=2, multipliers=(1,)), device="cpu")


@pytest.fixture
def work() -> Work:
    """A photo with regions of 200, 60 and 4 pixels, of which the detector is less and less sure."""
    rng = np.random.default_rng(0)
    work = Work(Photo.open(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)), "a photo.png")
    confidence = torch.zeros(1, 1, 40, 60)
    confidence[..., 4:14, 5:25] = 0.9
    confidence[..., 20:30, 40:46] = 0.7
    confidence[..., 35:37, 3:5] = 0.4
    work.confidence = confidence
    return work


@pytest.fixture(scope="session")
def address(pipeline: Pipeline) -> Iterator[str]:
    """Where a page listens whose limits are low enough to be passed by small files."""
    blocks = serve(pipeline, limits=Limits(megabytes=3, megapixels=2, photos=3), block=False)
    yield blocks.local_url.rstrip("/")
    blocks.close(verbose=False)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The three examples of the page, small."""
    paths = []
    for path, _ in write_examples(tmp_path_factory.mktemp("photos")):
        with Image.open(path) as image:
            image.resize((image.width // 2, image.height // 2)).save(path)
        paths.append(path)
    return paths


CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium in PATH, and CHROMIUM names none")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
