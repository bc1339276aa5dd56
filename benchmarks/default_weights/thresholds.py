"""Measure pairs of thresholds on photos set aside for tuning.

    python benchmarks/default_weights/thresholds.py WEIGHTS PHOTOS NAMES [--most 32]

The damage is that of ``newcomer.py``, at a shorter side of 512 pixels, saved as JPEG with quality 90. For each pair of
thresholds, the table shows the mean F1 of the damaged photos, the share of them in which at least half was found, and
how much of the undamaged photos is flagged.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import product

import numpy as np
import torch
from newcomer import DAMAGES, draw_damage, read_photos, save_as_jpeg
from numpy.typing import NDArray
from torch import Tensor

from hcl_sdk import Pipeline
from hcl_sdk.functional.hysteresis import apply_hysteresis_threshold

SIDE, QUALITY = 512, 90
THRESHOLDS, PEAKS = (0.2, 0.3, 0.4, 0.5), (0.0, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights")
    parser.add_argument("photos")
    parser.add_argument("names")
    parser.add_argument("--most", type=int, default=32, help="photos")
    arguments = parser.parse_args()
    pipeline = Pipeline.from_pretrained(arguments.weights)
    photos = read_photos(arguments.photos, arguments.names, SIDE, arguments.most)

    def measure() -> Iterator[tuple[Tensor, NDArray[np.bool_]]]:
        for damage in DAMAGES:
            for i in range(len(photos)):
                damaged, truth = draw_damage(damage, photos, i)
                yield pipeline.detect(save_as_jpeg(damaged, QUALITY)).confidence, truth

    clean = [pipeline.detect(save_as_jpeg(photo, QUALITY)).confidence for photo in photos]
    pairs = list(measure())
    print(f"{len(clean)} clean photos, {len(pairs)} damaged ones\n")
    print("| threshold | peak threshold | F1 | at least half found | flagged of clean | untouched |")
    print("|---|---|---|---|---|---|")
    for threshold, peak in product(THRESHOLDS, PEAKS):
        scores, halves = [], 0
        for confidence, truth in pairs:
            found = apply_hysteresis_threshold(confidence, threshold, peak)[0, 0].numpy()
            hits = int((found & truth).sum())
            scores.append(2 * hits / (found.sum() + truth.sum()))
            halves += hits >= truth.sum() / 2
        shares = torch.stack([apply_hysteresis_threshold(c, threshold, peak).float().mean() for c in clean])
        print(
            f"| {threshold} | {peak} | {np.mean(scores):.3f} | {100 * halves / len(pairs):.0f} % "
            f"| {100 * float(shares.mean()):.2f} % | {100 * float((shares == 0).float().mean()):.1f} % |"
        )


if __name__ == "__main__":
    main()
