"""The weights load, are what the README says, and find what they were trained for in photos they never saw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data
from skimage.transform import resize
from torchmetrics.functional.classification import binary_average_precision

from hcl_sdk import Pipeline
from hcl_sdk.plugins import registry
from hcl_sdk.testing import check_weights, run_page

README = Path(__file__).parent.parent / "README.md"


@pytest.fixture(scope="module")
def research() -> Pipeline:
    return Pipeline.from_pretrained("hcl-weights/research", device="cpu")


def crop_photo(name: str) -> np.ndarray:
    """One of scikit-image's, 256 x 256."""
    pixels = getattr(data, name)()
    side = min(pixels.shape[:2])
    scaled = np.asarray(resize(pixels[:side, :side], (256, 256), anti_aliasing=True))
    return (scaled * 255).round().astype(np.uint8)


def test_conformance() -> None:
    check_weights("hcl-weights/research")


def test_the_name_alone_is_enough_and_its_folder_is_in_the_package(research: Pipeline) -> None:
    folder = registry.find_weights_source("research")
    assert isinstance(folder, Path)
    assert folder.parent.name == "hcl_weights"
    assert Pipeline.from_pretrained("research", device="cpu").to_config() == research.to_config()


def test_it_is_contrast_and_clusters_without_a_restorer(research: Pipeline) -> None:
    config = research.to_config()["detector"]
    assert config["clusterer"]["use"] == "soft-kmeans"
    assert config["settle"] == 0.95
    assert research.restorer is None


@pytest.mark.parametrize(("base", "pasted"), [("astronaut", "coffee"), ("coffee", "astronaut"), ("chelsea", "coffee")])
def test_parts_of_other_photos_are_found(research: Pipeline, base: str, pasted: str) -> None:
    image, truth = crop_photo(base).copy(), np.zeros((256, 256), dtype=np.bool_)
    truth[60:190, 80:210] = True
    image[truth] = crop_photo(pasted)[truth]
    confidence = research.detect(image).confidence
    precision = binary_average_precision(confidence.flatten(), torch.from_numpy(truth).flatten().int())
    assert float(precision) > 0.9  # 0.26 by chance


def test_python_of_the_readme_runs_and_prints_the_shown_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_page(README) == 1
