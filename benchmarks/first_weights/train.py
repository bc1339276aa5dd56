"""Train the first shipped weights: one short, plain run each for a detector and a restorer, on a CPU.

    python benchmarks/first_weights/train.py detector --photos PHOTOS --validation NAMES.txt --out RUN
    python benchmarks/first_weights/train.py restorer --photos PHOTOS --validation NAMES.txt --out RUN
    python benchmarks/first_weights/train.py assemble --out RUN --weights DIR

A run continues where RUN was left. The learning rate follows the clock, so that a run takes ``--minutes`` anywhere.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from corruptions import Photos, corrupt, hole
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk import (
    BidirectionalFusion,
    Detection,
    Detector,
    GatedUNet,
    Pipeline,
    ProjectionHead,
    Prototypes,
    ResNetEncoder,
)

SIZE, CLEAN = 128, 0.15  # pixels of a crop; share of samples without damage
RATE, DECAY, SMOOTHING = 2e-3, 0.02, 0.998


def make_detector() -> Detector:
    return Detector(
        encoder=ResNetEncoder(channels=(32, 48, 96, 128, 160), depths=(1, 1, 2, 2, 2)),
        interaction=BidirectionalFusion(dim=48),
        head=ProjectionHead(dim=32),
        clusterer=Prototypes(),
        settle=0.0,
        upsampling="bilinear",
    )


def make_restorer() -> GatedUNet:
    return GatedUNet(dim=16, multipliers=(1, 2, 4, 8))


def detector_loss(detector: Detector, photos: Photos, rng: np.random.Generator, done: float) -> Tensor:
    """Binary cross-entropy of the assignment to the prototypes at every scale, soft targets at the coarser ones."""
    images, masks = [], []
    for _ in range(12):
        image = photos.crop(rng, SIZE)
        mask = np.zeros((SIZE, SIZE), dtype=bool)
        if rng.random() >= CLEAN:
            image, mask = corrupt(image, photos, rng, softness=min(1.0, 1.5 * done))
        images.append(image)
        masks.append(mask)
    x, truth = _tensor(images), torch.from_numpy(np.stack(masks))[:, None].float()
    with torch.autocast("cpu", torch.bfloat16):
        embeddings = detector.head(detector.interaction(detector.encoder(x)))
    total = x.new_zeros(())
    for s, embedding in enumerate(embeddings):
        embedding = embedding.float()
        target = F.adaptive_avg_pool2d(truth, embedding.shape[-2:])
        assignment = detector.clusterer(embedding, target >= 0).assignment
        if s == 0:
            assignment = F.interpolate(assignment, scale_factor=2, mode="bilinear")
            target = truth
            overlap = (assignment * target).sum(dim=(1, 2, 3))
            dice = 1 - (2 * overlap + 1) / (assignment.sum(dim=(1, 2, 3)) + target.sum(dim=(1, 2, 3)) + 1)
            total = total + 0.2 * dice.mean()
        total = total + (1.0 if s == 0 else 0.2) * F.binary_cross_entropy(assignment, target)
    return total


def restorer_loss(restorer: GatedUNet, photos: Photos, rng: np.random.Generator, done: float) -> Tensor:
    """L1 in the hole, at the resolution of the image and at coarser ones, and of the gradients across its border."""
    x = _tensor([photos.crop(rng, SIZE) for _ in range(8)])
    mask = torch.from_numpy(np.stack([hole(SIZE, rng) for _ in range(8)]))[:, None]
    with torch.autocast("cpu", torch.bfloat16):
        y = restorer(x, Detection.from_mask(mask)).float()
    weight = mask.float() + 0.05
    composited = torch.where(mask, y, x)
    total = ((y - x).abs() * weight).sum() / weight.sum() / 3
    for dim in (2, 3):
        near = (mask | mask.roll(1, dim)).float()
        difference = composited.diff(dim=dim) - x.diff(dim=dim)
        total = total + 0.5 * (difference.abs() * near.narrow(dim, 1, SIZE - 1)).sum() / near.sum() / 3
    for pool in (4, 16):
        coarse = F.avg_pool2d(composited - x, pool)
        total = total + 0.5 * coarse.abs().sum() / F.avg_pool2d(mask.float(), pool).sum() / 3
    return total


def _tensor(images: list[np.ndarray]) -> Tensor:
    stacked = torch.from_numpy(np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2)))
    return stacked.contiguous(memory_format=torch.channels_last)


def train(name: str, model: nn.Module, loss: Callable[..., Tensor], photos: Photos, out: Path, minutes: float) -> None:
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    average = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    step, spent, state = 0, 0.0, out / f"{name}.pt"
    if state.exists():
        saved = torch.load(state, weights_only=True)
        model.load_state_dict(saved["model"])
        average.load_state_dict(saved["average"])
        optimizer.load_state_dict(saved["optimizer"])
        step, spent = saved["step"], saved["spent"]
    recent: list[float] = []
    began = time.monotonic() - spent
    while (spent := time.monotonic() - began) < minutes * 60:
        done = spent / (minutes * 60)
        rate = RATE * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * done))
        for group in optimizer.param_groups:
            group["lr"] = rate
        value = loss(model, photos, np.random.default_rng([3407, step]), done)
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        keep = min(SMOOTHING, (step + 1) / (step + 10))
        with torch.no_grad():
            for a, p in zip(average.parameters(), model.parameters(), strict=True):
                a.lerp_(p, 1 - keep)
            for a, b in zip(average.buffers(), model.buffers(), strict=True):
                a.copy_(b)
        recent.append(value.item())
        if step % 50 == 0:
            line = {"step": step, "minutes": round(spent / 60, 2), "loss": round(float(np.mean(recent)), 4), "lr": rate}
            with (out / f"{name}.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            recent.clear()
        if step % 200 == 0:
            _save(state, model, average, optimizer, step, spent)
    _save(state, model, average, optimizer, step, spent)


def _save(
    state: Path, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, step: int, spent: float
) -> None:
    parts = {"model": model.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save({**parts, "step": step, "spent": spent}, state.with_suffix(".tmp"))
    state.with_suffix(".tmp").replace(state)


def assemble(out: Path, weights: Path) -> None:
    """Put the averaged weights of both runs into a pipeline and save it in half precision."""
    detector, restorer = make_detector(), make_restorer()
    detector.load_state_dict(torch.load(out / "detector.pt", weights_only=True)["average"])
    restorer.load_state_dict(torch.load(out / "restorer.pt", weights_only=True)["average"])
    Pipeline(
        detector, restorer, detection_size=512, restoration_size=512, threshold=0.6, dilate=2, feather=3
    ).save_pretrained(weights, half=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["detector", "restorer", "assemble"])
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--validation", type=Path, help="names of photos to leave out, one a line")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run's state")
    parser.add_argument("--weights", type=Path, help="where assemble writes the pipeline")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(3407)
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.part == "assemble":
        return assemble(arguments.out, arguments.weights)
    left_out = set(arguments.validation.read_text().split())
    photos = Photos([p for p in sorted(arguments.photos.glob("*.jpg")) if p.name not in left_out], short_side=512)
    if arguments.part == "detector":
        train("detector", make_detector(), detector_loss, photos, arguments.out, arguments.minutes)
    else:
        train("restorer", make_restorer(), restorer_loss, photos, arguments.out, arguments.minutes)
    return None


if __name__ == "__main__":
    main()
