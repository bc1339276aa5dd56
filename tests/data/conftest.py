"""Miniature photos and masks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter


@pytest.fixture
def write_photo() -> Callable[..., Path]:
    """Writes a photo of smooth colors that depend on the seed, making the folders above it."""

    def write(path: Path, seed: int = 0, size: tuple[int, int] = (12, 16), **options: Any) -> Path:
        noise = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise).filter(ImageFilter.GaussianBlur(1)).save(path, **options)
        return path

    return write


@pytest.fixture
def write_mask() -> Callable[..., Path]:
    """Writes a mask with a white box, from row 2 to 5 and column 3 to 7, on black, or the other way round."""

    def write(path: Path, size: tuple[int, int] = (12, 16), inverted: bool = False) -> Path:
        mask = np.zeros(size, np.uint8)
        mask[2:6, 3:8] = 255
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(255 - mask if inverted else mask).save(path)
        return path

    return write
