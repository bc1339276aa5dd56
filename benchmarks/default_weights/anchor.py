"""Let the prototypes of a detector anchor clusters of each photo: the same weights, with another clusterer.

    python benchmarks/default_weights/anchor.py WEIGHTS FOLDER

WEIGHTS is a folder or name of weights whose clusterer is ``prototypes``; FOLDER gets the detector with
``anchored-kmeans`` in its place, for training to go on from.
"""

from __future__ import annotations

import argparse

import attrs
import torch

from hcl_sdk import AnchoredKMeans, Pipeline, Prototypes

STRENGTH = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights")
    parser.add_argument("folder")
    arguments = parser.parse_args()
    pipeline = Pipeline.from_pretrained(arguments.weights, device="cpu")
    detector = pipeline.detector
    if detector is None or not isinstance(detector.clusterer, Prototypes):
        raise SystemExit(f"{arguments.weights}: expected a detector whose clusterer is prototypes")
    anchored = AnchoredKMeans(strength=STRENGTH).bind(detector.head.dim)
    with torch.no_grad():
        anchored.prototypes.copy_(detector.clusterer.prototypes)
        anchored.bias.copy_(detector.clusterer.bias)
    detector = attrs.evolve(detector, clusterer=anchored)
    pipeline.replace(detector=detector, restorer=None).save_pretrained(arguments.folder, half=True)


if __name__ == "__main__":
    main()
