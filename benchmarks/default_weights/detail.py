"""Teach a detail fusion, of a whole photo with its own pixels in tiles, to weights whose detector stays bit-identical.

    python benchmarks/default_weights/detail.py WEIGHTS PHOTOS ASIDE -o FOLDER --fonts F --film M --logos L

WEIGHTS is a folder or name of weights whose detector has a verdict, PHOTOS a folder of photos, ASIDE a text file with
the names of those that are not trained on; F is a folder of fonts, M one of masks of film damage, L one of logos.
``--count`` photos are damaged as in the recipe detector_4.yaml, often within a small window, so that the damage is as
thin and small as in a large photo. Each is detected as a whole, shrunk, and in tiles; the fusion, whose only inputs are
logits, is then trained in many passes over these detections. FOLDER gets the new weights, with the settings and the
restorer of the old ones and ``detail_size``, and keeps the detections, so that an interrupted run can be resumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import attrs
import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import trange
from train import DETAIL_PHOTOS, DETAIL_SIZE, make_teaching_parser, read_folders, read_recipe
from verdict import WEIGHT_DECAY, teach_judge

from hcl_sdk import DetailFusion, Detector, Pipeline
from hcl_sdk.config import build
from hcl_sdk.corruptions import Corruption
from hcl_sdk.corruptions.post import tone_photo
from hcl_sdk.data import FolderDataset
from hcl_sdk.data.items import Items
from hcl_sdk.functional.arrays import CERTAIN, CONTEXT_SHARE
from hcl_sdk.functional.resize import resize, shrink

SEED, CLEAN, SMALLEST = 3414, 0.35, 0.2
SIZE, SMALLER = 512, (128, 192, 256, 256)
"""Side of a photo in pixels, and the sides that a whole photo is shrunk to."""

STEPS, CROPS, CROP = 250, 6, 96
EPOCHS, BATCH, LR = 40, 16, 4e-3
PIXEL_LAYERS = "enter", "blocks", "leave", "shares"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The inputs of the fusion for a photo, and the truth: ``[1, 1, h, w]`` in half precision; and ``[1]``."""

    coarse: Tensor
    fine: Tensor
    verdict: Tensor
    truth: Tensor


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Makes damaged photos: number ``i`` depends on ``i`` alone."""

    photos: Items
    corruption: Corruption

    def draw(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_], int]:
        """Return a damaged photo, its corruption mask, and the size to shrink it to."""
        rng = np.random.default_rng([SEED, number])
        image = self.photos[number].image
        mask = np.zeros(image.shape[:2], np.bool_)
        if rng.random() < self.corruption.toned:
            image = tone_photo(image, rng)
        if rng.random() >= CLEAN:
            extent = SIZE if rng.random() < 0.25 else round(SIZE * np.exp(rng.uniform(np.log(SMALLEST), 0)))
            top, left = rng.integers(0, SIZE - extent + 1, 2)
            window = slice(top, top + extent), slice(left, left + extent)
            inside = attrs.evolve(self.corruption, clean=0.0, toned=0.0, post=None)
            damaged = inside(image[window], rng, lambda: self.photos[number + 1 + int(rng.integers(99))].image)
            image = image.copy()
            image[window], mask[window] = damaged.image, damaged.corruption_mask
        assert self.corruption.post is not None
        return self.corruption.post(image, rng), mask, int(rng.choice(SMALLER))


def make_drawing(photos: str, aside: str, folders: dict[str, str]) -> Drawing:
    corruption = build(yaml.safe_load(read_recipe("detector_4.yaml", folders))["data"]["corruption"], Corruption)
    return Drawing(
        photos=Items(
            FolderDataset(path=photos, exclude=aside, shorter_side=SIZE),
            SIZE,
            corruption=None,
            seed=SEED,
            augment=True,
            min_scale=0.75,
        ),
        corruption=corruption,
    )


@torch.no_grad()
def detect(detector: Detector, image: NDArray[np.uint8], mask: NDArray[np.bool_], smaller: int) -> Seen:
    """Detect in a photo as a whole, shrunk to a side of ``smaller`` and of half of it, and in tiles."""
    whole = torch.from_numpy(image).movedim(2, 0)[None]
    with torch.autocast("cpu", torch.bfloat16):
        shrunk = [detector(shrink(whole.float() / 255, (side, side))) for side in (smaller, smaller // 2)]
        fine = detector.detect_in_tiles(whole)
    coarse, in_context = (torch.logit(found.confidence.float(), CERTAIN) for found in shrunk)
    verdict = shrunk[0].verdict_logits
    if verdict is None:
        raise SystemExit("the detector has no verdict; teach it one with verdict.py first")
    stride = DetailFusion.stride
    truth = F.avg_pool2d(torch.from_numpy(mask)[None, None].float(), stride, ceil_mode=True, count_include_pad=False)
    coarse = torch.lerp(coarse, resize(in_context, coarse.shape[-2:], "bilinear"), CONTEXT_SHARE)
    return Seen(coarse=coarse.half(), fine=fine.half(), verdict=verdict.float(), truth=truth.half())


def collect(detector: Detector, drawing: Drawing, count: int, file: Path) -> list[Seen]:
    """Collect the detections of ``count`` photos; those in a file of an interrupted run are used."""
    rows = torch.load(file) if file.exists() else []
    for number in trange(len(rows), count, initial=len(rows), total=count):
        rows.append(vars(detect(detector, *drawing.draw(number))))
        if number % 20 == 19 or number == count - 1:
            torch.save(rows, file)
    return [Seen(**row) for row in rows[:count]]


def teach_pixels(fusion: DetailFusion, seen: list[Seen]) -> None:
    """Train the layers that fuse pixels, with cross-entropy and Dice over crops."""
    rng = np.random.default_rng(SEED)
    weights = [parameter for name, parameter in fusion.named_parameters() if name.startswith(PIXEL_LAYERS)]
    optimizer = torch.optim.AdamW(weights, lr=LR, weight_decay=WEIGHT_DECAY)
    schedule = OneCycleLR(optimizer, LR, total_steps=STEPS + 1)
    fusion.train()
    total = 0.0
    for step in range(STEPS):
        crops = [cut_crop(seen[int(rng.integers(len(seen)))], rng) for _ in range(CROPS)]
        coarse, fine, truth = (torch.cat(maps).float() for maps in zip(*crops, strict=True))
        logits = fusion.fuse(coarse, fine)
        shown = logits.sigmoid()
        dice = 1 - (2 * (shown * truth).sum() + 1) / (shown.sum() + truth.sum() + 1)
        loss = F.binary_cross_entropy_with_logits(logits, truth) + 0.3 * dice
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        total += float(loss.detach())
        if step % 50 == 49:
            print(f"pixels, step {step + 1}: loss {total / 50:.4f}", flush=True)
            total = 0.0
    fusion.eval()


def cut_crop(seen: Seen, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Cut the same part, often around damage, out of both inputs and the truth, and mirror it at random."""
    height, width = seen.fine.shape[-2:]
    coarse = resize(seen.coarse.float(), (height, width), "bilinear")
    places = seen.truth[0, 0].nonzero()
    center = places[int(rng.integers(len(places)))].tolist() if len(places) and rng.random() < 0.7 else None
    starts = []
    for axis, extent in enumerate((height, width)):
        wanted = rng.integers(extent) if center is None else center[axis] + rng.integers(-CROP // 3, CROP // 3 + 1)
        starts.append(int(min(max(0, wanted - CROP // 2), extent - CROP)))
    window = slice(starts[0], starts[0] + CROP), slice(starts[1], starts[1] + CROP)
    axes = [axis for axis in (2, 3) if rng.random() < 0.5]
    coarse, fine, truth = (m[..., window[0], window[1]].flip(axes) for m in (coarse, seen.fine, seen.truth))
    return coarse, fine, truth


def teach_verdict(fusion: DetailFusion, seen: list[Seen]) -> None:
    """Train the layers that judge a photo, with cross-entropy; its pixels are fused only once."""
    with torch.no_grad():
        rows = [(s.coarse.float(), s.fine.float()) for s in seen]
        pooled = torch.cat([fusion.pool(coarse, fine, fusion.fuse(coarse, fine)) for coarse, fine in rows])
    before, damaged = torch.cat([s.verdict for s in seen]), torch.stack([s.truth.amax() > 0 for s in seen]).float()
    teach_judge(
        fusion,
        [parameter for name, parameter in fusion.named_parameters() if not name.startswith(PIXEL_LAYERS)],
        lambda part, axes: fusion.judge_cells(pooled[part].flip(axes), before[part]),
        damaged,
        seed=SEED,
        epochs=EPOCHS,
        batch=BATCH,
        lr=LR,
    )


def main() -> None:
    parser = make_teaching_parser(__doc__, count=DETAIL_PHOTOS)
    parser.add_argument("--detail-size", type=int, default=DETAIL_SIZE)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    pipeline = Pipeline.from_pretrained(arguments.weights, device="cpu")
    if pipeline.detector is None:
        raise SystemExit(f"{arguments.weights} has no detector")
    torch.manual_seed(SEED)
    detector = attrs.evolve(pipeline.detector, detail_fusion=DetailFusion()).eval()
    fusion = detector.detail_fusion
    assert fusion is not None
    drawing = make_drawing(arguments.photos, arguments.aside, read_folders(arguments))
    seen = collect(detector, drawing, arguments.count, arguments.out / "seen.pt")
    teach_pixels(fusion, seen)
    teach_verdict(fusion, seen)
    made = pipeline.replace(detector=detector, detail_size=arguments.detail_size)
    made.save_pretrained(arguments.out / "weights", half=True)
    print(f"new weights: {arguments.out / 'weights'}")


if __name__ == "__main__":
    main()
