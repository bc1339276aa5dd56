"""What the tests of corruptions share: folders of masks and logos."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Folders of masks (white = corrupted) and logos, for what needs files."""
    masks, logos = tmp_path_factory.mktemp("masks"), tmp_path_factory.mktemp("logos")
    for i in range(3):
        pixels = np.zeros((40, 50), np.uint8)
        pixels[5 + i : 15, 10:30] = 255
        Image.fromarray(pixels).save(masks / f"{i}.png")
        logo = np.zeros((20, 30, 4), np.uint8)
        logo[4:16, 5:25, 3] = 255
        Image.fromarray(logo).save(logos / f"{i}.png")
    return {"irregular": masks, "logos": logos, "logo": logos}
