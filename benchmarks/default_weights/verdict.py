"""Teach a verdict, whether there is any damage in a photo, to weights whose detector stays bit-identical.

    python benchmarks/default_weights/verdict.py WEIGHTS PHOTOS ASIDE -o FOLDER --fonts F --film M --logos L

WEIGHTS is a folder or name of weights, PHOTOS a folder of photos, ASIDE a text file with the names of those that are
not trained on; F is a folder of fonts, M one of masks of film damage, L one of logos. ``--count`` photos are damaged as
in the recipe detector_4.yaml, except that 40 % stay undamaged, and run through the detector once, at 512 pixels. The
verdict, whose only input is the confidence, is then trained in many passes over these detections. FOLDER gets the new
weights, with the settings and the restorer of the old ones, and keeps the detections, so that an interrupted run can be
resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import attrs
import torch
import yaml
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import trange
from train import VERDICT_PHOTOS, make_teaching_parser, read_folders, read_recipe

from hcl_sdk import Detector, Pipeline, Verdict
from hcl_sdk.config import build
from hcl_sdk.corruptions import Corruption
from hcl_sdk.data import FolderDataset
from hcl_sdk.data.items import Items

SEED, SIZE, CLEAN = 3412, 512, 0.4
EPOCHS, BATCH, LR, WEIGHT_DECAY = 30, 32, 3e-3, 0.05


def make_items(photos: str, aside: str, folders: dict[str, str]) -> Items:
    """Make the damaged photos, 40 % of which are left undamaged."""
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
    """Train weights of a module to judge photos as damaged or not, in many passes over their detections.

    Args:
        module: in training mode meanwhile.
        weights: those of its parameters that are trained.
        judge: called with the numbers of some photos, and the axes to mirror them along; returns a logit for each.
        damaged: ``[N]``, 1 for damaged photos, otherwise 0.
        seed: random seed of the order, the mirroring and the dropout.
        epochs: passes over the photos.
        batch: photos per step.
        lr: maximum learning rate.
    """
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)  # for the dropout
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
    arguments = make_teaching_parser(__doc__, count=VERDICT_PHOTOS).parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    pipeline = Pipeline.from_pretrained(arguments.weights, device="cpu")
    if pipeline.detector is None:
        raise SystemExit(f"{arguments.weights} has no detector")
    torch.manual_seed(SEED)
    detector = attrs.evolve(pipeline.detector, verdict=Verdict()).eval()
    verdict = detector.verdict
    assert verdict is not None
    folders = read_folders(arguments)
    items = make_items(arguments.photos, arguments.aside, folders)
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
    print(f"new weights: {arguments.out / 'weights'}")


if __name__ == "__main__":
    main()
