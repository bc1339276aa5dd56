"""Small photo files, and what is in folders of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 30, 22


def draw(path: str | Path, seed: int = 0, mode: str = "RGB", size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    """A picture file of noise with a bright box in it."""
    values = np.random.default_rng(seed).integers(0, 100, (size[1], size[0], 3), dtype=np.uint8)
    values[5:12, 8:20] = (250, 20, 240)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).convert(mode).save(path)
    return path


def draw_mask(path: str | Path, box: tuple[int, int, int, int] = (3, 4, 9, 8)) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    left, top, right, bottom = box
    mask[top:bottom, left:right] = True
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)
    return mask


def pixels(path: str | Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def files(folder: str | Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()}


def contents(folder: str | Path) -> dict[str, bytes]:
    return {name: (Path(folder) / name).read_bytes() for name in files(folder)}
