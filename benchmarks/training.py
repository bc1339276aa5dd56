"""Measure the cost of a training step, what working on whole batches saves, and the cost of preparing images.

    python benchmarks/training.py [--photos FOLDER] [--threads N]

Times are CPU times, the minimum of several repeats, so that other work on the machine has little effect. Without
``--photos``, the sample photo stands in for all photos.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path

import torch
from torch import Tensor

from hcl_sdk import (
    BidirectionalFusion,
    Detection,
    Detector,
    ProjectionHead,
    ResNetEncoder,
    ScaleDetection,
    SoftKMeans,
)
from hcl_sdk.corruptions import Corruption
from hcl_sdk.data import FolderDataset, Items
from hcl_sdk.losses import ClassifierLoss, HierarchicalContrastiveLoss
from hcl_sdk.training.batches import collate

BATCH, SIZE = 12, 128


def make_detector() -> Detector:
    return Detector(
        encoder=ResNetEncoder(channels=(16, 32, 64), depths=(1, 1, 1)),
        interaction=BidirectionalFusion(dim=24),
        head=ProjectionHead(dim=32),
        clusterer=SoftKMeans(),
    ).train()


def time_calls(functions: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Measure the minimum CPU time of a call of each function, over all threads, after one warm-up call.

    The functions take turns, so that other work on the machine affects all of them alike.
    """
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(1 + repeats):
        for function, own in zip(functions, times, strict=True):
            began = time.process_time()
            function()
            own.append(time.process_time() - began)
    return [min(own[1:]) for own in times]


def run_step(detector: Detector, losses: Callable[[Tensor, Tensor], Tensor], image: Tensor, mask: Tensor) -> None:
    detector.zero_grad()
    losses(image, mask).backward()


def compute_loss_batched(detector: Detector, image: Tensor, mask: Tensor) -> Tensor:
    detection = detector(image, corruption_mask=mask)
    return HierarchicalContrastiveLoss()(detection, mask) + ClassifierLoss()(detection, mask)


def compute_loss_looped(detector: Detector, image: Tensor, mask: Tensor) -> Tensor:
    """Run the networks on the batch, but clustering and losses image by image, and anchors one by one."""
    pyramid = detector.encoder(image)
    embeddings = detector.head(detector.interaction(pyramid))
    total = image.new_zeros(())
    for b in range(len(image)):
        own = tuple(e[b : b + 1] for e in embeddings)
        scales = detector.cluster_scales(own, corruption_mask=mask[b : b + 1])
        detection = Detection(
            confidence=scales[0].confidence,
            corruption_mask=scales[0].corruption_mask,
            embeddings=own,
            scales=scales,
        )
        total = total + compute_plain_contrastive(own, scales, mask[b : b + 1])
        total = total + ClassifierLoss()(detection, mask[b : b + 1])
    return total / len(image)


def run_networks(detector: Detector, image: Tensor, mask: Tensor) -> Tensor:
    """Run only what `compute_loss_looped` does outside its loops."""
    return torch.stack([e.sum() for e in detector.head(detector.interaction(detector.encoder(image)))]).sum()


def compute_plain_contrastive(embeddings: Sequence[Tensor], scales: Sequence[ScaleDetection], mask: Tensor) -> Tensor:
    """Compute the published loss of one image naively: sets of vectors, and a loop over the anchors."""
    total = embeddings[0].new_zeros(())
    truth = torch.nn.functional.interpolate(mask.float(), embeddings[0].shape[-2:])
    for s, embedding in enumerate(embeddings):
        share = torch.nn.functional.avg_pool2d(truth, 2**s, ceil_mode=True)[0, 0]
        vectors = embedding[0].flatten(1).T
        asked = scales[s].candidates[0, 0]
        chosen = {label: (asked & (share == float(label))).flatten().nonzero().flatten() for label in (False, True)}
        count = sum(map(len, chosen.values()))
        if count == 0:
            continue
        keep = 512 / max(512, count)
        anchors = {k: v[torch.randperm(len(v))[: int(keep * len(v))]] for k, v in chosen.items()}
        references = {k: vectors[v] for k, v in anchors.items()}
        if s + 1 < len(embeddings):
            coarser = embeddings[s + 1][0].flatten(1).T.detach()
            for label, settled in ((False, scales[s + 1].settles_valid), (True, scales[s + 1].settles_corrupted)):
                places = settled.flatten().nonzero().flatten()
                references[label] = torch.cat([references[label], coarser[places[torch.randperm(len(places))[:256]]]])
        losses = []
        for label in (False, True):
            for place in anchors[label]:
                positive = references[label] @ vectors[place] / 0.1
                negative = references[not label] @ vectors[place] / 0.1
                if len(negative):
                    both = negative.logsumexp(0) + (-positive).logsumexp(0)
                    losses.append(torch.nn.functional.softplus(both))
        if losses:
            total = total + torch.stack(losses).mean()
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as own:
        folder = arguments.photos or Path(own)
        if arguments.photos is None:
            sample = (files("hcl_sdk") / "assets/sample.jpg").read_bytes()
            for i in range(BATCH):
                (folder / f"{i}.jpg").write_bytes(sample)
        dataset = FolderDataset(path=str(folder), shorter_side=400)
        for size in (SIZE, 256):
            items = Items(dataset, size, corruption=Corruption(), seed=0, augment=True)
            batch = collate([items[i] for i in range(BATCH)])
            image, mask = batch.image.float() / 255, batch.corruption_mask
            assert mask is not None
            detector = make_detector()

            kinds = (
                (compute_loss_batched, compute_loss_looped, run_networks) if size == SIZE else (compute_loss_batched,)
            )
            steps = [partial(run_step, detector, partial(kind, detector), image, mask) for kind in kinds]
            fast, *others = time_calls(steps, 5)
            if others:
                slow, networks = others
                print(
                    f"A step on {BATCH} images of {SIZE} px with loops over images and anchors takes {slow / fast:.1f}"
                )
                print(f"times as long as on the whole batch; {1 - networks / slow:.0%} of it is what is looped.")
            one = time_calls([lambda items=items: [items[i] for i in range(60)]], 5)[0] / 60
            print(
                f"{size} px: a core prepares {1 / one:.0f} images a second. For a step of the small detector on {BATCH}"
            )
            print(f"of them, which takes {fast:.2f} s of a core, that is {BATCH * one / fast:.0%} of its time.")


if __name__ == "__main__":
    main()
