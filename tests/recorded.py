"""Compare hcl_sdk with recorded values of the published network: ``python tests/recorded.py DIRECTORY``.

A set is ``NAME.json`` (settings), ``NAME.pt`` (a published checkpoint) and ``NAME.safetensors`` (what went in and came
out); every ``loss*.safetensors`` is a set of the contrastive loss. Each part is fed the recorded input of that part, so
that a difference stays where it arises. Prints the largest difference of each key. The exit status is 1 if one is above
1e-4, or if the directory holds no set.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.detector import Detector
from hcl_sdk.functional.contrastive import hierarchical_contrastive_loss, select_pairs
from hcl_sdk.functional.resize import resize
from hcl_sdk.interfaces import Pyramid, Restorer, ScaleDetection
from hcl_sdk.published import convert, convert_settings

TOLERANCE = 1e-4
UNDECIDED = 1e-5  # so near to the value that decides it, a confidence may fall on either side

Differences = Iterator[tuple[str, float]]


class RecordedStarts:
    """In place of ``SoftKMeans.start``: the recorded draws in their order; an image without candidates draws none."""

    def __init__(self, indices: Tensor) -> None:
        self.left = indices.tolist()

    def __call__(self, candidates: Tensor, seed: int) -> Tensor:
        draws = [self.left.pop(0) if some else 0 for some in candidates.flatten(1).any(dim=1).tolist()]
        return torch.tensor(draws)[:, None]


def measure_difference(ours: Tensor, recorded: Tensor) -> float:
    """The largest absolute difference; infinite for another shape or NaN."""
    if ours.shape != recorded.shape:
        return float("inf")
    return (ours.double() - recorded.double()).abs().nan_to_num(nan=float("inf")).max().item()


def differing(ours: Tensor, recorded: Tensor, undecided: Tensor) -> float:
    """1.0 if a mask differs where the recorded confidence decides it, else 0.0."""
    if ours.shape != recorded.shape:
        return float("inf")
    return float(((ours.double() != recorded.double()) & ~undecided).any())


def compare_network(settings: Path) -> Differences:
    """The differences of one set, a key at a time."""
    recorded = load_file(settings.with_suffix(".safetensors"))
    given = json.loads(settings.read_text())
    config = convert_settings({key: given[key] for key in ("image_size", "legacy", "network", "refinement")})
    pipeline = convert(settings.with_suffix(".pt"), config).pipeline
    assert pipeline.detector is not None
    assert pipeline.restorer is not None
    detector, restorer = pipeline.detector.cpu(), pipeline.restorer.cpu()
    with torch.no_grad():
        yield from compare_features(detector, recorded)
        yield from compare_detection(detector, config["detector"]["settle"], recorded)
        yield from compare_restoration(detector, restorer, recorded)


def compare_features(detector: Detector, recorded: dict[str, Tensor]) -> Differences:
    pyramid = detector.encoder((recorded["image"] + 1) / 2)
    for s, features in enumerate(pyramid.maps):
        yield f"feature.{s}", measure_difference(features, recorded[f"feature.{s}"])
    yield "encoder_out", measure_difference(pyramid.maps[-1], recorded["encoder_out"])
    for s, embedding in enumerate(detector.head(detector.interaction(load_features(detector, recorded)))):
        yield f"embedding.{s}", measure_difference(embedding, recorded[f"embedding.{s}"])


def compare_detection(detector: Detector, shares: list[float], recorded: dict[str, Tensor]) -> Differences:
    starts = RecordedStarts(recorded["first_center_index"])
    detector.clusterer.start = starts
    coarser: ScaleDetection | None = None
    for s in reversed(range(len(shares))):
        embedding = recorded[f"embedding.{s}"]
        if coarser is None:
            found = detector._cluster_coarsest(embedding, truth=None, share=shares[s], seed=0)
        else:
            found = detector._cluster_finer(embedding, coarser, share=shares[s], seed=0)
        yield f"confs.{s}", measure_difference(1 - found.cluster_confidence, recorded[f"confs.{s}"])
        yield f"centers.{s}", measure_difference(found.centers, recorded[f"centers.{s}"])
        yield f"acc_confs.{s}", measure_difference(1 - found.confidence, recorded[f"acc_confs.{s}"])
        unsure = find_undecided(recorded[f"confs.{s}"], shares[s])
        for name, mask in (
            ("valid_masks", found.settles_valid),
            ("invalid_masks", found.settles_corrupted),
            ("acc_valid_masks", found.settled_valid),
            ("acc_invalid_masks", found.settled_corrupted),
        ):
            yield f"{name}.{s}", differing(mask, recorded[f"{name}.{s}"], unsure)
        half = (recorded[f"acc_confs.{s}"] - 0.5).abs() <= UNDECIDED
        yield f"pred_masks.{s}", differing(~found.corruption_mask, recorded[f"pred_masks.{s}"], half)
        coarser = load_scale(recorded, s, found)
    yield "first_center_index", float(len(starts.left))  # draws that were recorded and not made
    finest = 1 - resize(recorded["acc_confs.0"], recorded["image"].shape[-2:], detector.upsampling)
    half = (finest - 0.5).abs() <= UNDECIDED
    yield "final_valid_mask", differing(finest <= 0.5, recorded["final_valid_mask"], half)


def compare_restoration(detector: Detector, restorer: Restorer, recorded: dict[str, Tensor]) -> Differences:
    pyramid = load_features(detector, recorded)
    yield "bottleneck", measure_difference(restorer.bottleneck(recorded["encoder_out"]), recorded["bottleneck"])
    masks = [recorded[f"pred_masks.{s}"] < 0.5 for s in range(len(pyramid))]
    size = recorded["image"].shape[-2:]
    yield "decoder", measure_difference(restorer.decode(pyramid, masks, size) * 2 - 1, recorded["decoder"])
    refined = restorer.refine((recorded["decoder"] + 1) / 2, recorded["final_valid_mask"] < 0.5)
    yield "refined", measure_difference(refined * 2 - 1, recorded["refined"])


def load_features(detector: Detector, recorded: dict[str, Tensor]) -> Pyramid:
    spec = detector.encoder.spec
    return Pyramid(maps=tuple(recorded[f"feature.{s}"] for s in range(len(spec))), spec=spec)


def load_scale(recorded: dict[str, Tensor], s: int, found: ScaleDetection) -> ScaleDetection:
    """A scale as it was recorded, to continue from."""
    return ScaleDetection(
        candidates=found.candidates,
        centers=recorded[f"centers.{s}"],
        cluster_confidence=1 - recorded[f"confs.{s}"],
        settles_valid=recorded[f"valid_masks.{s}"] > 0.5,
        settles_corrupted=recorded[f"invalid_masks.{s}"] > 0.5,
        settled_valid=recorded[f"acc_valid_masks.{s}"] > 0.5,
        settled_corrupted=recorded[f"acc_invalid_masks.{s}"] > 0.5,
        confidence=1 - recorded[f"acc_confs.{s}"],
        corruption_mask=recorded[f"pred_masks.{s}"] < 0.5,
    )


def find_undecided(confidence: Tensor, share: float) -> Tensor:
    """Where rounding may change what is settled: a confidence next to 0.5 or the cut of its set, or a neighbor's is."""
    unsure = torch.zeros_like(confidence, dtype=torch.bool)
    for image, out in zip(confidence, unsure, strict=True):
        near_half = (image - 0.5).abs() <= UNDECIDED
        out |= near_half
        slack = int(near_half.sum())  # either set may be smaller or larger by these
        for members, descending in ((image[image >= 0.5], True), (image[image < 0.5], False)):
            ordered = members.sort(descending=descending).values
            cut = int(len(ordered) * share)
            if cut == len(ordered):  # all of the set is settled, and its limit is 0.5
                continue
            for value in ordered[max(cut - 1 - slack, 0) : cut + 1 + slack]:
                close = (image - value).abs() <= UNDECIDED
                # Alone there, a pixel can only change if the size of its set does.
                if slack or close.sum() > 1:
                    out |= close
    return F.max_pool2d(unsure.float(), 3, stride=1, padding=1) > 0


