"""What two thresholds do on photos set aside for tuning.

    python benchmarks/default_weights/thresholds.py WEIGHTS PHOTOS NAMES

Printed are the average precision of corrupted pixels on the benchmark of these photos, of one seed, and for each pair
F1 on the same, and what is flagged of the photos as they are: each as a whole with a shorter side of 256 pixels,
and the corners of 256 pixels out of 340 and 460.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torchmetrics.functional.classification import binary_average_precision

from hcl_sdk import Pipeline
from hcl_sdk.data import FolderDataset, ManifestDataset
from hcl_sdk.evaluation import Benchmark, make_manifest
from hcl_sdk.functional.hysteresis import hysteresis_mask

SIDE, LARGER = 256, (340, 460)
THRESHOLDS, PEAKS = (0.4, 0.5, 0.6), (0.9, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995)


def clean(photos: FolderDataset) -> Iterator[NDArray[np.uint8]]:
    for i in range(len(photos)):
        photo = Image.fromarray(photos[i].image)
        for shorter in (SIDE, *LARGER):
            scale = shorter / min(photo.size)
            scaled = photo.resize([round(scale * s) for s in photo.size], Image.Resampling.LANCZOS)
            if shorter == SIDE:
                yield np.asarray(scaled)
                continue
            for left, upper in product((0, scaled.width - SIDE), (0, scaled.height - SIDE)):
                yield np.asarray(scaled.crop((left, upper, left + SIDE, upper + SIDE)))


def damaged(photos: FolderDataset) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder) / "manifest.json"
        make_manifest(Benchmark(dataset=photos, each=1, seeds=(0,))).save(manifest)
        samples = ManifestDataset(photos=photos, manifest=str(manifest))
        for i in range(len(samples)):
            mask = samples[i].corruption_mask
            if mask is not None and mask.any():
                yield samples[i].image, mask


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights")
    parser.add_argument("photos")
    parser.add_argument("names")
    arguments = parser.parse_args()
    pipeline = Pipeline(Pipeline.from_pretrained(arguments.weights).detector, detection_size=SIDE)
    photos = FolderDataset(path=arguments.photos, only=arguments.names)

    def confidence(image: NDArray[np.uint8]) -> Tensor:
        return pipeline.detect(image).confidence

    whole = [confidence(image) for image in clean(photos)]
    pairs = [(confidence(image), torch.from_numpy(mask)) for image, mask in damaged(photos)]
    every = torch.cat([values.flatten() for values, _ in pairs])
    truth = torch.cat([mask.flatten() for _, mask in pairs])
    precision = float(binary_average_precision(every, truth.long()))
    print(f"{len(pairs)} damaged, average precision {precision:.4f}; {len(whole)} clean\n")
    print("| threshold | peak threshold | F1 | flagged of clean | untouched |\n|---|---|---|---|---|")
    for threshold, peak in product(THRESHOLDS, PEAKS):
        hits = flagged = corrupted = 0
        for values, mask in pairs:
            found = hysteresis_mask(values, threshold, peak)[0, 0]
            hits, flagged = hits + int((found & mask).sum()), flagged + int(found.sum())
            corrupted += int(mask.sum())
        shares = np.array([hysteresis_mask(values, threshold, peak).float().mean() for values in whole])
        print(
            f"| {threshold} | {peak} | {2 * hits / (flagged + corrupted):.3f} | {100 * shares.mean():.2f} % "
            f"| {100 * (shares == 0).mean():.1f} % |"
        )


if __name__ == "__main__":
    main()
