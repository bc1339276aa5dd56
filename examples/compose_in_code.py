"""Compose a detector and a restorer in Python, run them, and save them for later.

The weights are random here: the program shows how the parts fit together, and the mask means nothing until they are
trained.

    python examples/compose_in_code.py [FOLDER]
"""

from __future__ import annotations

import sys
from importlib.resources import as_file, files
from pathlib import Path

import torch

from hcl_sdk import (
    BidirectionalFusion,
    ConvNeXtEncoder,
    DeepProjectionHead,
    Detector,
    GatedUNet,
    Pipeline,
    SoftKMeans,
)


def main(folder: Path) -> None:
    torch.manual_seed(0)
    # A detector has four parts; any encoder works with any interaction, head and clusterer.
    detector = Detector(
        encoder=ConvNeXtEncoder(channels=(16, 32, 64), depths=(1, 1, 1)),
        interaction=BidirectionalFusion(dim=32),
        head=DeepProjectionHead(dim=16),
        clusterer=SoftKMeans(iterations=5, repeats=2),
    )
    pipeline = Pipeline(detector, GatedUNet(dim=8), detection_size=128, restoration_size=128, dilate=1, feather=2)
    print(pipeline)

    # The detector is a torch module like any other.
    detection = detector(torch.rand(2, 3, 65, 97))
    for scale, stride in zip(detection.scales, detector.encoder.spec.strides, strict=True):
        print(f"stride {stride}: mask {tuple(scale.corruption_mask.shape)}")

    with as_file(files("hcl_sdk") / "assets/sample.jpg") as photo:
        result = pipeline(photo)
    print(f"photo {result.photo.size}, restored {result.restored.size[::-1]}, {len(result.regions)} regions")

    # This saves the configuration and the weights; loading runs no code that comes with them.
    pipeline.save_pretrained(folder / "weights")
    again = Pipeline.from_pretrained(folder / "weights")
    assert again.to_config() == pipeline.to_config()
    print(f"saved to {folder / 'weights'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("example_output"))
