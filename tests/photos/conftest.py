"""Miniature photos."""

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
