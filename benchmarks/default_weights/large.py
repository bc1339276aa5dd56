"""Measure whether thin or small damage is found in large photos, drawn with plain Pillow and saved as JPEG 90.

    python benchmarks/default_weights/large.py PHOTOS [--weights W] [--side 3000] [--most 12]

Photos are used at their own size, or scaled to a shorter side. Lines are a few pixels wide in a photo of any size, and
writing is as small as it usually is in photos of many megapixels. With ``detail_size`` off, and as in the weights, the
table shows in how many photos at least half of the damage was found, in how many nothing was found, and how much was
flagged elsewhere; below it follow the undamaged photos, and CPU and wall seconds per photo.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from newcomer import Damage, draw_damage, grow_mask, read_photos, save_as_jpeg, scratches
from PIL import Image, ImageDraw, ImageFont

from hcl_sdk import Pipeline


def stamp(photo: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    damaged = photo.copy()
    height = round(min(photo.size) * rng.uniform(0.012, 0.018))
    text = f"{rng.integers(1, 13)} {rng.integers(1, 29)} '{rng.integers(85, 99)}"
    place = photo.width - 2 * height, photo.height - 2 * height
    ImageDraw.Draw(damaged).text(place, text, (255, 140, 30), ImageFont.load_default(size=float(height)), anchor="rb")
    return damaged


def watermark(photo: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Write semi-transparent letters with strokes of about two pixels."""
    alpha = Image.new("L", photo.size)
    font = ImageFont.load_default(size=float(round(min(photo.size) * rng.uniform(0.015, 0.022))))
    place = round(photo.width * rng.uniform(0.1, 0.7)), round(photo.height * rng.uniform(0.1, 0.9))
    ImageDraw.Draw(alpha).text(place, "(c) www.example.com", 140, font)
    return Image.composite(Image.new("RGB", photo.size, "white"), photo, alpha)


def caption(photo: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    damaged = photo.copy()
    height = round(min(photo.size) * rng.uniform(0.015, 0.022))
    ImageDraw.Draw(damaged).text(
        (photo.width // 2, photo.height - 2 * height),
        "A day by the sea",
        "white",
        ImageFont.load_default(size=float(height)),
        anchor="mm",
        stroke_width=max(1, height // 14),
        stroke_fill="black",
    )
    return damaged


DAMAGES: tuple[Damage, ...] = (scratches, stamp, watermark, caption)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos")
    parser.add_argument("--weights", default="default")
    parser.add_argument("--side", type=int, default=None, help="shorter side in pixels; default: the photos' own")
    parser.add_argument("--most", type=int, default=12, help="photos")
    parser.add_argument("--damages", nargs="+", default=[d.__name__ for d in DAMAGES], help="some of them")
    arguments = parser.parse_args()
    pipeline = Pipeline.from_pretrained(arguments.weights)
    ways = {"off": pipeline.replace(detail_size=None)}
    if pipeline.detail_size is not None:
        ways[str(pipeline.detail_size)] = pipeline
    photos = read_photos(arguments.photos, None, arguments.side, arguments.most)
    print(f"{len(photos)} photos, shorter sides {sorted({min(photo.size) for photo in photos})}, JPEG 90\n")
    print("| damage | detail_size | at least half found | nothing found | flagged elsewhere |\n|---|---|---|---|---|")
    spent = {way: np.zeros(2) for way in ways}
    shares: dict[str, list[float]] = {way: [] for way in ways}
    for damage in [d for d in DAMAGES if d.__name__ in arguments.damages]:
        rows = {way: [] for way in ways}
        for i in range(len(photos)):
            damaged, truth = draw_damage(damage, photos, i)
            saved = save_as_jpeg(damaged, 90)
            for way, looking in ways.items():
                found = looking.detect(saved).corruption_mask[0, 0].numpy()
                rows[way].append(((found & truth).sum() / truth.sum(), (found & ~grow_mask(truth)).mean()))
        for way, found in rows.items():
            recalls, besides = np.array(found).T
            counts = f"{(recalls >= 0.5).sum()} | {(recalls == 0).sum()}"
            print(f"| {damage.__name__} | {way} | {counts} | {100 * besides.mean():.2f} % |", flush=True)
    for photo in photos:
        saved = save_as_jpeg(photo, 90)
        for way, looking in ways.items():
            begin = time.process_time(), time.perf_counter()
            shares[way].append(looking.detect(saved).corrupted_share)
            spent[way] += time.process_time() - begin[0], time.perf_counter() - begin[1]
    print("\nundamaged photos:")
    for way, of_photos in shares.items():
        cpu, wall = spent[way] / len(photos)
        print(
            f"detail_size {way}: {sum(share > 0 for share in of_photos)} flagged, {100 * np.mean(of_photos):.3f} % of "
            f"the area; {cpu:.2f} CPU s and {wall:.2f} s a photo"
        )


if __name__ == "__main__":
    main()
