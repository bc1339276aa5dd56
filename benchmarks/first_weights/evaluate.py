"""Measure weights on damaged crops of a folder of photos, content by content, at 256 px.

    python benchmarks/first_weights/evaluate.py --photos FOLDER [FOLDER ...] [--names NAMES.txt] [--weights default]

Prints F1 and IoU of the corrupted class, and PSNR of the restored photo with the predicted mask, over the photos, one
damage per photo and content, seeded; without damage, the share of pixels flagged and of photos untouched. The protocol
for weights to come is more thorough; this one is for the first, small ones.
"""

from __future__ import annotations

import argparse
import platform
from datetime import date
from pathlib import Path

import numpy as np
import torch
from corruptions import KINDS, Mask, Photos, Pixels, corrupt

from hcl_sdk import Pipeline


def f1_and_iou(found: Mask, truth: Mask) -> tuple[float, float]:
    hit, wrong = float((found & truth).sum()), float((found ^ truth).sum())
    if hit + wrong == 0:
        return 1.0, 1.0
    return 2 * hit / (2 * hit + wrong), hit / (hit + wrong)


def psnr(image: Pixels, clean: Pixels) -> float:
    return float(-10 * np.log10(max(np.mean((image - clean) ** 2), 1e-10)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, nargs="+", required=True)
    parser.add_argument("--names", type=Path, help="take the photos named in this file only")
    parser.add_argument("--weights", default="default")
    parser.add_argument("--threshold", type=float)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--limit", type=int, help="take so many photos only")
    arguments = parser.parse_args()
    names = set(arguments.names.read_text().split()) if arguments.names else None
    paths = sorted(p for folder in arguments.photos for p in folder.iterdir() if p.suffix in (".jpg", ".png"))
    paths = [p for p in paths if names is None or p.name in names][: arguments.limit]
    photos = Photos(paths, short_side=512)
    pipeline = Pipeline.from_pretrained(arguments.weights)
    size = arguments.size
    print(f"{len(paths)} photos, {size} px, torch {torch.__version__}, {platform.machine()}, {date.today()}")
    print(f"{'content':10s} {'F1':>6s} {'IoU':>6s} {'PSNR damaged':>13s} {'PSNR restored':>14s}")
    for kind in KINDS:
        scores = []
        for i in range(len(paths)):
            rng = np.random.default_rng([7, i, KINDS.index(kind)])
            clean = photos.crop(rng, size, index=i)
            damaged, truth = corrupt(clean, photos, rng, softness=1.0, kind=kind)
            result = pipeline(damaged, threshold=arguments.threshold)
            found = result.corruption_mask[0, 0].numpy()
            scores.append((*f1_and_iou(found, truth), psnr(damaged, clean), psnr(result.restored, clean)))
        f1, iou, before, after = np.mean(scores, axis=0)
        print(f"{kind:10s} {f1:6.3f} {iou:6.3f} {before:13.2f} {after:14.2f}")
    flagged = []
    for i in range(len(paths)):
        clean = photos.crop(np.random.default_rng([7, i]), size, index=i)
        flagged.append(float(pipeline.detect(clean, threshold=arguments.threshold).corruption_mask.float().mean()))
    share = np.array(flagged)
    print(f"undamaged: {100 * share.mean():.2f} % of pixels flagged, {100 * (share == 0).mean():.1f} % untouched")


if __name__ == "__main__":
    main()
