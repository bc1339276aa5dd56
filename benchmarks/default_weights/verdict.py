"""Teach weights whether there is damage in a photo at all: a verdict on a detector that stays as it is, bit by bit.

    python benchmarks/default_weights/verdict.py WEIGHTS PHOTOS ASIDE -o FOLDER --fonts F --film M --logos L

WEIGHTS is a folder or name of weights, PHOTOS a folder of photos, ASIDE a text file with the names of those that are
not trained on; F is a folder of fonts, M one of masks of film damage, L one of logos. ``--count`` photos are damaged as
in the recipe detector_4.yaml, 40 % of them not at all, and detected once, at 512 pixels; the verdict, which sees the
confidence only, is then taught in many passes over what was found. FOLDER gets the weights, with the settings and the
restorer of the old ones; what was found so far is kept there too, so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import attrs
import torch
import yaml
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import trange
from train import VERDICT_PHOTOS, add_folder_options, read_folders, read_recipe

from hcl_sdk import Detector, Pipeline, Verdict
from hcl_sdk.config import build
from hcl_sdk.corruptions import Corruption
from hcl_sdk.data import FolderDataset
from hcl_sdk.data.items import Items

SEED, SIZE, CLEAN = 3412, 512, 0.4
EPOCHS, BATCH, LR, WEIGHT_DECAY = 30, 32, 3e-3, 0.05


def draw_items(photos: str, aside: str, folders: dict[str, str]) -> Items:
    corruption = build(
        yaml.safe_load(read_recipe("detector_4.yaml", folders))["data"]["corruption"] | {"clean": CLEAN}, Corruption
    )
    dataset = FolderDataset(path=photos, exclude=aside, shorter_side=SIZE)
    return Items(dataset, SIZE, corruption=corruption, seed=SEED, augment=True, min_scale=0.75)


@torch.no_grad()
def collect(detector: Detector, verdict: Verdict, items: Items, count: int, file: Path) -> tuple[Tensor, Tensor]:
    """Collect the verdict's input for each item, ``[N, 2 S, H, W]``, and whether the item is damaged, ``[N]``."""
    seen, damaged = torch.load(file) if file.exists() else ([], [])
    for number in trange(len(seen), count, initial=len(seen), total=count):
        item = items[number]
        assert item.corruption_mask is not None
        image = torch.from_numpy(item.image).movedim(2, 0)[None].float() / 255
        with torch.autocast("cpu", torch.bfloat16):
            scales = detector(image).scales
        seen.append(verdict.pool([scale.confidence for scale in scales])[0])
        damaged.append(bool(item.corruption_mask.any()))
        if number % 100 == 99:
            torch.save((seen, damaged), file)
    return torch.stack(seen[:count]), torch.tensor(damaged[:count]).float()


def teach_judge(
    module: nn.Module,
    weights: Iterable[nn.Parameter],
    judge: Callable[[Tensor, list[int]], Tensor],
    damaged: Tensor,
    *,
    seed: int,
    epochs: int,
    batch: int,
    lr: float,
) -> None:
    """Teach weights of a module to judge photos as damaged or not, in many passes over what was found in them.

    ``judge`` gets the numbers of some photos and the axes to mirror them along, and returns a logit for each.
    """
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)  # of the dropout
    optimizer = torch.optim.AdamW(weights, lr=lr, weight_decay=WEIGHT_DECAY)
    steps = len(damaged) // batch
    schedule = OneCycleLR(optimizer, lr, total_steps=epochs * steps + 1)
    module.train()
    for epoch in range(epochs):
        order = torch.randperm(len(damaged), generator=generator)
        total = 0.0
        for part in order.split(batch)[:steps]:
            axes = [axis for axis in (2, 3) if torch.rand((), generator=generator) < 0.5]
            loss = F.binary_cross_entropy_with_logits(judge(part, axes), damaged[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
        if epoch % 5 == 4:
            print(f"verdict, epoch {epoch + 1}: loss {total / steps:.3f}", flush=True)
    module.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights")
    parser.add_argument("photos")
    parser.add_argument("aside")
    parser.add_argument("-o", "--out", type=Path, required=True)
    add_folder_options(parser)
    parser.add_argument("--count", type=int, default=VERDICT_PHOTOS, help="photos")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    pipeline = Pipeline.from_pretrained(arguments.weights, device="cpu")
    if pipeline.detector is None:
        raise SystemExit(f"{arguments.weights} has no detector")
    torch.manual_seed(SEED)
    detector = attrs.evolve(pipeline.detector, verdict=Verdict()).eval()
    verdict = detector.verdict
    assert verdict is not None
    folders = read_folders(arguments)
    items = draw_items(arguments.photos, arguments.aside, folders)
    seen, damaged = collect(detector, verdict, items, arguments.count, arguments.out / "seen.pt")
    teach_judge(
        verdict,
        verdict.parameters(),
        lambda part, axes: verdict.decide(seen[part].flip(axes)),
        damaged,
        seed=SEED,
        epochs=EPOCHS,
        batch=BATCH,
        lr=LR,
    )
    pipeline.replace(detector=detector).save_pretrained(arguments.out / "weights", half=True)
    print(f"the new weights: {arguments.out / 'weights'}")


if __name__ == "__main__":
    main()
