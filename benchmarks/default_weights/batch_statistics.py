"""Estimate the statistics of batch normalization anew, for a detector whose weights are a mean of others.

    python benchmarks/default_weights/batch_statistics.py WEIGHTS PHOTOS ASIDE -o FOLDER --fonts F --film M --logos L

Features of averaged weights vary less than those of each, which the mean of their statistics does not tell (Izmailov et
al., "Averaging Weights Leads to Wider Optima and Better Generalization", UAI 2018, section 3.2). WEIGHTS is a folder or
name of weights, PHOTOS a folder of photos, ASIDE a text file with the names of those that are not used; F is a folder
of fonts, M one of masks of film damage, L one of logos. ``--count`` photos are damaged as in the recipe detector_8.yaml
and run through the detector in batches of its sizes. Layers that are frozen keep their statistics. FOLDER gets the new
weights, with the settings and the restorer of the old ones.
"""

from __future__ import annotations

import torch
import yaml
from torch import nn
from tqdm import trange
from train import STATISTICS_PHOTOS, make_teaching_parser, read_folders, read_recipe

from hcl_sdk import Pipeline
from hcl_sdk.config import build
from hcl_sdk.corruptions import Corruption
from hcl_sdk.data import FolderDataset
from hcl_sdk.data.items import Items

SEED = 3504
BATCHES = ((512, 3), (256, 12))
"""Side of the crops in pixels, and number of images; in turn."""


def main() -> None:
    arguments = make_teaching_parser(__doc__, count=STATISTICS_PHOTOS).parse_args()
    pipeline = Pipeline.from_pretrained(arguments.weights, device="cpu")
    detector = pipeline.detector
    if detector is None:
        raise SystemExit(f"{arguments.weights} has no detector")
    data = yaml.safe_load(read_recipe("detector_8.yaml", read_folders(arguments)))["data"]
    corruption = build(data["corruption"], Corruption)
    items = {
        size: Items(
            FolderDataset(path=arguments.photos, exclude=arguments.aside, shorter_side=BATCHES[0][0]),
            size,
            corruption=corruption,
            seed=SEED,
            augment=True,
            min_scale=data["min_scale"],
        )
        for size, _ in BATCHES
    }
    norms = [m for m in detector.modules() if isinstance(m, nn.BatchNorm2d) and m.weight.requires_grad]
    detector.eval()
    for norm in norms:
        norm.train()
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
    taken = 0
    for number in trange(len(BATCHES) * arguments.count // sum(images for _, images in BATCHES)):
        size, images = BATCHES[number % len(BATCHES)]
        batch = [torch.from_numpy(items[size][i].image) for i in range(taken, taken + images)]
        taken += images
        with torch.no_grad():
            detector(torch.stack(batch).movedim(3, 1).float() / 255)
    detector.eval()
    pipeline.save_pretrained(arguments.out / "weights", half=True)
    print(f"new statistics of {len(norms)} layers: {arguments.out / 'weights'}")


if __name__ == "__main__":
    main()
