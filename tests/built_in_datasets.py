"""The built-in datasets, each on a miniature of its layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from photo_files import draw_mask, draw_soft, write_shard

from hcl_sdk.data import (
    FFHQ,
    ISTD,
    AnnotatedDataset,
    CelebAHQ,
    FolderDataset,
    HuggingFaceDataset,
    ImageNet,
    Logo30K,
    PairsDataset,
    ParisStreetView,
    Places365,
    Raindrop,
    WebDataset,
)
from hcl_sdk.data.manifest import DamagedPhotos, Entry, Manifest, ManifestDataset, fingerprint

_LOGO = "COCO_val2014_000000000042"


def _draw_photo(path: Path) -> Path:
    """A photo that depends on the name of its file."""
    return draw_soft(path, list(path.name.encode()), size=(32, 24), patches=(4, 3))


def _draw_mask(path: Path) -> Path:
    """A mask, white = corrupted."""
    draw_mask(path, (6, 4, 20, 12), (32, 24))
    return path


def draw_masks(folder: Path) -> str:
    """A folder of masks."""
    return str(_draw_mask(folder / "masks" / "1.png").parent)


def _make_photos(cls: Any, *files: str) -> Callable[[Path], Any]:
    def make(folder: Path) -> Any:
        for file in files:
            _draw_photo(folder / file)
        return cls(path=str(folder))

    return make


def _make_celeba_hq(folder: Path) -> CelebAHQ:
    for number in (4, 162_770):  # numbers of CelebA, which need no mapping
        _draw_photo(folder / "CelebA-HQ-img" / f"{number:06d}.jpg")
    return CelebAHQ(path=str(folder))


def _make_pairs(folder: Path) -> PairsDataset:
    for name in ("a", "b/c"):
        _draw_photo(folder / "damaged" / f"{name}.jpg")
        _draw_photo(folder / "clean" / f"{name}.png")
        _draw_mask(folder / "masks" / f"{name}.png")
    return PairsDataset(damaged=str(folder / "damaged"), clean=str(folder / "clean"), masks=str(folder / "masks"))


def _make_annotated(folder: Path) -> AnnotatedDataset:
    for name in ("a", "b"):
        _draw_photo(folder / "input" / f"{name}.jpg")
        _draw_mask(folder / "mask" / f"{name}.png")
    _draw_photo(folder / "clean" / "a.png")
    return AnnotatedDataset(path=str(folder))


def _make_hugging_face(folder: Path) -> HuggingFaceDataset:
    import datasets

    photos = [str(_draw_photo(folder / f"{i}.png")) for i in range(2)]
    if not (folder / "rows").is_dir():
        shown = datasets.is_progress_bar_enabled()
        datasets.disable_progress_bars()
        datasets.Dataset.from_dict({"image": photos}).save_to_disk(str(folder / "rows"))
        if shown:
            datasets.enable_progress_bars()
    return HuggingFaceDataset(path=str(folder / "rows"))


def _make_shards(folder: Path) -> WebDataset:
    write_shard(folder / "s.tar", {name: _draw_photo(folder / name).read_bytes() for name in ("1.png", "2.png")})
    return WebDataset(path=str(folder / "s.tar"))


def _make_logo_30k(folder: Path) -> Logo30K:
    for clean in (_LOGO, f"{_LOGO}1"):
        _draw_photo(folder / "natural" / f"{clean}.jpg")
        _draw_photo(folder / "train_images" / "image" / f"{clean}-Logo-1.png")
        _draw_mask(folder / "train_images" / "mask" / f"{clean}-Logo-1.png")
    return Logo30K(path=str(folder))


def _make_istd(folder: Path) -> ISTD:
    for name in ("1-1.png", "1-2.png"):
        _draw_photo(folder / "train" / "train_A" / name)
        _draw_mask(folder / "train" / "train_B" / name)
        _draw_photo(folder / "train" / "train_C" / name)
    return ISTD(path=str(folder))


def _make_manifest(folder: Path) -> ManifestDataset:
    photos = FolderDataset(path=str(_draw_photo(folder / "photos" / "a.png").parent))
    clean = DamagedPhotos(photos, 16, ("a.png",)).make_clean("a.png")
    entry = Entry(photo="a.png", pixels=fingerprint(clean, np.zeros(clean.shape[:2], np.bool_)))
    manifest = Manifest(size=16, photos=("a.png",), contaminations={}, entries=(entry,))
    manifest.save(folder / "manifest.json")
    return ManifestDataset(photos=photos, manifest=str(folder / "manifest.json"))


EXAMPLES: dict[type, Callable[[Path], Any]] = {
    FolderDataset: _make_photos(FolderDataset, "a.png", "b/c.jpg"),
    PairsDataset: _make_pairs,
    AnnotatedDataset: _make_annotated,
    HuggingFaceDataset: _make_hugging_face,
    WebDataset: _make_shards,
    ManifestDataset: _make_manifest,
    FFHQ: _make_photos(FFHQ, "images1024x1024/00000/00000.png", "images1024x1024/00000/00001.png"),
    CelebAHQ: _make_celeba_hq,
    ImageNet: _make_photos(ImageNet, "train/n01440764/n01440764_1.JPEG", "train/n01440764/n01440764_2.JPEG"),
    Places365: _make_photos(Places365, "train/airfield/1.jpg", "train/airfield/2.jpg"),
    ParisStreetView: _make_photos(ParisStreetView, "paris_train_original/1.JPG", "paris_train_original/2.JPG"),
    Logo30K: _make_logo_30k,
    ISTD: _make_istd,
    Raindrop: _make_photos(
        Raindrop,
        "train/data/1_rain.png",
        "train/gt/1_clean.png",
        "train/data/2_rain.png",
        "train/gt/2_clean.png",
    ),
}
"""What makes an instance in an empty folder."""
