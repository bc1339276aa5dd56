"""Train the default weights again: seven stages of the detector, two of the restorer, and one file of what they made.

    python benchmarks/default_weights/train.py PHOTOS NAMES -o FOLDER [--share S]

PHOTOS is a folder of photos, NAMES a text file with the names of those that are set aside for tuning. What is done is
kept in FOLDER: a killed run goes on. With S below 1 all stages have that share of their steps, for a trial, and are
kept apart from the whole ones. The weights are the mean of the last two stages of the detector, and the last restorer.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Stage:
    """A run of ``hcl train``: a recipe beside this file, what differs from it, and the stage whose weights it takes."""

    name: str
    recipe: str
    steps: int
    after: str = ""
    fields: tuple[str, ...] = ()


STAGES = (
    Stage("detector_1", "detector_first.yaml", 3450),
    Stage(
        "detector_2",
        "detector_first.yaml",
        2300,
        after="detector_1",
        fields=(
            "data.size=192",
            "data.min_scale=0.67",
            "data.soften_over=0",
            "optimization.decay=cosine",
            "optimization.warmup=50",
            "ema=0.998",
            "batch_size=8",
            "seed=3408",
        ),
    ),
    Stage(
        "detector_3",
        "detector_last.yaml",
        1125,
        after="detector_2",
        fields=(
            "data.dataset.shorter_side=288",
            "data.min_scale=0.67",
            "optimization.lr=1.15e-3",
            "optimization.warmup=100",
            "optimization.decay=constant",
            "seed=3409",
        ),
    ),
    Stage("detector_4", "detector_last.yaml", 4400, after="detector_3"),
    Stage("detector_5", "detector_layers.yaml", 1350, after="detector_4"),
    Stage("detector_6", "detector_photos.yaml", 4400, after="detector_5"),
    Stage(
        "detector_7",
        "detector_photos.yaml",
        3350,
        after="detector_6",
        fields=("data.size=256", "data.min_scale=0.5", "batch_size=5", "seed=3413"),
    ),
    Stage("restorer", "restorer.yaml", 3000),
    Stage(
        "restorer_2",
        "restorer.yaml",
        2950,
        after="restorer",
        fields=(
            "data.dataset.shorter_side=512",
            "data.size=192",
            "data.min_scale=0.375",
            "optimization.lr=1.2e-3",
            "batch_size=7",
            "seed=3408",
        ),
    ),
)
SETTINGS = ("--threshold", "0.5", "--peak-threshold", "0.985", "--detection-size", "256")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos")
    parser.add_argument("names")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--share", type=float, default=1.0)
    arguments = parser.parse_args()
    photos = (
        f"data.dataset.path={arguments.photos}",
        f"data.dataset.exclude={arguments.names}",
        f"validation.dataset.path={arguments.photos}",
        f"validation.dataset.only={arguments.names}",
    )
    out = arguments.out if arguments.share == 1 else arguments.out / f"share_{arguments.share:g}"
    for stage in STAGES:
        fields = [*photos, *stage.fields, f"steps={max(1, round(stage.steps * arguments.share))}"]
        if stage.after:
            fields.append(f"pipeline={out / stage.after / 'weights'}")
        _run("-m", "hcl_sdk.cli", "train", str(HERE / stage.recipe), *fields, "-o", str(out / stage.name))
    trained = [str(out / name / "weights") for name in ("detector_6", "detector_7", "restorer_2")]
    _run(str(HERE / "join.py"), *trained, str(out / "weights"), *SETTINGS)


def _run(*arguments: str) -> None:
    done = subprocess.run([sys.executable, *arguments], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
