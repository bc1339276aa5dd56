"""Make the images of the gallery: photos with one damage each, what is found of it, and how it is filled.

    python benchmarks/default_weights/gallery.py [FOLDER] [--weights WEIGHTS] [--only NAME ...]

The photos are the package's sample (CC0) and those that come with scikit-image and matplotlib and are CC0 or in the
public domain. The damage is drawn with plain Pillow by ``newcomer.py`` and ``drawings.py`` and saved as JPEG; no
content that the weights were trained with is used, and nothing is selected: each kind of damage is drawn on two photos,
which are taken in turn.
"""

from __future__ import annotations

import argparse
from importlib.resources import files
from pathlib import Path

import drawings
import newcomer
import numpy as np
import skimage.data
from matplotlib.cbook import get_sample_data
from newcomer import Damage, draw_damage, save_as_jpeg
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from hcl_sdk import Pipeline, Result

IMAGES = Path(__file__).parents[2] / "docs" / "images" / "gallery"
PANEL, GAP, LINE = 300, 6, 26
OUTLINE = (255, 0, 144)
EACH = 2
"""Photos with each kind of damage."""

DAMAGES: tuple[Damage, ...] = (
    *(newcomer.caption, newcomer.stamp, drawings.glow),
    *(newcomer.logo, drawings.badge, newcomer.watermark, drawings.tiled),
    *(newcomer.pen, drawings.spray, drawings.tag),
    *(newcomer.scratches, drawings.cracks, drawings.dust),
    *(newcomer.pasted, drawings.bar, drawings.mosaic),
)
OLD = drawings.cracks, drawings.dust
"""Damage that is drawn on photos in sepia."""


def main(folder: Path, weights: str, only: list[str] | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pipeline = Pipeline.from_pretrained(weights, device="cpu")
    named = load_photos()
    photos = list(named.values())
    for i, damage in enumerate(DAMAGES):
        if only and damage.__name__ not in only:
            continue
        chosen = [drawings.tone_sepia(photo) for photo in photos] if damage in OLD else photos
        rows = []
        for j in range(EACH):
            drawn, true = draw_damage(damage, chosen, (EACH * i + j) % len(photos))
            result = pipeline(save_as_jpeg(drawn, 90))
            found = result.corruption_mask[0, 0].numpy()
            text = f"found {found[true].mean():.0%} of it; flagged elsewhere {(found & ~true).mean():.1%}"
            rows.append(draw_row(result, text))
            print(f"{damage.__name__}: {text}", flush=True)
        stack(rows).save(folder / f"{damage.__name__}.jpg", quality=75)
    if only and "clean" not in only:
        return
    for name, photo in named.items():
        result = pipeline(photo)
        text = f"nothing was drawn on it; flagged {float(result.corruption_mask.float().mean()):.1%}"
        draw_row(result, text).save(folder / f"clean-{name}.jpg", quality=75)
        print(f"clean {name}: {text}", flush=True)


def load_photos() -> dict[str, Image.Image]:
    """Load the photos by name, as RGB with at most 512 pixels on a side."""
    with (files("hcl_sdk") / "assets/sample.jpg").open("rb") as file:
        photos = {"cat": Image.open(file).convert("RGB")}
    for name in ("coffee", "astronaut", "rocket"):
        photos[name] = Image.fromarray(getattr(skimage.data, name)())
    portrait = get_sample_data("grace_hopper.jpg", asfileobj=False)
    photos["portrait"] = Image.open(str(portrait)).convert("RGB")
    photos["grass"] = Image.fromarray(skimage.data.grass()).convert("RGB")
    photos["galaxies"] = Image.fromarray(skimage.data.hubble_deep_field())
    for photo in photos.values():
        photo.thumbnail((512, 512))
    return photos


def draw_row(result: Result, text: str) -> Image.Image:
    """Draw input, outlined mask and restored photo side by side above a line of text."""
    mask = result.corruption_mask[0, 0].numpy()
    before = Image.fromarray(np.asarray(result.photo.to_native()).copy())
    outlined = np.array(before)
    outlined[ndimage.binary_dilation(mask, iterations=2) & ~mask] = OUTLINE
    height = round(PANEL * min(1, before.height / before.width))
    width = round(height * before.width / before.height)
    sheet = Image.new("RGB", (3 * PANEL + 2 * GAP, height + LINE), "white")
    for i, panel in enumerate((before, Image.fromarray(outlined), result.restored)):
        left = i * (PANEL + GAP) + (PANEL - width) // 2
        sheet.paste(panel.convert("RGB").resize((width, height), Image.Resampling.LANCZOS), (left, 0))
    ImageDraw.Draw(sheet).text((2, height + 3), text, "black", ImageFont.load_default(size=19))
    return sheet


def stack(rows: list[Image.Image]) -> Image.Image:
    """Put rows of one width below each other."""
    sheet = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the images of the gallery.")
    parser.add_argument("folder", type=Path, nargs="?", default=IMAGES)
    parser.add_argument("--weights", default="default")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of a damage, or clean")
    arguments = parser.parse_args()
    main(arguments.folder, arguments.weights, arguments.only)
