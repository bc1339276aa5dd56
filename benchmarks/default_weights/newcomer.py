"""Measure what a newcomer would try: damage drawn with plain Pillow, one kind per photo, saved as JPEG.

    python benchmarks/default_weights/newcomer.py PHOTOS [--weights W] [--only NAMES] [--side 512] [--quality 90]

For each kind of damage, the table shows in how many photos at least half of its pixels were found, in how many nothing
was found, and how much was flagged elsewhere; the last line shows how many undamaged photos were flagged, and how much
of them. The weights were not trained on such drawings: no content of hcl_sdk is used.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFont
from scipy import ndimage

from hcl_sdk import Pipeline
from hcl_sdk.data import FolderDataset

Damage = Callable[[Image.Image, Image.Image, np.random.Generator], Image.Image]


def caption(photo: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    damaged = photo.copy()
    height = round(min(photo.size) * rng.uniform(0.05, 0.09))
    place = photo.width // 2, photo.height - round(1.3 * height)
    ImageDraw.Draw(damaged).text(
        place,
        "A day by the sea",
        "white",
        _load_font(height),
        anchor="mm",
        stroke_width=max(1, height // 14),
        stroke_fill="black",
    )
    return damaged


def stamp(photo: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    damaged = photo.copy()
    height = round(min(photo.size) * rng.uniform(0.035, 0.055))
    place = photo.width - height, photo.height - height
    text = f"{rng.integers(1, 13)} {rng.integers(1, 29)} '{rng.integers(85, 99)}"
    ImageDraw.Draw(damaged).text(place, text, (255, 140, 30), _load_font(height), anchor="rb")
    return damaged


def watermark(photo: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    sheet = Image.new("L", photo.size)
    height = round(min(photo.size) * rng.uniform(0.1, 0.16))
    ImageDraw.Draw(sheet).text((photo.width // 2, photo.height // 2), "PREVIEW", 255, _load_font(height), anchor="mm")
    alpha = sheet.rotate(float(rng.uniform(0, 35)), Image.Resampling.BICUBIC).point(
        [round(0.43 * v) for v in range(256)]
    )
    return Image.composite(Image.new("RGB", photo.size, "white"), photo, alpha)


def scratches(photo: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    damaged = photo.copy()
    for _ in range(4):
        ends = rng.uniform(0, 1, (2, 2)) * photo.size
        ImageDraw.Draw(damaged).line([*map(float, ends[0]), *map(float, ends[1])], (235, 235, 228), 2)
    return damaged


def pen(photo: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    damaged = photo.copy()
    at = np.linspace(0, 4 * np.pi, 120)
    x = photo.width * (0.2 + 0.6 * at / at[-1])
    y = photo.height * (rng.uniform(0.3, 0.7) + 0.12 * np.sin(at + rng.uniform(0, 6)))
    ImageDraw.Draw(damaged).line([(float(a), float(b)) for a, b in zip(x, y, strict=True)], (30, 40, 170), 4, "curve")
    return damaged


def pasted(photo: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    mask = Image.new("L", photo.size)
    size = np.array(photo.size) * rng.uniform(0.25, 0.4)
    corner = rng.uniform(0, 1, 2) * (np.array(photo.size) - size)
    ImageDraw.Draw(mask).ellipse([*map(float, corner), *map(float, corner + size)], fill=255)
    return Image.composite(other.resize(photo.size), photo, mask)


def logo(photo: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    damaged = photo.copy()
    side = round(min(photo.size) * rng.uniform(0.12, 0.2))
    left, top = photo.width - side - 12, 12
    draw = ImageDraw.Draw(damaged)
    draw.rectangle([left, top, left + side, top + side], fill=(200, 30, 40))
    draw.ellipse([left + side // 4, top + side // 4, left + side * 3 // 4, top + side * 3 // 4], fill="white")
    return damaged


DAMAGES: tuple[Damage, ...] = (caption, stamp, watermark, scratches, pen, pasted, logo)


def add_photo_options(parser: argparse.ArgumentParser, *, most: int) -> None:
    parser.add_argument("photos")
    parser.add_argument("--weights", default="default")
    parser.add_argument("--only", help="a text file with the names of the photos to use")
    parser.add_argument("--side", type=int, default=512, help="of the shorter side, in pixels")
    parser.add_argument("--quality", type=int, default=90, help="of the JPEG")
    parser.add_argument("--most", type=int, default=most, help="photos")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_photo_options(parser, most=26)
    arguments = parser.parse_args()
    pipeline = Pipeline.from_pretrained(arguments.weights)
    photos = read_photos(arguments.photos, arguments.only, arguments.side, arguments.most)

    def find(photo: Image.Image) -> NDArray[np.bool_]:
        return pipeline.detect(save_as_jpeg(photo, arguments.quality)).corruption_mask[0, 0].numpy()

    print(f"{len(photos)} photos, shorter side {arguments.side} pixels, JPEG {arguments.quality}\n")
    print("| | at least half found | nothing found | flagged elsewhere |\n|---|---|---|---|")
    for damage in DAMAGES:
        recalls, besides = [], []
        for i in range(len(photos)):
            damaged, truth = draw_damage(damage, photos, i)
            found = find(damaged)
            recalls.append((found & truth).sum() / truth.sum())
            besides.append((found & ~grow_mask(truth)).mean())
        counts = sum(r >= 0.5 for r in recalls), sum(r == 0 for r in recalls)
        print(f"| {damage.__name__} | {counts[0]} | {counts[1]} | {100 * np.mean(besides):.2f} % |", flush=True)
    shares = [float(find(photo).mean()) for photo in photos]
    print(f"\nundamaged photos: {sum(s > 0 for s in shares)} flagged, {100 * np.mean(shares):.2f} % of the area")


def read_photos(folder: str, only: str | None, side: int | None, most: int) -> list[Image.Image]:
    """Read up to ``most`` photos of a folder, evenly chosen, and scale them to a shorter side if one is given."""
    dataset = FolderDataset(path=folder, only=only)
    chosen = np.linspace(0, len(dataset) - 1, min(most, len(dataset))).round().astype(int)
    photos = [Image.fromarray(dataset[int(i)].image) for i in chosen]
    if side is None:
        return photos
    sizes = [(round(p.width * side / min(p.size)), round(p.height * side / min(p.size))) for p in photos]
    return [photo.resize(size, Image.Resampling.LANCZOS) for photo, size in zip(photos, sizes, strict=True)]


def draw_damage(damage: Damage, photos: list[Image.Image], number: int) -> tuple[Image.Image, NDArray[np.bool_]]:
    """Return a damaged copy of a photo, and the mask of the damage; foreign content is from the photo before it."""
    photo = photos[number]
    damaged = damage(photo, photos[number - 1], np.random.default_rng(number))
    return damaged, np.asarray(ImageChops.difference(damaged, photo)).max(axis=2) > 0


def save_as_jpeg(photo: Image.Image, quality: int) -> Image.Image:
    """Save a photo as JPEG in memory, and open that file."""
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=quality)
    return Image.open(file)


def _load_font(height: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=float(height))


def grow_mask(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Grow a mask by 8 pixels, which a soft edge or JPEG may have changed."""
    return ndimage.distance_transform_edt(~mask) <= 8  # pyright: ignore[reportOperatorIssue, reportReturnType]


if __name__ == "__main__":
    main()
