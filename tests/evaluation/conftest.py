"""What the tests of evaluation share: soft photos, and a small evaluation of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from evaluations import make_evaluation
from photo_files import draw_soft_photos

from hcl_sdk.evaluation import Evaluation


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_soft_photos(tmp_path_factory.mktemp("photos"), 7)


@pytest.fixture
def evaluation(photos: Path) -> Evaluation:
    return make_evaluation(photos)
