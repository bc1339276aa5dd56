"""Make weights of a trained detector and a trained restorer.

    python benchmarks/default_weights/join.py DETECTOR RESTORER FOLDER [--threshold P] [--dilate PIXELS] ...

DETECTOR and RESTORER are folders of weights, as training writes them; FOLDER gets both, in float16.
"""

from __future__ import annotations

import argparse

from hcl_sdk import Pipeline


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detector")
    parser.add_argument("restorer")
    parser.add_argument("folder")
    parser.add_argument("--detection-size", type=int, default=512)
    parser.add_argument("--restoration-size", type=int, default=512)
    parser.add_argument("--threshold", type=float, default=0.5)
    parser.add_argument("--peak-threshold", type=float, default=0.0)
    parser.add_argument("--dilate", type=float, default=2)
    parser.add_argument("--feather", type=float, default=3)
    arguments = parser.parse_args()
    settings = ("detection_size", "restoration_size", "threshold", "peak_threshold", "dilate", "feather")
    pipeline = Pipeline(
        Pipeline.from_pretrained(arguments.detector).detector,
        Pipeline.from_pretrained(arguments.restorer).restorer,
        **{name: getattr(arguments, name) for name in settings},
    )
    pipeline.save_pretrained(arguments.folder, half=True)
    parts = (pipeline.detector, pipeline.restorer)
    counts = [0 if part is None else sum(p.numel() for p in part.parameters()) for part in parts]
    print(f"{counts[0] / 1e6:.2f} million parameters detect, {counts[1] / 1e6:.2f} million restore")


if __name__ == "__main__":
    main()
