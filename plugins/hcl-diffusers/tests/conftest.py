"""What several tests use: the tiny pipeline, on disk. No test may depend on the network."""

from __future__ import annotations

import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # has to be known before the Hub's library is imported

import shutil

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with the tiny pipeline for inpainting; not to be changed."""
    from hcl_diffusers.example import write_example

    return write_example(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def own_model(model: str, tmp_path: Path) -> Path:
    """A folder with the tiny pipeline, to be changed."""
    return shutil.copytree(model, tmp_path / "model")
