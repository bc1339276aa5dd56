"""A photo and a mask for tests of results, and reading what was saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def draw_two_boxes(height: int = 40, width: int = 60) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[4:14, 5:25] = True
    mask[30:34, 50:53] = True
    return mask


def draw_noise(height: int = 40, width: int = 60) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def read_pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)
