"""Make the figures of the documentation from the sample photo and the default weights in the package.

python benchmarks/figures.py [FOLDER]

Prints how much is found of what ``hcl quickstart`` draws on the sample.
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
from hcl_sdk.corruptions import BrushStrokes, Full, Postprocessing, blend
from hcl_sdk.corruptions.post import tone_photo
from hcl_sdk.plugins import registry

IMAGES = Path(__file__).parent.parent / "docs" / "images"
LARGEST = 200_000  # bytes of an image


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (files("hcl_sdk") / "assets/sample.jpg").open("rb") as file:
        sample = Image.open(file).convert("RGB")

    _save(_draw_shapes(), folder / "shapes.jpg")
    fills, forms = _draw_contents(np.asarray(sample))
    _save(fills, folder / "contents.jpg")
    _save(forms, folder / "own-form.jpg")
    _save(_draw_postprocessing(np.asarray(sample)), folder / "post.jpg")

    pipeline = Pipeline.from_pretrained("default", device="cpu")
    damaged = damage(sample)
    result = pipeline(damaged)
    _save(result.plot(height=256), folder / "comparison.jpg")
    drawn, found = (np.asarray(damaged) != np.asarray(sample)).any(axis=2), np.asarray(result.mask) > 0
    print(
        f"hcl quickstart: {found[drawn].mean():.1%} of what is drawn is found; elsewhere {(found & ~drawn).mean():.1%}"
    )

    mask = Image.new("L", sample.size, 0)
    ImageDraw.Draw(mask).ellipse([95, 150, 150, 195], fill=255)
    _save(pipeline.restore(sample, corruption_mask=mask, dilate=0, feather=8).plot(height=256), folder / "own-mask.jpg")


def _draw_shapes() -> Image.Image:
    """Draw every built-in shape three times."""
    cells = []
    with tempfile.TemporaryDirectory() as masks:
        for i in range(4):  # stand for a folder of mask files
            mask = BrushStrokes(count=(2, 5)).draw((256, 256), np.random.default_rng(i))
            Image.fromarray(mask).save(Path(masks) / f"{i}.png")
        for entry in registry.list_entries("shape"):
            fields = {"folder": masks} if entry.name == "irregular" else {}
            shape = build({"use": entry.qualified_name, **fields}, "shape")
            assert isinstance(shape, Shape)
            row = Image.new("RGB", (3 * 100 + 8, 100), "white")
            for i in range(3):
                mask = shape.draw((100, 100), np.random.default_rng(i))
                row.paste(_frame(Image.fromarray(mask).convert("RGB")), (i * 104, 0))
            cells.append((entry.qualified_name, row))
    return _draw_table(cells, columns=3)


def _draw_contents(photo: np.ndarray) -> tuple[Image.Image, Image.Image]:
    """Draw every built-in content in the sample photo: those that fill strokes, and those with their own form."""
    square = _crop_square(photo, 200)
    other = np.ascontiguousarray(np.rot90(square, 2)[:, :, ::-1])
    fills, forms = [], []
    for entry in registry.list_entries("content"):
        content = build({"use": entry.qualified_name}, "content")
        assert isinstance(content, Content)
        row, has_form = Image.new("RGB", (2 * 132 + 4, 132), "white"), False
        for i in range(2):
            rng = np.random.default_rng([i, 4])
            mask = BrushStrokes(count=(3, 3), width=(0.15, 0.25)).draw((200, 200), rng)
            painted = content.paint(square, mask, rng, lambda: other)
            if has_form := painted.shape[2] == 4:
                mask = Full().draw((200, 200), rng)
            damaged = Image.fromarray(blend(square, painted, mask, radius=0.0 if has_form else 1.0)[0])
            row.paste(_frame(damaged.resize((132, 132), Image.Resampling.LANCZOS)), (i * 136, 0))
        (forms if has_form else fills).append((entry.qualified_name, row))
    return _draw_table(fills, columns=3), _draw_table(forms, columns=3)


def _draw_postprocessing(photo: np.ndarray) -> Image.Image:
    """Draw each step of postprocessing alone and at its strongest."""
    square = _crop_square(photo, 150)
    steps = {"resize": {"scale": (0.5, 0.5)}, "blur": {}, "sharpen": {}, "noise": {}, "gamma": {}}
    steps["jpeg"] = {"quality": (50, 50), "twice": 1.0}
    cells = [("as it is", _frame(Image.fromarray(square)))]
    for step, fields in steps.items():
        only = {other: float(other == step) for other in steps}
        changed = Postprocessing(**({"share": 1.0} | only | fields))(square, np.random.default_rng(2))
        cells.append((step, _frame(Image.fromarray(changed))))
    for i in range(3):
        toned = tone_photo(square, np.random.default_rng(i))
        cells.append((f"toned {i + 1}", _frame(Image.fromarray(toned))))
    return _draw_table(cells, columns=5)


def _crop_square(photo: np.ndarray, side: int) -> np.ndarray:
    square = photo[: min(photo.shape[:2]), : min(photo.shape[:2])]
    return np.array(Image.fromarray(square).resize((side, side), Image.Resampling.LANCZOS))


def _frame(image: Image.Image) -> Image.Image:
    """Draw a gray line around an image, so that white on white can be seen."""
    ImageDraw.Draw(image).rectangle((0, 0, image.width - 1, image.height - 1), outline="gray")
    return image


def _draw_table(cells: list[tuple[str, Image.Image]], columns: int) -> Image.Image:
    """Arrange images of one size under their names."""
    width, height = cells[0][1].size
    margin, heading = 14, 22
    rows = -(-len(cells) // columns)
    sheet = Image.new("RGB", (columns * (width + margin) + margin, rows * (height + heading + margin)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for i, (name, image) in enumerate(cells):
        x, y = margin + (i % columns) * (width + margin), (i // columns) * (height + heading + margin)
        draw.text((x, y + 2), name, fill="black", font=font)
        sheet.paste(image, (x, y + heading))
    return sheet


def _save(image: Image.Image, path: Path) -> None:
    image.save(path, quality=88, optimize=True)
    size = path.stat().st_size
    if size >= LARGEST:
        raise SystemExit(f"{path}: {size} bytes; images in the documentation have less than {LARGEST}")
    print(f"{path}: {image.width} x {image.height}, {size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
