"""Make the pictures of the documentation, from the sample photo in the package and its default weights.

python benchmarks/figures.py [FOLDER]
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

from PIL import Image, ImageDraw

from hcl_sdk import Pipeline
from hcl_sdk.cli.quickstart import damage

IMAGES = Path(__file__).parent.parent / "docs" / "images"
LARGEST = 200_000  # bytes of a picture


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pipeline = Pipeline.from_pretrained("default", device="cpu")
    with (files("hcl_sdk") / "assets/sample.jpg").open("rb") as file:
        sample = Image.open(file).convert("RGB")

    damaged = damage(sample)
    _save(pipeline(damaged).plot(height=256), folder / "comparison.jpg")

    mask = Image.new("L", sample.size, 0)
    ImageDraw.Draw(mask).ellipse([95, 150, 150, 195], fill=255)
    _save(pipeline.restore(sample, corruption_mask=mask, dilate=0, feather=8).plot(height=256), folder / "own-mask.jpg")


def _save(picture: Image.Image, path: Path) -> None:
    picture.save(path, quality=88, optimize=True)
    size = path.stat().st_size
    if size >= LARGEST:
        raise SystemExit(f"{path}: {size} bytes; pictures in the documentation have less than {LARGEST}")
    print(f"{path}: {picture.width} x {picture.height}, {size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
