"""Small photo files, and what is in folders of them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from hcl_sdk.folders.record import RECORD

WIDTH, HEIGHT = 30, 22


def draw(path: str | Path, seed: int = 0, mode: str = "RGB", size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    """A photo file of noise with a bright box in it."""
    values = np.random.default_rng(seed).integers(0, 100, (size[1], size[0], 3), dtype=np.uint8)
    values[5:12, 8:20] = (250, 20, 240)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).convert(mode).save(path)
    return path


def draw_soft(
    path: str | Path,
    seed: int | Sequence[int] = 0,
    *,
    size: tuple[int, int] = (60, 50),
    patches: tuple[int, int] = (6, 5),
) -> Path:
    """A photo of soft colors, as many patches wide and high, drawn into each other."""
    coarse = np.random.default_rng(seed).integers(256, size=(patches[1], patches[0], 3), dtype=np.uint8)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(path)
    return path


def draw_soft_photos(folder: Path, count: int, **options: Any) -> Path:
    """A folder of such photos, 0.png and so on; options as of `draw_soft`."""
    for i in range(count):
        draw_soft(folder / f"{i}.png", i, **options)
    return folder


def draw_gray(path: Path, value: int = 0, size: tuple[int, int] = (12, 8), **options: Any) -> None:
    """A photo of one gray value; options as of Pillow's ``save``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value, value)).save(path, **options)


def make_mask(area: float = 0.25, white: bool = True, size: tuple[int, int] = (12, 8)) -> Image.Image:
    """A mask of which the left part is corrupted, which is white, or else black."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    mask[:, : round(size[0] * area)] = 255
    return Image.fromarray(mask if white else 255 - mask)


def draw_mask(
    path: str | Path, box: tuple[int, int, int, int] = (3, 4, 9, 8), size: tuple[int, int] = (WIDTH, HEIGHT)
) -> np.ndarray:
    mask = np.zeros((size[1], size[0]), bool)
    left, top, right, bottom = box
    mask[top:bottom, left:right] = True
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)
    return mask


def write_shard(path: Path, files: Mapping[str, bytes]) -> None:
    """A tar file of files, by their names, as WebDataset has them."""
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def read_pixels(path: str | Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def list_files(folder: str | Path) -> set[str]:
    """List the files in a folder and its subfolders, without the hidden record of a run."""
    files = (path for path in Path(folder).rglob("*") if path.is_file() and path.name != RECORD)
    return {path.relative_to(folder).as_posix() for path in files}


def read_contents(folder: str | Path) -> dict[str, bytes]:
    return {name: (Path(folder) / name).read_bytes() for name in list_files(folder)}


def put_mask(path: Path, *arguments: Any, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    make_mask(*arguments, **options).save(path)


def list_names(dataset: Any) -> Any:
    return [dataset.name(i) for i in range(len(dataset))]


def read_grays(dataset: Any) -> Any:
    return [int(dataset[i].image[0, 0, 0]) for i in range(len(dataset))]


def encode_photo(value: Any, mode: str = "RGB", suffix: str = "PNG", size: tuple[int, int] = (12, 8)) -> Any:
    file = io.BytesIO()
    Image.new(mode, size, value).save(file, suffix)
    return file.getvalue()


def encode_mask(area: float = 0.25, white: bool = True) -> Any:
    file = io.BytesIO()
    make_mask(area, white).save(file, "PNG")
    return file.getvalue()
