"""What do the calibration of the verdict and ``follow_colors`` bring?

    python benchmarks/default_weights/finding.py PHOTOS [--weights W] [--only NAMES] [--side 512] [--quality 90]
        [--most 16] [--clean 167]

The damage is that of ``newcomer.py``. Printed are, with the settings of the weights, and with one or both of these off:
in how many damaged photos at least half was found, in how many nearly everything (97 %), the mean F1, how much was
flagged elsewhere; in how many of the photos as they are, of which there may be more, something was flagged, and how
much.
"""

from __future__ import annotations

import argparse
from typing import Any

import attrs
import numpy as np
from join import calibrate_verdict
from newcomer import DAMAGES, add_photo_options, draw_damage, grow_mask, read_photos, save_as_jpeg
from numpy.typing import NDArray
from PIL import Image

from hcl_sdk import Pipeline

UNCALIBRATED = (1.0, 0.0, 0.0)


@attrs.define
class Tally:
    """What was found of the damaged photos, and flagged in the others."""

    recalls: list[float] = attrs.field(factory=list)
    scores: list[float] = attrs.field(factory=list)
    besides: list[float] = attrs.field(factory=list)
    clean: list[float] = attrs.field(factory=list)

    def add(self, found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> None:
        hits = (found & truth).sum()
        self.recalls.append(float(hits / truth.sum()))
        self.scores.append(float(2 * hits / (found.sum() + truth.sum())))
        self.besides.append(float((found & ~grow_mask(truth)).mean()))

    def describe(self) -> str:
        recalls, clean = np.array(self.recalls), np.array(self.clean)
        cells = (
            *(f"{(recalls >= share).sum()} of {len(recalls)}" for share in (0.5, 0.97)),
            f"{np.mean(self.scores):.3f}",
            f"{100 * np.mean(self.besides):.2f} %",
            f"{(clean > 0).sum()} of {len(clean)}",
            f"{100 * clean.mean():.2f} %",
        )
        return " | ".join(cells)


def make_ways(pipeline: Pipeline) -> dict[str, Pipeline]:
    """The pipeline, and others with one or both of the steps off that it takes between network and mask."""
    detector = pipeline.detector
    if detector is None:
        raise SystemExit("expected weights with a detector")
    off: dict[str, dict[str, Any]] = {}
    if pipeline.follow_colors:
        off["follow_colors=False"] = {"follow_colors": False}
    if detector.verdict is not None and detector.verdict.calibration != UNCALIBRATED:
        off["verdict not calibrated"] = {"detector": calibrate_verdict(detector, UNCALIBRATED)}
    if len(off) == 2:
        off["neither"] = {name: value for settings in off.values() for name, value in settings.items()}
    return {"as in the weights": pipeline, **{name: pipeline.replace(**settings) for name, settings in off.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_photo_options(parser, most=16)
    parser.add_argument("--clean", type=int, default=167, help="photos that are looked at as they are")
    arguments = parser.parse_args()
    ways = make_ways(Pipeline.from_pretrained(arguments.weights, device="cpu"))
    tallies = {name: Tally() for name in ways}

    def read(most: int) -> list[Image.Image]:
        return read_photos(arguments.photos, arguments.only, arguments.side, most)

    photos = read(arguments.most)
    for damage in DAMAGES:
        for i in range(len(photos)):
            damaged, truth = draw_damage(damage, photos, i)
            saved = save_as_jpeg(damaged, arguments.quality)
            for name, way in ways.items():
                tallies[name].add(way.detect(saved).corruption_mask[0, 0].numpy(), truth)
    for photo in read(arguments.clean):
        saved = save_as_jpeg(photo, arguments.quality)
        for name, way in ways.items():
            tallies[name].clean.append(way.detect(saved).corrupted_share)
    print(f"shorter side {arguments.side} pixels, JPEG {arguments.quality}\n")
    print("| | at least half found | at least 97 % | mean F1 | elsewhere | clean photos flagged | of their area |")
    print("|---|---|---|---|---|---|---|")
    for name, tally in tallies.items():
        print(f"| {name} | {tally.describe()} |")


if __name__ == "__main__":
    main()
