"""Store the weights of an unfinished training in a small file, and restore them from it.

    python benchmarks/default_weights/in_progress.py keep WEIGHTS FILE
    python benchmarks/default_weights/in_progress.py make FILE RECIPE WEIGHTS

WEIGHTS is a folder as written by training, RECIPE the training configuration that has its ``pipeline``. FILE holds the
trained tensors, in float16; the frozen ones are ImageNet weights, which ``pretrained`` loads.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from hcl_sdk import Detector, Pipeline
from hcl_sdk.config import load_yaml


def select_trained_tensors(detector: Detector) -> dict[str, Tensor]:
    """Select the detector's tensors, except those of parts all of whose parameters are frozen."""
    frozen = {
        f"{name}."
        for name, module in detector.named_modules()
        if name and (parameters := list(module.parameters())) and not any(p.requires_grad for p in parameters)
    }
    return {name: t for name, t in detector.state_dict().items() if not name.startswith(tuple(frozen))}


def keep(weights: str, file: str) -> None:
    detector = Pipeline.from_pretrained(weights).detector
    assert detector is not None
    tensors = select_trained_tensors(detector)
    save_file({name: t.half() if t.is_floating_point() else t for name, t in tensors.items()}, file)


def make(file: str, recipe: str, weights: str) -> None:
    pipeline = Pipeline.from_config(load_yaml(Path(recipe))["pipeline"])
    assert pipeline.detector is not None
    tensors = load_file(file)
    if missing := sorted(select_trained_tensors(pipeline.detector).keys() ^ tensors.keys()):
        raise SystemExit(f"{file} does not hold what {recipe} trains; it differs in {missing[0]}")
    with torch.no_grad():
        pipeline.detector.load_state_dict({**pipeline.detector.state_dict(), **tensors})
    pipeline.save_pretrained(weights, half=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for function, names in ((keep, ("weights", "file")), (make, ("file", "recipe", "weights"))):
        command = commands.add_parser(function.__name__)
        for name in names:
            command.add_argument(name)
        command.set_defaults(function=function, names=names)
    arguments = parser.parse_args()
    arguments.function(*(getattr(arguments, name) for name in arguments.names))


if __name__ == "__main__":
    main()
