"""Make the pictures of the documentation, from the sample photo in the package and its default weights.

python benchmarks/figures.py [FOLDER]
"""

from __future__ import annotations

import sys
import tempfile
from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hcl_sdk import Content, Pipeline, Shape
from hcl_sdk.cli.quickstart import damage
from hcl_sdk.config import build
from hcl_sdk.corruptions import BrushStrokes, Full, blend
from hcl_sdk.plugins import registry

IMAGES = Path(__file__).parent.parent / "docs" / "images"
LARGEST = 200_000  # bytes of a picture


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (files("hcl_sdk") / "assets/sample.jpg").open("rb") as file:
        sample = Image.open(file).convert("RGB")

    _save(_shapes(), folder / "shapes.jpg")
    _save(_contents(np.asarray(sample)), folder / "contents.jpg")

    pipeline = Pipeline.from_pretrained("default", device="cpu")
    damaged = damage(sample)
    _save(pipeline(damaged).plot(height=256), folder / "comparison.jpg")

    mask = Image.new("L", sample.size, 0)
    ImageDraw.Draw(mask).ellipse([95, 150, 150, 195], fill=255)
    _save(pipeline.restore(sample, corruption_mask=mask, dilate=0, feather=8).plot(height=256), folder / "own-mask.jpg")


def _shapes() -> Image.Image:
    """Three draws of every built-in shape."""
    cells = []
    with tempfile.TemporaryDirectory() as masks:
        for i in range(4):  # stand for a folder of mask files
            mask = BrushStrokes(count=(2, 5)).draw((256, 256), np.random.default_rng(i))
            Image.fromarray(mask).save(Path(masks) / f"{i}.png")
        for entry in registry.entries("shape"):
            fields = {"folder": masks} if entry.name == "irregular" else {}
            shape = build({"use": entry.qualified_name, **fields}, "shape")
            assert isinstance(shape, Shape)
            row = Image.new("RGB", (3 * 100 + 8, 100), "white")
            for i in range(3):
                mask = shape.draw((100, 100), np.random.default_rng(i))
                row.paste(_framed(Image.fromarray(mask).convert("RGB")), (i * 104, 0))
            cells.append((entry.qualified_name, row))
    return _table(cells, columns=3)


def _contents(photo: np.ndarray) -> Image.Image:
    """Every built-in content in the sample photo: in strokes, or all over where it is partly transparent."""
    square = photo[: min(photo.shape[:2]), : min(photo.shape[:2])]
    square = np.array(Image.fromarray(square).resize((200, 200), Image.Resampling.LANCZOS))
    other = np.ascontiguousarray(np.rot90(square, 2)[:, :, ::-1])
    cells = []
    for entry in registry.entries("content"):
        content = build({"use": entry.qualified_name}, "content")
        assert isinstance(content, Content)
        pictures = []
        for i in range(2):
            rng = np.random.default_rng([i, 4])
            mask = BrushStrokes(count=(3, 3), width=(0.15, 0.25)).draw((200, 200), rng)
            painted = content.paint(square, mask, rng, lambda: other)
            if painted.shape[2] == 4:
                mask = Full().draw((200, 200), rng)
            pictures.append(Image.fromarray(blend(square, painted, mask, radius=1.0)[0]))
        row = Image.new("RGB", (2 * 150 + 4, 150), "white")
        for i, picture in enumerate(pictures):
            row.paste(_framed(picture.resize((150, 150), Image.Resampling.LANCZOS)), (i * 154, 0))
        cells.append((entry.qualified_name, row))
    return _table(cells, columns=3)


def _framed(picture: Image.Image) -> Image.Image:
    """A picture with a gray line around it, without which white on white cannot be seen."""
    ImageDraw.Draw(picture).rectangle((0, 0, picture.width - 1, picture.height - 1), outline="gray")
    return picture


def _table(cells: list[tuple[str, Image.Image]], columns: int) -> Image.Image:
    """Pictures of one size under their names."""
    width, height = cells[0][1].size
    margin, heading = 14, 22
    rows = -(-len(cells) // columns)
    sheet = Image.new("RGB", (columns * (width + margin) + margin, rows * (height + heading + margin)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for i, (name, picture) in enumerate(cells):
        x, y = margin + (i % columns) * (width + margin), (i // columns) * (height + heading + margin)
        draw.text((x, y + 2), name, fill="black", font=font)
        sheet.paste(picture, (x, y + heading))
    return sheet


def _save(picture: Image.Image, path: Path) -> None:
    picture.save(path, quality=88, optimize=True)
    size = path.stat().st_size
    if size >= LARGEST:
        raise SystemExit(f"{path}: {size} bytes; pictures in the documentation have less than {LARGEST}")
    print(f"{path}: {picture.width} x {picture.height}, {size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
