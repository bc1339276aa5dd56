"""What restoring a photo takes, by its size: CPU seconds, peak memory, and how far time is from a straight line.

    python benchmarks/scale.py [--sizes 512x512 2048x2048 8192x8192 12000x9000] [--weights default]

A photo that looks like one (a smooth sample, enlarged, with grain) is made at each size with the same share of it
pasted over, and written as JPEG; a process of its own reads it, restores it with the mask known, and saves mask and
restored photo. Measured are the CPU seconds of these steps without imports and loading, and the greatest resident
memory of the process, imports included. The last column compares the time with a line through the smallest and the
largest photo.
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


def make_photo(height: int, width: int, file: Path) -> None:
    """A photo of so many pixels, of which 5 % are one flat patch in the middle."""
    with resources.files("hcl_sdk").joinpath("assets/sample.jpg").open("rb") as stream:
        pixels = np.array(Image.open(stream).convert("RGB").resize((width, height), Image.Resampling.BICUBIC))
    rng = np.random.default_rng(0)
    for y in range(0, height, 512):
        band = pixels[y : y + 512].astype(np.int16) + rng.integers(-4, 5, (min(512, height - y), width, 1), np.int16)
        pixels[y : y + 512] = band.clip(0, 255)
    rows, columns = find_patch(height, width)
    pixels[rows, columns] = (250, 0, 200)
    Image.fromarray(pixels).save(file, quality=92)


def find_patch(height: int, width: int) -> tuple[slice, slice]:
    tall, wide = round(height * SHARE**0.5), round(width * SHARE**0.5)
    return slice((height - tall) // 2, (height + tall) // 2), slice((width - wide) // 2, (width + wide) // 2)


def restore(file: Path, weights: str, mask_known: bool) -> None:
    """Restore a file in this process, and print what it took."""
    import torch

    from hcl_sdk import Photo, Pipeline

    torch.set_num_threads(1)
    pipeline = Pipeline.from_pretrained(weights, device="cpu")
    begin = time.process_time()
    photo = Photo.open(file)
    if mask_known:
        mask = np.zeros(photo.size, np.bool_)
        mask[find_patch(*photo.size)] = True
        result = pipeline.restore(photo, corruption_mask=mask)
    else:
        result = pipeline(photo)
    result.save(file.parent / "results")
    seconds = time.process_time() - begin
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["512x512", "2048x2048", "8192x8192", "12000x9000"])
    parser.add_argument("--weights", default="default")
    parser.add_argument("--find", action="store_true", help="find the mask, too, instead of knowing it")
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make is not None:
        width, height = map(int, arguments.sizes[0].split("x"))
        make_photo(height, width, arguments.make)
        return
    if arguments.file is not None:
        restore(arguments.file, arguments.weights, not arguments.find)
        return
    print(f"{platform.machine()}, 1 thread, {date.today()}\n")
    measured: list[tuple[str, float, float, float]] = []
    for size in arguments.sizes:
        width, height = map(int, size.split("x"))
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "photo.jpg")
            # In a process of its own: what a process has held counts as its peak, in those that it starts, too.
            make = [sys.executable, __file__, "--sizes", size, "--make", str(file)]
            subprocess.run(make, check=True)
            command = [sys.executable, __file__, "--file", str(file), "--weights", arguments.weights]
            command += ["--find"] if arguments.find else []
            environment = os.environ | {"OMP_NUM_THREADS": "1"}
            run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        seconds, peak = json.loads(run.stdout)
        measured.append((size, width * height / 1e6, seconds, peak))
    (_, low, fast, _), (_, high, slow, _) = measured[0], measured[-1]
    print("| photo | megapixels | CPU s | peak MiB | against the line |\n|---|---|---|---|---|")
    for size, megapixels, seconds, peak in measured:
        line = fast + (slow - fast) * (megapixels - low) / max(1e-9, high - low)
        print(f"| {size} | {megapixels:.1f} | {seconds:.1f} | {peak:.0f} | {100 * (seconds / line - 1):+.0f} % |")


if __name__ == "__main__":
    main()
