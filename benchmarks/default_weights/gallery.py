"""Make the figures of the gallery: photos with one damage each, what is found of it, and how it is filled.

    python benchmarks/default_weights/gallery.py [FOLDER] [--weights WEIGHTS]

The photos are the package's sample (CC0) and two that scikit-image brings: "coffee" (CC0) and "astronaut" (NASA, public
domain). The damage is drawn with plain Pillow by ``newcomer.py`` and saved as JPEG; no content that the
weights were trained with is used, and nothing is picked: every damage is drawn once.
"""

from __future__ import annotations

import argparse
from importlib.resources import files
from pathlib import Path

import numpy as np
import skimage.data
from newcomer import DAMAGES, draw_damage, save_as_jpeg
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from hcl_sdk import Pipeline, Result

IMAGES = Path(__file__).parents[2] / "docs" / "images" / "gallery"
PANEL, GAP, LINE = 300, 6, 20
OUTLINE = (255, 0, 144)


def main(folder: Path, weights: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pipeline = Pipeline.from_pretrained(weights, device="cpu")
    photos = load_photos()
    for i, damage in enumerate(DAMAGES):
        drawn, true = draw_damage(damage, photos, i % len(photos))
        result = pipeline(save_as_jpeg(drawn, 90))
        found = result.corruption_mask[0, 0].numpy()
        text = f"found {found[true].mean():.0%} of it; flagged elsewhere {(found & ~true).mean():.1%}"
        save(result, text, folder / f"{damage.__name__}.jpg")
        print(f"{damage.__name__}: {text}")
    for name, photo in zip(("cat", "coffee", "astronaut"), photos, strict=True):
        result = pipeline(photo)
        text = f"nothing was drawn on it; flagged {float(result.corruption_mask.float().mean()):.1%}"
        save(result, text, folder / f"clean-{name}.jpg")
        print(f"clean {name}: {text}")


def load_photos() -> list[Image.Image]:
    """Of about equal size, RGB."""
    with (files("hcl_sdk") / "assets/sample.jpg").open("rb") as file:
        sample = Image.open(file).convert("RGB")
    others = [Image.fromarray(getattr(skimage.data, name)()) for name in ("coffee", "astronaut")]
    for photo in others:
        photo.thumbnail((512, 512))
    return [sample, *others]


def save(result: Result, text: str, file: Path) -> None:
    """Input, mask outlined, restored, side by side above a line of text."""
    mask = result.corruption_mask[0, 0].numpy()
    before = Image.fromarray(np.asarray(result.photo.to_native()).copy())
    outlined = np.array(before)
    outlined[ndimage.binary_dilation(mask, iterations=2) & ~mask] = OUTLINE
    height = round(PANEL * before.height / before.width)
    sheet = Image.new("RGB", (3 * PANEL + 2 * GAP, height + LINE), "white")
    for i, panel in enumerate((before, Image.fromarray(outlined), result.restored)):
        sheet.paste(panel.convert("RGB").resize((PANEL, height), Image.Resampling.LANCZOS), (i * (PANEL + GAP), 0))
    ImageDraw.Draw(sheet).text((2, height + 3), text, "black", ImageFont.load_default(size=14))
    sheet.save(file, quality=80)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the figures of the gallery.")
    parser.add_argument("folder", type=Path, nargs="?", default=IMAGES)
    parser.add_argument("--weights", default="default")
    arguments = parser.parse_args()
    main(arguments.folder, arguments.weights)
