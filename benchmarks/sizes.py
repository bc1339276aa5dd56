"""Compare detection in photos of other sizes and shapes with that in photos of 256 x 256.

    python benchmarks/sizes.py PHOTOS [--weights NAME] [--each N] [--sizes 256x256 128x128 ...]

The center of every photo is scaled to each size (height x width) and damaged with the same seeds. Shapes and the radius
of their soft edges grow with the photo, but the corrupted share differs between sizes. Prints F1 of the corrupted class
over all pixels; its difference from that at the first size, with the 95 % interval by bootstrap over photos; the
corrupted share; the share of clean photos that is flagged; and which size differs most.
"""

from __future__ import annotations

import argparse
import platform
from datetime import date
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from hcl_sdk import Pipeline
from hcl_sdk.corruptions import (
    AnotherPhoto,
    Blobs,
    BrushStrokes,
    Corruption,
    Full,
    Graffiti,
    Logo,
    Mosaic,
    Noise,
    RandomColor,
    Rectangles,
    Rule,
)
from hcl_sdk.data import FolderDataset

SQUARES = ("256x256", "128x128", "192x192", "384x384", "512x512", "1024x1024", "2048x2048")
OTHERS = ("256x384", "256x512", "256x768", "768x256", "512x1536", "3000x4000")
SEED, RESAMPLES = 11, 1000


def make_corruption(short: int) -> Corruption:
    shapes = (Blobs(radius=(0.1, 0.4)), BrushStrokes(count=(1, 7)), Rectangles(count=(1, 4), side=(0.15, 0.7)))
    rules = (
        Rule(shapes=shapes, contents=(AnotherPhoto(), RandomColor(), Noise(), Mosaic()), weight=3),
        Rule(shapes=(Full(),), contents=(Graffiti(), Logo(count=(1, 4)))),
    )
    return Corruption(rules=rules, area=(0.1, 0.6), blur=(0.0, 3.0 * short / 256))


def parse_size(text: str) -> tuple[int, int]:
    """Parse height and width out of ``256x384``; argparse reports the ``ValueError``."""
    height, width = map(int, text.split("x"))
    if min(height, width) < 1:
        raise ValueError(f"expected positive sizes; got {text}")
    return height, width


def scale_photo(photo: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(ImageOps.fit(Image.fromarray(photo), (size[1], size[0]), Image.Resampling.LANCZOS))


def measure(
    pipeline: Pipeline, photos: FolderDataset, size: tuple[int, int], each: int
) -> tuple[NDArray[np.int64], float]:
    """Count the correctly found, found and corrupted pixels, ``[photos, 3]``; and the flagged share of clean photos."""
    damage = make_corruption(min(size))
    counts = np.zeros((len(photos), 3), np.int64)
    alarms = []
    for i in range(len(photos)):
        clean = scale_photo(photos[i].image, size)
        alarms.append(pipeline.detect(clean).corruption_mask.float().mean().item())
        for k in range(each):
            rng = np.random.default_rng([SEED, i, k])

            def pick_another(rng: np.random.Generator = rng, i: int = i) -> NDArray[np.uint8]:
                return photos[(i + int(rng.integers(1, len(photos)))) % len(photos)].image

            damaged = damage(clean, rng, pick_another)
            truth = damaged.corruption_mask
            found = pipeline.detect(damaged.image).corruption_mask[0, 0].numpy()
            counts[i] += [int((found & truth).sum()), int(found.sum()), int(truth.sum())]
    return counts, float(np.mean(alarms))


def compute_f1(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute F1 over all pixels of counts ``[..., photos, 3]``."""
    hits, found, corrupted = np.moveaxis(counts.sum(axis=-2), -1, 0)
    return 2 * hits / (found + corrupted)


def describe_difference(counts: NDArray[np.int64], first: NDArray[np.int64]) -> str:
    """Describe the difference in F1 from the first counts, of the same photos, with its interval."""
    drawn = np.random.default_rng(SEED).integers(len(counts), size=(RESAMPLES, len(counts)))
    low, high = np.quantile(compute_f1(counts[drawn]) - compute_f1(first[drawn]), [0.025, 0.975])
    return f"{compute_f1(counts) - compute_f1(first):+.3f} ({low:+.2f} to {high:+.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--weights", default="default")
    parser.add_argument("--each", type=int, default=3)
    parser.add_argument("--sizes", nargs="+", type=parse_size, default=[parse_size(s) for s in (*SQUARES, *OTHERS)])
    arguments = parser.parse_args()
    pipeline = Pipeline.from_pretrained(arguments.weights)
    photos = FolderDataset(path=str(arguments.photos))
    first, *_ = names = [f"{height} x {width}" for height, width in arguments.sizes]
    print(f"{len(photos)} photos, each damaged {arguments.each} times")
    print(f"{platform.machine()}, torch {torch.__version__}, {date.today()}\n")
    print(f"| height x width | F1 | against {first} | corrupted | flagged of clean photos |\n|---|---|---|---|---|")
    counted = []
    for name, size in zip(names, arguments.sizes, strict=True):
        counts, alarm = measure(pipeline, photos, size, arguments.each)
        counted.append(counts)
        area = counts[:, 2].sum() / (arguments.each * len(photos) * size[0] * size[1])
        print(
            f"| {name} | {compute_f1(counts):.3f} | {describe_difference(counts, counted[0])} "
            f"| {100 * area:.0f} % | {100 * alarm:.2f} % |",
            flush=True,
        )
    differences = [float(compute_f1(counts) - compute_f1(counted[0])) for counts in counted]
    most = int(np.argmax(np.abs(differences)))
    print(f"\nthe largest difference is {differences[most]:+.3f}, at {names[most]}")


if __name__ == "__main__":
    main()
