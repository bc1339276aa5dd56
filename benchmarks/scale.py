"""Measure the CPU seconds and the peak memory of restoring photos of several sizes, and compare both with the promises.

    python benchmarks/scale.py [--sizes 512x512 2048x2048 8192x8192 12000x9000] [--pieces 1] [--bits 8] [--find]

At each size, the sample photo is enlarged, given grain, and pasted over on the same share of its area, in one piece or
several. It is written as JPEG, or as PNG with 16 bits. A process of its own reads it, restores it with a known mask or
one that it finds first, and saves mask and restored photo. The table shows the CPU seconds of these steps, without
imports and loading, compared with a line through the smallest and the largest photo; and the maximum resident memory of
the process, imports included, compared with 600 MB, one byte per pixel, and twice the photo's own bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from importlib import resources
from pathlib import Path

import numpy as np
from PIL import Image

SHARE = 0.05
"""Share of the photo that is pasted over."""

FIXED = 600e6
"""Bytes of memory for the networks and for the largest part that is refined."""


def make_photo(height: int, width: int, pieces: int, file: Path) -> None:
    """Write a photo of ``height`` x ``width`` pixels with ``SHARE`` of it in flat patches; a PNG has 16 bits."""
    with resources.files("hcl_sdk").joinpath("assets/sample.jpg").open("rb") as stream:
        pixels = np.array(Image.open(stream).convert("RGB").resize((width, height), Image.Resampling.BICUBIC))
    rng = np.random.default_rng(0)
    for y in range(0, height, 512):
        band = pixels[y : y + 512].astype(np.int16) + rng.integers(-4, 5, (min(512, height - y), width, 1), np.int16)
        pixels[y : y + 512] = band.clip(0, 255)
    for patch in place_patches(height, width, pieces):
        pixels[patch] = (250, 0, 200)
    if file.suffix == ".png":
        from hcl_sdk import Photo

        Photo.open(pixels * np.uint16(257)).save(file)
        return
    Image.fromarray(pixels).save(file, quality=92)


def place_patches(height: int, width: int, pieces: int) -> list[tuple[slice, slice]]:
    """Compute rows and columns of patches with the photo's aspect ratio, each in the middle of a cell of a grid."""
    across = max(n for n in range(1, pieces + 1) if pieces % n == 0 and n * n <= pieces)
    down, across = (across, pieces // across) if width >= height else (pieces // across, across)
    tall, wide = (round(extent * (SHARE / pieces) ** 0.5) for extent in (height, width))
    return [
        (slice((y - tall) // 2, (y + tall) // 2), slice((x - wide) // 2, (x + wide) // 2))
        for y in range(height // down, 2 * height, 2 * height // down)
        for x in range(width // across, 2 * width, 2 * width // across)
    ][:pieces]


def restore(file: Path, weights: str, mask_known: bool, pieces: int) -> None:
    """Restore a file in this process, and print the CPU seconds and the peak memory in MB."""
    import torch

    from hcl_sdk import Photo, Pipeline

    torch.set_num_threads(1)
    pipeline = Pipeline.from_pretrained(weights, device="cpu")
    begin = time.process_time()
    photo = Photo.open(file)
    if mask_known:
        mask = np.zeros(photo.size, np.bool_)
        for patch in place_patches(*photo.size, pieces):
            mask[patch] = True
        result = pipeline.restore(photo, corruption_mask=mask)
    else:
        result = pipeline(photo)
    result.save(file.parent / "results")
    seconds = time.process_time() - begin
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["512x512", "2048x2048", "8192x8192", "12000x9000"])
    parser.add_argument("--pieces", type=int, default=1, help="the number of pieces pasted over")
    parser.add_argument("--bits", type=int, choices=(8, 16), default=8, help="the depth of the photo")
    parser.add_argument("--weights", default="default")
    parser.add_argument("--find", action="store_true", help="find the mask first instead of passing it")
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make is not None:
        width, height = map(int, arguments.sizes[0].split("x"))
        make_photo(height, width, arguments.pieces, arguments.make)
        return
    if arguments.file is not None:
        restore(arguments.file, arguments.weights, not arguments.find, arguments.pieces)
        return
    print(f"{platform.machine()}, 1 thread, {date.today()}\n")
    measured: list[tuple[str, float, float, float]] = []
    for size in arguments.sizes:
        width, height = map(int, size.split("x"))
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "photo.jpg" if arguments.bits == 8 else "photo.png")
            # In a process of its own: a process starts with the peak of the one that started it.
            pieces = ["--pieces", str(arguments.pieces)]
            subprocess.run([sys.executable, __file__, "--sizes", size, *pieces, "--make", str(file)], check=True)
            command = [sys.executable, __file__, "--file", str(file), *pieces, "--weights", arguments.weights]
            command += ["--find"] if arguments.find else []
            environment = os.environ | {"OMP_NUM_THREADS": "1"}
            run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        seconds, peak = json.loads(run.stdout)
        measured.append((size, width * height / 1e6, seconds, peak))
    (_, low, fast, _), (_, high, slow, _) = measured[0], measured[-1]
    print("| photo | megapixels | CPU s | against the line | peak MB | of the limit |\n|---|---|---|---|---|---|")
    for size, megapixels, seconds, peak in measured:
        line = fast + (slow - fast) * (megapixels - low) / max(1e-9, high - low)
        limit = FIXED / 1e6 + megapixels * (1 + 2 * 3 * arguments.bits / 8)
        print(
            f"| {size} | {megapixels:.1f} | {seconds:.1f} | {100 * (seconds / line - 1):+.0f} % | {peak:.0f} | "
            f"{100 * peak / limit:.0f} % |"
        )


if __name__ == "__main__":
    main()
