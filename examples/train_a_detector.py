"""Train a small detector on a folder of photos with a loss of your own, and measure it.

    python examples/train_a_detector.py PHOTOS [FOLDER] [--steps 600]

PHOTOS is a folder of undamaged photos, which are damaged for training. The same command resumes an interrupted run.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import attrs
from torch import Tensor

import hcl_sdk
from hcl_sdk import (
    Detection,
    DetectionLoss,
    Detector,
    Pipeline,
    ProjectionHead,
    Prototypes,
    ResidualFPN,
    ResNetEncoder,
)
from hcl_sdk.corruptions import Corruption, Noise, RandomColor, Rectangles, Rule
from hcl_sdk.data import FolderDataset
from hcl_sdk.evaluation import Evaluation, evaluate
from hcl_sdk.losses import BCELoss
from hcl_sdk.plugins import registry
from hcl_sdk.training import DetectionTask, Optimization, Recipe, Trainer, TrainingData


@hcl_sdk.component
class OverlapLoss(DetectionLoss):
    """One minus the overlap (IoU) of the confidence and the true mask; 0 for an image without damage."""

    weight: float = attrs.field(default=1.0)

    def forward(self, detection: Detection, corruption_mask: Tensor, *, seed: int = 0) -> Tensor:
        truth, found = corruption_mask.float(), detection.confidence
        both = (found * truth).sum(dim=(1, 2, 3))
        either = (found + truth - found * truth).sum(dim=(1, 2, 3))
        return ((1 - both / either.clamp(min=1)) * corruption_mask.flatten(1).any(dim=1)).mean()


def main(photos: Path, folder: Path, steps: int) -> None:
    registry.loss("overlap", OverlapLoss)  # a name for the run's configuration; packages do this in their hook
    detector = Detector(
        encoder=ResNetEncoder(channels=(16, 32, 64, 96), depths=(0, 1, 1, 1)),
        interaction=ResidualFPN(channels=(16, 24, 32, 64)),
        head=ProjectionHead(dim=16),
        clusterer=Prototypes(),
        settle=0.0,
        upsampling="bilinear",
    )
    regions = Rectangles(count=(1, 3), side=(0.2, 0.6))
    damage = Corruption(clean=0.2, rules=(Rule(shapes=(regions,), contents=(Noise(), RandomColor())),))
    recipe = Recipe(
        data=TrainingData(dataset=FolderDataset(path=str(photos)), corruption=damage, size=96, workers=1),
        detection=DetectionTask(losses=(BCELoss(), OverlapLoss(weight=0.3))),
        optimization=Optimization(algorithm="adamw", lr=2e-3, warmup=20, decay="cosine", clip=1.0),
        steps=steps,
        batch_size=8,
        ema=0.99,
    )
    outcome = Trainer(Pipeline(detector), recipe).fit(folder / "run")

    # To keep the program short, this measures on the training photos; for real numbers, set some photos aside.
    on = Evaluation(dataset=FolderDataset(path=str(photos)), corruption=damage, size=96, limit=40, resamples=100)
    report = evaluate(outcome.pipeline, on, folder / "measured")
    print(f"{outcome.step} steps; average precision {report.headline['average_precision']:.2f}")
    print(f"weights: {folder / 'run/weights'}; the best and worst cases: {folder / 'measured'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("example_output"))
    parser.add_argument("--steps", type=int, default=600)
    arguments = parser.parse_args()
    main(arguments.photos, arguments.folder, arguments.steps)
