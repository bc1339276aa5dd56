"""Compare a pipeline with its export in float32 and 8 bits: F1 of the mask on damaged photos, and time.

python benchmarks/quantized.py PHOTOS CALIBRATION [--weights default] [--limit 100] [--size 256] [--threads 2]

PHOTOS and CALIBRATION are folders of photos, which should not be the same. Both are damaged as in ``hcl evaluate``.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from hcl_onnx.export import export
from hcl_onnx.quantize import quantize
from hcl_onnx.run import Runner

from hcl_sdk import Pipeline
from hcl_sdk.corruptions.corruption import Corruption
from hcl_sdk.data.folder import FolderDataset
from hcl_sdk.data.items import Item, Items


def damage_photos(folder: str, size: int, limit: int, seed: int) -> list[Item]:
    dataset = FolderDataset(path=folder)
    items = Items(dataset, size, corruption=Corruption(clean=0.1, area=(0.01, 0.6)), seed=seed)
    count = min(limit, len(dataset))
    return [items[i * len(dataset) // count] for i in range(count)]


def measure(name: str, detect: Callable[[np.ndarray], np.ndarray], items: list[Item]) -> tuple[str, float]:
    """F1 over all pixels, the mean F1 of the damaged photos, and the median time of a photo."""
    hit = wrong = missed = 0
    each, seconds = [], []
    for item in items:
        assert item.corruption_mask is not None
        begin = time.perf_counter()
        found = detect(item.image)
        seconds.append(time.perf_counter() - begin)
        true = item.corruption_mask
        own = (found & true).sum(), (found & ~true).sum(), (~found & true).sum()
        hit, wrong, missed = hit + own[0], wrong + own[1], missed + own[2]
        if true.any():
            each.append(2 * own[0] / (2 * own[0] + own[1] + own[2]))
    f1 = 2 * hit / (2 * hit + wrong + missed)
    print(f"{name:14} F1 {f1:.4f}, mean of photos {np.mean(each):.4f}, {1000 * np.median(seconds):.0f} ms", flush=True)
    return name, float(f1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos")
    parser.add_argument("calibration")
    parser.add_argument("--weights", default="default")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--keep", type=Path, help="export to this folder and leave it there")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    items = damage_photos(options.photos, options.size, options.limit, seed=3407)
    calibration = [item.image for item in damage_photos(options.calibration, options.size, 48, seed=1)]
    pipeline = Pipeline.from_pretrained(options.weights, device="cpu")
    print(f"{platform.machine()}, {options.threads} threads, {len(items)} photos of {options.size} pixels")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        export(pipeline, folder)

        def detect(photo: np.ndarray) -> np.ndarray:
            return pipeline.detect(photo).corruption_mask[0, 0].numpy()

        measure("torch", detect, items)
        runner = Runner(folder, threads=options.threads)
        _, before = measure("onnx float32", lambda photo: runner.detect(photo).corruption_mask, items)
        size = (folder / "detector.onnx").stat().st_size
        quantize(folder, calibration)
        runner = Runner(folder, threads=options.threads)
        _, after = measure("onnx int8", lambda photo: runner.detect(photo).corruption_mask, items)
        smaller = (folder / "detector.onnx").stat().st_size
        print(f"int8 changes F1 by {after - before:+.4f}; detector.onnx {size / 1e6:.1f} -> {smaller / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