def compare_loss(file: Path) -> Differences:
    """The differences of one set of the loss, a key at a time."""
    recorded = load_file(file)
    scales = range(len(recorded["loss"]))
    embeddings = [recorded[f"embedding.{s}"].requires_grad_() for s in scales]
    candidates = []
    for s, embedding in enumerate(embeddings):
        settled = torch.zeros_like(embedding[:, :1], dtype=torch.bool)
        if s + 1 in scales:
            settled = recorded[f"acc_valid_masks.{s + 1}"] + recorded[f"acc_invalid_masks.{s + 1}"] > 0.5
            settled = resize(settled, embedding.shape[-2:])
        candidates.append(~settled)
    pairs = select_pairs(
        embeddings,
        candidates,
        [recorded[f"valid_masks.{s}"] > 0.5 for s in scales],
        [recorded[f"invalid_masks.{s}"] > 0.5 for s in scales],
        recorded["gt_valid_mask"] < 0.5,
    )
    loss = hierarchical_contrastive_loss(pairs, temperature=0.1)
    yield "loss", measure_difference(loss.detach(), recorded["loss"])
    for s, gradient in enumerate(torch.autograd.grad(loss.sum(), embeddings, materialize_grads=True)):
        yield f"gradient.{s}", measure_difference(gradient, recorded[f"gradient.{s}"])


def compare(directory: Path) -> Iterator[tuple[str, str, float]]:
    """``(set, key, largest difference)`` of all sets in a directory.

    Raises:
        FileNotFoundError: if there is no set, or one of the files of a set is missing.
    """
    losses = sorted(directory.glob("loss*.safetensors"))
    networks = sorted(set(directory.glob("*.safetensors")) - set(losses))
    if not losses and not networks:
        raise FileNotFoundError(f"no recorded values in {directory}: expected NAME.json, NAME.pt and NAME.safetensors")
    for file in networks:
        missing = [other.name for other in (file.with_suffix(".json"), file.with_suffix(".pt")) if not other.is_file()]
        if missing:
            raise FileNotFoundError(f"{file.name} needs {' and '.join(missing)} beside it")
        for key, difference in compare_network(file.with_suffix(".json")):
            yield file.stem, key, difference
    for file in losses:
        for key, difference in compare_loss(file):
            yield file.stem, key, difference


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    directory = parser.parse_args().directory
    worst, failed = 0.0, 0
    try:
        for name, key, difference in compare(directory):
            good = difference <= TOLERANCE
            print(f"{name:<24} {key:<22} {difference:.2e}{'' if good else '   TOO LARGE'}", flush=True)
            worst, failed = max(worst, difference), failed + (not good)
    except (FileNotFoundError, KeyError, ValueError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(f"largest difference {worst:.2e}; {failed} above {TOLERANCE}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
