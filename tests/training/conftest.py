"""What the tests of training share: photos that are quick to make, and runs that take a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from photo_files import draw_soft_photos
from runs import RunConfig

from hcl_sdk.config import override


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of twelve photos of soft colors."""
    return draw_soft_photos(tmp_path_factory.mktemp("photos"), 12, size=(50, 40), patches=(5, 4))


@pytest.fixture(scope="session")
def run_config(photos: Path) -> RunConfig:
    """Makes the configuration of a small run of both parts; assignments as on the command line change it."""

    def make(*assignments: str) -> dict[str, Any]:
        folder = {"use": "folder", "path": str(photos)}
        rule = {"shapes": ["rectangles", "blobs"], "contents": ["noise", "photo"]}
        corruption = {"rules": [rule], "clean": 0.1, "full": 0.1}
        config: dict[str, Any] = {
            "pipeline": {
                "detector": {
                    "encoder": {"use": "convnext", "channels": [4, 6], "depths": [1, 1], "kernel_size": 3},
                    "interaction": "top-down",
                    "head": {"use": "projection", "dim": 4},
                    "clusterer": "soft-kmeans",
                },
                "restorer": {"use": "gated-unet", "dim": 4, "multipliers": [1, 2]},
            },
            "data": {"dataset": folder, "corruption": corruption, "size": 16, "workers": 0},
            "detection": {"losses": ["hierarchical", "classifier"]},
            "restoration": {"losses": ["l1"]},
            "optimization": {"lr": 0.01, "warmup": 2},
            "steps": 4,
            "batch_size": 4,
            "log_every": 1,
            "save_every": 1,
        }
        return override(config, assignments)

    return make
