"""Teach a damage head, which tells kinds of damage apart, to weights whose detector stays bit-identical.

    python benchmarks/default_weights/damage_head.py WEIGHTS PHOTOS TUNING ASIDE -o FOLDER --fonts F --film M --logos L

WEIGHTS is a folder or the name of weights, PHOTOS a folder of photos, ASIDE a text file with the names of those that
are not trained on, TUNING one with those of them that the head is measured on; F is a folder of fonts, M one of masks
of film damage, L one of logos. The new weights are FOLDER/run/weights, with the settings and the restorer of the old
ones; FOLDER/measured/table.md shows how damage of each kind is classified. An interrupted run can be resumed.
``--steps`` makes it shorter, for a trial.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import attrs
import torch
from train import add_folder_options, read_folders, read_recipe, run

from hcl_sdk import DamageHead, Pipeline

SEED = 3411


def add_head(weights: str, folder: Path) -> None:
    """Save weights with an untrained damage head to a folder; an existing head is replaced."""
    pipeline = Pipeline.from_pretrained(weights, device="cpu")
    if pipeline.detector is None:
        raise SystemExit(f"{weights} has no detector")
    torch.manual_seed(SEED)
    detector = attrs.evolve(pipeline.detector, damage_head=DamageHead())
    pipeline.replace(detector=detector).save_pretrained(folder, half=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights")
    parser.add_argument("photos")
    parser.add_argument("tuning")
    parser.add_argument("aside")
    parser.add_argument("-o", "--out", type=Path, required=True)
    add_folder_options(parser)
    parser.add_argument("--steps", type=int)
    arguments = parser.parse_args()
    out: Path = arguments.out
    start, recipe, measured = out / "start", out / "damage_head.yaml", out / "kinds.yaml"
    if not (start / "config.json").exists():
        add_head(arguments.weights, start)
    folders = read_folders(arguments)
    recipe.write_text(read_recipe(recipe.name, folders), encoding="utf-8")
    measured.write_text(read_recipe(measured.name, folders), encoding="utf-8")
    fields = [
        f"pipeline={start}",
        f"data.dataset.path={arguments.photos}",
        f"data.dataset.exclude={arguments.aside}",
        *([] if arguments.steps is None else [f"steps={arguments.steps}"]),
    ]
    run("-m", "hcl_sdk.cli", "train", str(recipe), *fields, "-o", str(out / "run"))
    pipeline = Pipeline.from_pretrained(out / "run" / "weights", device="cpu")
    pipeline.replace(restorer=None).save_pretrained(out / "detector", half=True)  # nothing is filled
    photos = f"dataset.path={arguments.photos}", f"dataset.only={arguments.tuning}"
    weights = "--weights", str(out / "detector"), "-o", str(out / "measured")
    run("-m", "hcl_sdk.cli", "evaluate", str(measured), *photos, *weights)


if __name__ == "__main__":
    main()
