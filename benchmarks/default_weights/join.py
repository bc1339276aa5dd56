"""Join trained detectors and a trained restorer to weights.

    python benchmarks/default_weights/join.py DETECTOR [DETECTOR ...] RESTORER FOLDER [--threshold P] ...

DETECTOR and RESTORER are folders of weights, as training writes them; FOLDER gets the mean of the weights of all
detectors, and the restorer, in float16. ``batch_statistics.py`` should then follow. Only stages of the same training
can be averaged: the mean of separately trained weights does not work (Wortsman et al., "Model soups", ICML 2022,
section 2).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import attrs
import torch

from hcl_sdk import Pipeline
from hcl_sdk.detector import Detector


def average_detectors(folders: Sequence[str], shares: Sequence[float] | None = None) -> Detector:
    """Load the detector of the first folder, with the mean of the weights of all, in equal shares by default."""
    shares = [1 / len(folders)] * len(folders) if shares is None else shares
    if len(shares) != len(folders) or abs(sum(shares) - 1) > 1e-6:
        raise SystemExit(f"expected a share for each of {len(folders)} detectors, 1 in all; got {shares}")
    loaded = [Pipeline.from_pretrained(folder).detector for folder in folders]
    detectors = [detector for detector in loaded if detector is not None]
    if len(detectors) < len(folders):
        raise SystemExit(f"expected weights of detectors, and one of these has none: {', '.join(folders)}")
    states = [detector.state_dict() for detector in detectors]
    mean = {
        name: torch.stack([share * state[name] for share, state in zip(shares, states, strict=True)]).sum(0)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in states[0].items()
    }
    detectors[0].load_state_dict(mean)
    return detectors[0]


def replace_fusion(detector: Detector, weights: str) -> Detector:
    """Give a detector the detail fusion of other weights, which need not have been trained with it."""
    other = Pipeline.from_pretrained(weights).detector
    if other is None or other.detail_fusion is None:
        raise SystemExit(f"expected weights of a detector with a detail_fusion; {weights} has none")
    return attrs.evolve(detector, detail_fusion=other.detail_fusion)


def calibrate_verdict(detector: Detector, calibration: tuple[float, float, float]) -> Detector:
    """Set the calibration of the verdict; everything else stays the same."""
    if detector.verdict is None:
        raise SystemExit("expected a detector with a verdict to calibrate")
    verdict = attrs.evolve(detector.verdict, calibration=calibration)
    calibrated = attrs.evolve(detector, verdict=verdict)
    verdict.load_state_dict(detector.verdict.state_dict())
    return calibrated


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detectors", nargs="+", metavar="DETECTOR")
    parser.add_argument("restorer", metavar="RESTORER")
    parser.add_argument("folder", metavar="FOLDER")
    parser.add_argument("--shares", type=float, nargs="+", metavar="S", help="of the detectors in the mean")
    parser.add_argument("--detection-size", type=int, default=512)
    parser.add_argument("--context-size", type=int, default=256)
    parser.add_argument("--detail-size", type=int, help="for a detector with a detail_fusion, from detail.py")
    parser.add_argument("--fusion-of", metavar="WEIGHTS", help="use the detail_fusion of these weights")
    parser.add_argument("--calibration", type=float, nargs=3, metavar="X", help="that of the verdict")
    parser.add_argument("--restoration-size", type=int, default=512)
    parser.add_argument("--threshold", type=float, default=0.4)
    parser.add_argument("--peak-threshold", type=float, default=0.0)
    parser.add_argument("--follow-colors", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--fill-enclosed", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--dilate", type=float, default=1)
    parser.add_argument("--feather", type=float, default=2)
    parser.add_argument("--soft-edges", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--seamless", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--texture", type=float, default=1)
    arguments = parser.parse_args()
    sizes = ("detection_size", "context_size", "detail_size", "restoration_size")
    finding = ("threshold", "peak_threshold", "follow_colors", "fill_enclosed")
    settings = (*sizes, *finding, "dilate", "feather", "soft_edges", "seamless")
    detector = average_detectors(arguments.detectors, arguments.shares)
    if arguments.fusion_of is not None:
        detector = replace_fusion(detector, arguments.fusion_of)
    if arguments.calibration is not None:
        detector = calibrate_verdict(detector, tuple(arguments.calibration))
    pipeline = Pipeline(
        detector,
        Pipeline.from_pretrained(arguments.restorer).restorer,
        **{name: getattr(arguments, name) for name in (*settings, "texture")},
    )
    pipeline.save_pretrained(arguments.folder, half=True)
    parts = (pipeline.detector, pipeline.restorer)
    counts = [0 if part is None else sum(p.numel() for p in part.parameters()) for part in parts]
    print(f"{counts[0] / 1e6:.2f} million parameters detect, {counts[1] / 1e6:.2f} million restore")


if __name__ == "__main__":
    main()
