from __future__ import annotations

import copy
import itertools
import math
import random
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from torch.utils import _pytree as pytree

import hcl_sdk
from hcl_sdk import (
    Clusters,
    ConvNeXtEncoder,
    Detection,
    Detector,
    Identity,
    ProjectionHead,
    Prototypes,
    Pyramid,
    PyramidSpec,
    SoftKMeans,
    SwinEncoder,
)

# --- The published method, one image at a time, in the published sign (confidence of *valid*) ------------------------


def start_of(count: int, repeat: int) -> int:
    """Which candidate is the first center, in the reference and in `ScriptedKMeans`."""
    return (5 * repeat + 2) % count


@hcl_sdk.component
class ScriptedKMeans(SoftKMeans):
    """Clusters from starts that the tests know."""

    def start(self, candidates: Tensor, seed: int) -> Tensor:
        counts = candidates.flatten(1).sum(dim=1).tolist()
        return torch.tensor([[start_of(n, r) if n else 0 for r in range(self.repeats)] for n in counts])


class Reference:
    """Section by section what is published, in double precision, with plain loops."""

    def __init__(self, embeddings: list[np.ndarray], detector: Detector, valid: np.ndarray | None = None) -> None:
        self.embeddings = embeddings  # fine to coarse, [D, H, W]
        self.clusterer: SoftKMeans = detector.clusterer  # type: ignore[assignment]
        self.shares: tuple[float, ...] = detector.settle  # type: ignore[assignment]
        self.valid = valid  # the true valid mask at the size of the image
        self.margin = 1.0  # how far the closest of all decisions was from going the other way
        self.scales: dict[int, dict[str, np.ndarray]] = {}
        for s in reversed(range(len(embeddings))):
            self.scales[s] = self.scale(s)

    def scale(self, s: int) -> dict[str, np.ndarray]:
        vectors = self.embeddings[s]
        height, width = vectors.shape[1:]
        coarser = self.scales.get(s + 1)
        if coarser is None:
            asked = np.ones((height, width), bool)
        else:
            asked = ~self.up(coarser["valid_so_far"] | coarser["corrupted_so_far"], height, width)

        if not asked.any():
            assert coarser is not None
            nothing = np.zeros((height, width), bool)
            centers, confidence = np.zeros((2, len(vectors))), np.full((height, width), 0.5)
            settles_valid, settles_corrupted = nothing, nothing
        else:
            centers, confidence = self.cluster(vectors, asked)
            if self.reversed_(centers, confidence, coarser):
                centers, confidence = centers[::-1], 1 - confidence
            settles_valid, settles_corrupted = self.settle(confidence, asked, self.shares[s])

        valid, corrupted, accumulated = settles_valid, settles_corrupted, confidence
        if coarser is not None:
            valid = valid | self.up(coarser["valid_so_far"], height, width)
            corrupted = corrupted | self.up(coarser["corrupted_so_far"], height, width)
            accumulated = np.where(asked, confidence, self.up(coarser["confidence"], height, width))
        return {
            "asked": asked,
            "centers": centers,
            "own_confidence": confidence,
            "settles_valid": settles_valid,
            "settles_corrupted": settles_corrupted,
            "valid_so_far": valid,
            "corrupted_so_far": corrupted,
            "confidence": accumulated,
            "valid_mask": valid | ((confidence >= 0.5) & asked),
        }

    @staticmethod
    def up(low: np.ndarray, height: int, width: int) -> np.ndarray:
        return low.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]

    def cluster(self, vectors: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pixels = [vectors[:, y, x] for y, x in np.argwhere(asked)]
        best: tuple[float, list[np.ndarray]] | None = None
        for repeat in range(self.clusterer.repeats):
            first = pixels[start_of(len(pixels), repeat)]
            distances = sorted((float(1 - pixel @ first), -i) for i, pixel in enumerate(pixels))
            if len(distances) > 1:
                self.close(distances[-1][0] - distances[-2][0], 1e-9)
            centers, previous = [first, pixels[-distances[-1][1]]], None
            for _ in range(self.clusterer.iterations):
                cost, sums = 0.0, [np.zeros_like(first), np.zeros_like(first)]
                for pixel in pixels:
                    w, d = self.weights(pixel, centers)
                    cost += float(w @ d)
                    sums = [sums[0] + w[0] * pixel, sums[1] + w[1] * pixel]
                centers = [total / np.linalg.norm(total) for total in sums]
                if previous is not None and (abs(cost - previous) < 1e-6 or abs(cost - previous) < 1e-6 * previous):
                    break
                previous = cost
            cost = sum(float(w @ d) for w, d in (self.weights(pixel, centers) for pixel in pixels))
            if best is not None:
                self.close(cost - best[0], 1e-5 * max(cost, 1))
            if best is None or cost < best[0]:
                best = cost, centers
        assert best is not None
        confidence = np.zeros(asked.shape)
        for y, x in np.ndindex(*asked.shape):
            confidence[y, x] = self.weights(vectors[:, y, x], best[1])[0][0]
        return np.stack(best[1]), confidence

    def weights(self, vector: np.ndarray, centers: list[np.ndarray] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        d = np.array([1 - vector @ center for center in centers])
        powers = np.exp(-(d - d.min()) / self.clusterer.temperature)
        return powers / powers.sum(), d

    def reversed_(self, centers: np.ndarray, confidence: np.ndarray, coarser: dict[str, np.ndarray] | None) -> bool:
        """Whether the first center is *not* the valid one."""
        if coarser is not None:
            by_valid = self.weights(coarser["centers"][0], centers)[0][0]
            by_corrupted = self.weights(coarser["centers"][1], centers)[0][0]
            self.close(by_corrupted - by_valid, 1e-5)
            return bool(by_corrupted > by_valid)
        if self.valid is not None:
            (height, width), (rows, columns) = confidence.shape, self.valid.shape
            target = np.array(
                [[self.valid[y * rows // height, x * columns // width] for x in range(width)] for y in range(height)]
            )
            kept, turned = np.abs(confidence - target).sum(), np.abs(1 - confidence - target).sum()
            self.close(kept - turned, 1e-4)
            return bool(turned < kept)
        if self.clusterer.classifier:
            score: Any = self.clusterer.score
            layers = [
                (p.weight.detach().double().numpy(), p.bias.detach().double().numpy()) for p in (score[0], score[2])
            ]
            scores = [
                float((layers[1][0] @ np.maximum(layers[0][0] @ c + layers[0][1], 0) + layers[1][1])[0])
                for c in centers
            ]
            self.close(scores[0] - scores[1], 1e-5)
            return scores[1] > scores[0]
        self.close(confidence.sum() - (1 - confidence).sum(), 1e-4)
        return bool((1 - confidence).sum() > confidence.sum())

    def settle(self, confidence: np.ndarray, asked: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
        sets = []
        for is_valid in (True, False):
            pixels = [p for p in np.ndindex(*confidence.shape) if (confidence[p] >= 0.5) == is_valid]
            pixels.sort(key=lambda p, sign=-1 if is_valid else 1: sign * confidence[p])
            count = int(len(pixels) * share)
            if 0 < count < len(pixels):
                self.close(float(confidence[pixels[count - 1]] - confidence[pixels[count]]), 1e-6)
            chosen = np.zeros(confidence.shape, bool)
            for p in pixels[:count]:
                chosen[p] = True
            sets.append(self.without_edge(chosen) & asked)
        self.close(float(np.abs(confidence - 0.5).min()), 1e-5)
        return sets[0], sets[1]

    @staticmethod
    def without_edge(mask: np.ndarray) -> np.ndarray:
        padded = np.pad(mask, 1, mode="edge")
        inner = mask.copy()
        for y, x in np.argwhere(mask):
            inner[y, x] = all(padded[y + 1 + dy, x + 1 + dx] for dy, dx in itertools.product((-1, 0, 1), repeat=2))
        return inner

    def close(self, difference: float, tolerance: float) -> None:
        """Note a decision that rounding could turn round."""
        self.margin = min(self.margin, abs(difference) / tolerance)


NAMES = {
    "asked": "candidates",
    "settles_valid": "settles_valid",
    "settles_corrupted": "settles_corrupted",
    "valid_so_far": "settled_valid",
    "corrupted_so_far": "settled_corrupted",
}


def scripted(scales: int, dim: int, settle: tuple[float, ...], **fields: Any) -> Detector:
    torch.manual_seed(0)
    return Detector(
        encoder=ConvNeXtEncoder(channels=(2,) * scales, depths=(1,) * scales, kernel_size=1),
        interaction=Identity(),
        head=ProjectionHead(dim=dim),
        clusterer=ScriptedKMeans(one_class=False, **fields),
        settle=settle,
    )


def embeddings_of(generator: torch.Generator, batch: int, dim: int, sizes: list[tuple[int, int]], noise: float) -> Any:
    """Two directions and noise; the finer, the more noise."""
    directions = F.normalize(torch.randn(batch, 2, dim, generator=generator), dim=2)
    region = torch.rand(batch, 1, 3, 3, generator=generator) < 0.4
    maps = []
    for i, size in enumerate(sizes):
        where = F.interpolate(region.float(), size).bool()
        clean = torch.where(where, directions[:, 1, :, None, None], directions[:, 0, :, None, None])
        shaken = clean + noise * (len(sizes) - i) * torch.randn(batch, dim, *size, generator=generator)
        maps.append(F.normalize(shaken, dim=1))
    return tuple(maps)


@given(
    seed=st.integers(0, 2**31),
    batch=st.integers(1, 3),
    size=st.tuples(st.integers(1, 19), st.integers(1, 13)),
    scales=st.integers(1, 3),
    noise=st.sampled_from([0.1, 0.3, 1.0]),
    temperature=st.sampled_from([0.1, 0.5]),
    repeats=st.sampled_from([1, 1, 2]),
    iterations=st.sampled_from([1, 3]),
    order=st.sampled_from(["truth", "classifier", "larger"]),
    share=st.sampled_from([0.5, 0.95, 1.0]),
)
@settings(max_examples=30)
def test_coarse_to_fine_is_the_published_method_image_by_image(
    seed: int,
    batch: int,
    size: tuple[int, int],
    scales: int,
    noise: float,
    temperature: float,
    repeats: int,
    iterations: int,
    order: str,
    share: float,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    sizes = [size]
    for _ in range(scales - 1):
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    settle = (1.0, share, 0.9)[:scales]
    detector = scripted(
        scales, 4, settle, repeats=repeats, iterations=iterations, temperature=temperature, classifier=order != "larger"
    )
    embeddings = embeddings_of(generator, batch, 4, sizes, noise)
    truth = torch.rand(batch, 1, 2 * size[0], 2 * size[1], generator=generator) < 0.5 if order == "truth" else None

    found = detector.cluster_scales(embeddings, corruption_mask=truth)

    assert len(found) == scales
    compared = 0
    for b in range(batch):
        valid = None if truth is None else ~truth[b, 0].numpy()
        reference = Reference([e[b].double().numpy() for e in embeddings], detector, valid)
        if reference.margin < 1:  # a decision within rounding
            continue
        compared += 1
        for s, scale in enumerate(found):
            expected = reference.scales[s]
            for name, ours in NAMES.items():
                np.testing.assert_array_equal(getattr(scale, ours)[b, 0].numpy(), expected[name], f"{ours} {s}")
            np.testing.assert_array_equal(~scale.corruption_mask[b, 0].numpy(), expected["valid_mask"])
            np.testing.assert_allclose(1 - scale.confidence[b, 0].numpy(), expected["confidence"], atol=2e-4)
            np.testing.assert_allclose(
                1 - scale.cluster_confidence[b, 0].numpy(), expected["own_confidence"], atol=2e-4
            )
            np.testing.assert_allclose(scale.centers[b].numpy(), expected["centers"], atol=1e-4)
    assume(compared)


# --- The detector as a whole -----------------------------------------------------------------------------------------

MakeDetector = Callable[..., Detector]
SIZES = [(1, 1), (1, 7), (17, 33), (3, 50), (40, 24)]


def photos(batch: int, height: int, width: int, seed: int = 0) -> Tensor:
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(seed))


def tensors(detection: Detection) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(detection) if isinstance(leaf, Tensor)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("clusterer", [SoftKMeans, lambda: SoftKMeans(one_class=False, repeats=2), Prototypes])
def test_any_size_and_each_image_on_its_own(make_detector: MakeDetector, clusterer: Any, size: tuple[int, int]) -> None:
    detector, images = make_detector(clusterer=clusterer()), photos(3, *size)
    before = images.clone()
    with torch.no_grad():
        together = detector(images, seed=4)
        alone = [detector(image[None], seed=4) for image in images]
    assert torch.equal(images, before)
    assert together.confidence.shape == together.corruption_mask.shape == (3, 1, *size)
    assert together.confidence.dtype == torch.float32
    assert ((together.confidence >= 0) & (together.confidence <= 1)).all()
    assert torch.equal(together.corruption_mask, together.confidence > 0.5)
    for s, stride in enumerate(detector.encoder.spec.strides):
        assert together.masks[s].shape == (3, 1, -(-size[0] // stride), -(-size[1] // stride))
        assert torch.equal(together.masks[s], together.scales[s].corruption_mask)
    for b, single in enumerate(alone):
        for one, all_ in zip(tensors(single), tensors(together), strict=True):
            difference = (one[0].float() - all_[b].float()).abs().max()
            assert difference == 0 if one.dtype == torch.bool else difference < 1e-4


def test_a_seed_says_all_and_the_global_random_state_is_left_alone(make_detector: MakeDetector) -> None:
    detector, images = make_detector(clusterer=SoftKMeans(iterations=1, one_class=False)), photos(2, 24, 31)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # type: ignore[union-attr]
    with torch.no_grad():
        results = [detector(images, seed=seed).confidence for seed in range(5)]
        assert torch.equal(torch.get_rng_state(), before[0])
        assert (np.random.get_state()[1] == before[1]).all()  # pyright: ignore[reportArgumentType]
        assert random.getstate() == before[2]
        torch.manual_seed(123)
        assert all(torch.equal(detector(images, seed=s).confidence, results[s]) for s in range(5))
    assert any(not torch.allclose(results[0], other, atol=1e-2) for other in results[1:])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("logit", [-2.0, 2.0])
def test_an_image_of_one_class_is_valid_or_corrupted_as_a_whole(
    make_detector: MakeDetector, set_classifier: Callable[[Detector, float], None], size: tuple[int, int], logit: float
) -> None:
    detector = make_detector()
    set_classifier(detector, logit)
    detection = detector(photos(2, *size))
    corrupted = logit > 0
    assert (detection.corruption_mask == corrupted).all()
    assert all((mask == corrupted).all() for mask in detection.masks)
    assert torch.allclose(detection.confidence, torch.tensor(logit).sigmoid(), atol=1e-6)
    settled = detection.scales[-1].settled_corrupted if corrupted else detection.scales[-1].settled_valid
    assert settled.all()
    assert not any(scale.candidates.any() for scale in detection.scales[:-1])


@pytest.mark.parametrize("logit", [-2.0, 2.0])
def test_the_published_rule_always_finds_two_classes(
    make_detector: MakeDetector, set_classifier: Callable[[Detector, float], None], logit: float
) -> None:
    detector = make_detector(clusterer=SoftKMeans(one_class=False))
    set_classifier(detector, logit)
    mask = detector(photos(2, 40, 24)).corruption_mask.flatten(1)
    assert (mask.any(dim=1) & ~mask.all(dim=1)).all()


def test_one_class_is_decided_for_each_image(make_detector: MakeDetector) -> None:
    """The classifier sees the first coordinate of a center: one image has both signs, one has only one."""
    detector = make_detector(head=ProjectionHead(dim=2), settle=1.0)
    first, last = detector.clusterer.get_submodule("score.0"), detector.clusterer.get_submodule("score.2")
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))  # type: ignore[union-attr]
        first.bias.zero_()  # type: ignore[union-attr]
        last.weight.copy_(torch.tensor([[5.0, -5.0]]))  # type: ignore[union-attr]
        last.bias.zero_()  # type: ignore[union-attr]
    angles = torch.zeros(3, 8, 8)
    angles[0, :, 4:] = torch.pi  # valid left, corrupted right
    angles[1, :, 4:] = 0.9  # two groups, both valid
    angles[2] = torch.pi - 0.9  # two groups, both corrupted
    angles[2, :, 4:] = torch.pi
    coarsest = torch.stack([angles.cos(), angles.sin()], dim=1)
    maps = tuple(F.interpolate(coarsest, scale_factor=f) for f in (4, 2, 1))
    scales = detector.cluster_scales(maps)
    right = torch.zeros(8, 8, dtype=torch.bool)
    right[:, 4:] = True
    assert torch.equal(scales[-1].corruption_mask[0, 0], right)
    assert not scales[-1].corruption_mask[1].any()
    assert scales[-1].corruption_mask[2].all()
    assert torch.equal(scales[0].corruption_mask[0, 0], right.repeat_interleave(4, 0).repeat_interleave(4, 1))
    # Each pixel of an image of one class has the confidence of the center that it is nearest to.
    for b, left_angle, right_angle in ((1, 0.0, 0.9), (2, torch.pi - 0.9, torch.pi)):
        for part, angle in ((~right, left_angle), (right, right_angle)):
            expected = torch.tensor(-5.0 * math.cos(angle)).sigmoid()
            assert torch.allclose(scales[-1].confidence[b, 0][part], expected, atol=0.01)
    # A given truth says that there are two classes.
    truth = right.expand(3, 1, 8, 8)
    with_truth = detector.cluster_scales(maps, corruption_mask=truth)
    assert torch.equal(with_truth[-1].corruption_mask, truth)
    assert torch.equal(detector.cluster_scales(maps, corruption_mask=~truth)[-1].corruption_mask, ~truth)


def test_without_an_opinion_the_smaller_cluster_is_the_corrupted_one(make_detector: MakeDetector) -> None:
    detector = make_detector(clusterer=SoftKMeans(classifier=False, one_class=False), head=ProjectionHead(dim=2))
    small = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    small[..., 2:6, 2:6] = True
    one, other = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1), torch.tensor([0.0, 1.0]).view(1, 2, 1, 1)
    for inside, outside in ((one, other), (other, one)):
        for seed in range(3):
            coarsest = torch.where(small, inside, outside)
            maps = tuple(F.interpolate(coarsest, scale_factor=f) for f in (4, 2, 1))
            assert torch.equal(detector.cluster_scales(maps, seed=seed)[-1].corruption_mask, small)


def test_a_scale_clusters_what_the_coarser_ones_left_open(make_detector: MakeDetector) -> None:
    asked: list[Tensor] = []

    @hcl_sdk.component
    class Watched(SoftKMeans):
        def forward(self, embedding: Tensor, candidates: Tensor, *, seed: int = 0) -> Clusters:
            asked.append(candidates)
            assert embedding.dtype == torch.float32
            return super().forward(embedding, candidates, seed=seed)

    detector = make_detector(clusterer=Watched(one_class=False), settle=(1.0, 1.0, 1.0))
    detection = detector(torch.full((1, 3, 24, 24), 0.5))
    assert [tuple(a.shape[-2:]) for a in asked] == [(3, 3), (6, 6), (12, 12)]
    for fine, coarse in itertools.pairwise(detection.scales):
        up = (coarse.settled_valid | coarse.settled_corrupted).repeat_interleave(2, 2).repeat_interleave(2, 3)
        assert torch.equal(fine.candidates, ~up)


def test_finer_scales_without_candidates_take_over_the_coarser_values() -> None:
    detector = scripted(2, 2, (1.0, 1.0))
    angles = torch.zeros(1, 6, 6)
    coarse = torch.stack([angles.cos(), angles.sin()], dim=1)  # all the same: one class, all of it settled
    fine = F.normalize(torch.randn(1, 2, 11, 12), dim=1)
    scales = detector.cluster_scales((fine, coarse))
    assert scales[1].settled_valid.all()
    assert not scales[0].candidates.any()
    assert torch.equal(scales[0].centers, torch.zeros(1, 2, 2))
    assert (scales[0].cluster_confidence == 0.5).all()
    assert (scales[0].confidence == scales[1].confidence[0, 0, 0, 0]).all()
    assert not scales[0].corruption_mask.any()


@pytest.mark.parametrize("clusterer", [SoftKMeans, Prototypes])
def test_clustering_is_done_in_full_precision(make_detector: MakeDetector, clusterer: Any) -> None:
    detector, images = make_detector(clusterer=clusterer()), photos(1, 24, 31)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        detection = detector(images, seed=2)
    assert detection.embeddings[0].dtype == torch.bfloat16
    scales = detector.cluster_scales(detection.embeddings, seed=2)  # no autocast around it
    assert detection.confidence.dtype == torch.float32
    for ours, plain in zip(detection.scales, scales, strict=True):
        assert ours.centers.dtype == torch.float32
        for field in fields(ours):
            value, expected = getattr(ours, field.name), getattr(plain, field.name)
            assert value is expected if expected is None else torch.equal(value, expected)


def test_gradients_flow_through_embeddings_and_features_only(make_detector: MakeDetector) -> None:
    detector = make_detector()
    detection = detector(photos(1, 24, 31))
    assert not detection.confidence.requires_grad
    assert not any(s.centers.requires_grad for s in detection.scales)
    logits = detection.scales[-1].logits
    assert logits is not None
    logits.sum().backward()
    assert all(p.grad is not None for p in detector.clusterer.parameters())
    assert all(p.grad is None for p in detector.head.parameters())
    torch.stack([(e * torch.randn_like(e)).sum() for e in detection.embeddings]).sum().backward()
    for part in (detector.encoder, detector.interaction, detector.head):
        assert all(p.grad is not None and p.grad.abs().max() > 0 for p in part.parameters())


@pytest.mark.parametrize("seed", range(4))
def test_the_known_mask_says_which_cluster_is_corrupted(make_detector: MakeDetector, seed: int) -> None:
    detector, images = make_detector(), photos(2, 32, 32, seed)
    truth = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(seed)) < 0.5
    ours, opposite = (detector(images, corruption_mask=mask).scales[-1] for mask in (truth, ~truth))
    assert torch.allclose(ours.cluster_confidence, 1 - opposite.cluster_confidence, atol=1e-5)
    assert torch.allclose(ours.centers, opposite.centers.flip(1), atol=1e-6)
    small = truth[..., ::8, ::8].float()
    assert ((ours.cluster_confidence - small).abs().mean(dim=(1, 2, 3)) <= 0.5).all()


def test_the_known_mask_does_not_turn_a_clusterer_that_has_an_order(make_detector: MakeDetector) -> None:
    """Or a detector that finds the opposite would look perfect in training."""
    detector = make_detector(clusterer=Prototypes())
    image = torch.rand(2, 3, 16, 24)
    found = detector(image)
    for mask in (found.corruption_mask, ~found.corruption_mask, torch.zeros_like(found.corruption_mask)):
        assert torch.equal(detector(image, corruption_mask=mask).confidence, found.confidence)


def test_a_known_mask_becomes_a_detection_with_the_features(make_detector: MakeDetector) -> None:
    detector, images = make_detector(), photos(2, 17, 33)
    mask = torch.zeros(2, 1, 17, 33, dtype=torch.bool)
    mask[0, 0, 16, 32] = True
    detection = detector.encode_mask(images, mask)
    assert torch.equal(detection.corruption_mask, mask)
    assert detection.pyramid is not None
    for ours, theirs in zip(detection.pyramid.maps, detector.encoder(images).maps, strict=True):
        assert torch.equal(ours, theirs)
    assert [m.nonzero().tolist() for m in detection.masks] == [[[0, 0, 8, 16]], [[0, 0, 4, 8]], [[0, 0, 2, 4]]]


@pytest.mark.parametrize(
    ("image", "mask", "error", "message"),
    [
        (torch.rand(3, 8, 8), None, ValueError, r"must be \[B, 3, H, W\].*\(3, 8, 8\)"),
        (torch.rand(1, 1, 8, 8), None, ValueError, r"\(1, 1, 8, 8\)"),
        (torch.rand(1, 3, 0, 8), None, ValueError, "at least one pixel"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), None, TypeError, "floating-point.*uint8"),
        (torch.rand(2, 3, 8, 8), torch.zeros(2, 1, 8, 8), TypeError, "bool"),
        (torch.rand(2, 3, 8, 8), torch.zeros(1, 1, 8, 8, dtype=torch.bool), ValueError, r"\[2, 1, 8, 8\]"),
        (torch.rand(2, 3, 8, 8), torch.zeros(2, 1, 4, 8, dtype=torch.bool), ValueError, r"\[2, 1, 4, 8\]"),
    ],
)
def test_wrong_input_is_refused(
    tiny_detector: Detector, image: Tensor, mask: Tensor | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        tiny_detector(image, corruption_mask=mask)
    if mask is not None:
        with pytest.raises(error, match=message):
            tiny_detector.encode_mask(image, mask)


@pytest.mark.parametrize("settle", [1.5, -0.1, (1.0, 2.0, 0.5)])
def test_settle_has_to_be_a_share(settle: Any) -> None:
    with pytest.raises(ValueError, match="share from 0 to 1"):
        Detector(settle=settle)


def test_parts_that_do_not_fit_are_refused_when_put_together(make_detector: MakeDetector) -> None:
    with pytest.raises(ValueError, match="each of the 3 scales of ConvNeXtEncoder"):
        make_detector(settle=(1.0, 0.5))
    used = make_detector()
    with pytest.raises(ValueError, match=r"ProjectionHead is already bound"):
        make_detector(head=used.head, encoder=ConvNeXtEncoder(channels=(4, 4), depths=(1, 1)))
    with pytest.raises(ValueError, match="quarter"):
        make_detector(encoder=ConvNeXtEncoder(channels=(4, 2), depths=(1, 1)))
    with pytest.raises(TypeError, match="encoder"):
        make_detector(encoder=ProjectionHead())


def test_a_changed_copy_leaves_the_original_alone(make_detector: MakeDetector) -> None:
    detector = make_detector()
    weights = copy.deepcopy(detector.state_dict())
    changed = attrs.evolve(detector, settle=0.5)
    assert changed.encoder is detector.encoder
    assert all(torch.equal(value, weights[name]) for name, value in changed.state_dict().items())


def test_the_default_detector_is_the_published_composition() -> None:
    detector = Detector(encoder=SwinEncoder(dim=8))
    assert [type(p).__name__ for p in (detector.interaction, detector.head, detector.clusterer)] == [
        "TopDownFusion",
        "ProjectionHead",
        "SoftKMeans",
    ]
    assert detector(torch.rand(1, 3, 9, 11)).confidence.shape == (1, 1, 9, 11)


def test_bilinear_upsampling_is_continuous_where_nearest_repeats(make_detector: MakeDetector) -> None:
    images = photos(1, 16, 16)
    nearest = make_detector()(images)
    smooth = make_detector(upsampling="bilinear")(images)
    scale = nearest.scales[0].confidence
    assert torch.equal(nearest.confidence, scale.repeat_interleave(2, 2).repeat_interleave(2, 3))
    assert torch.allclose(smooth.confidence, F.interpolate(scale, scale_factor=2, mode="bilinear"))


# --- Export, compilation, values -----------------------------------------------------------------------------------


def test_a_detector_with_prototypes_exports_for_any_batch_and_height(make_detector: MakeDetector) -> None:
    encoder = ConvNeXtEncoder(channels=(4, 4), depths=(1, 1), kernel_size=1)
    detector = make_detector(encoder=encoder, clusterer=Prototypes())
    dynamic = torch.export.Dim.DYNAMIC
    program = torch.export.export(detector, (photos(2, 33, 40),), dynamic_shapes={"image": {0: dynamic, 2: dynamic}})
    for images in (photos(2, 33, 40), photos(3, 41, 40)):
        exported, eager = program.module()(images), detector(images)
        assert isinstance(exported, Detection)
        for a, b in zip(tensors(exported), tensors(eager), strict=True):
            assert torch.allclose(a, b, atol=1e-5)


def test_a_compiled_detector_gives_the_same(make_detector: MakeDetector) -> None:
    encoder = ConvNeXtEncoder(channels=(4,), depths=(1,), kernel_size=1)  # of one scale, so that tracing is quick
    detector = make_detector(
        encoder=encoder, interaction=Identity(), clusterer=SoftKMeans(iterations=1, one_class=False)
    )
    images = photos(2, 12, 14)
    with torch.no_grad():
        eager = detector(images, seed=3)
        names = list(detector.state_dict())
        detector.compile(backend="eager")
        compiled = detector(images, seed=3)
    assert type(detector) is Detector
    assert list(detector.state_dict()) == names
    for a, b in zip(tensors(compiled), tensors(eager), strict=True):
        assert torch.allclose(a.float(), b.float(), atol=1e-5)


def test_detections_are_trees_of_tensors(tiny_detector: Detector) -> None:
    detection = tiny_detector(photos(2, 9, 9))
    halves = pytree.tree_map_only(Tensor, lambda t: t[:1], detection)
    assert isinstance(halves, Detection)
    assert isinstance(halves.pyramid, Pyramid)
    assert halves.pyramid.spec == tiny_detector.encoder.spec
    assert all(t.shape[0] == 1 for t in tensors(halves))
    assert len(tensors(detection)) == 2 + 3 + 3 + 3 + 3 * 9 + 1  # the coarsest scale's logits


def test_an_interaction_that_changes_the_scales_is_refused_when_put_together() -> None:
    @hcl_sdk.component
    class Dropping(hcl_sdk.Interaction):
        def build(self, spec: PyramidSpec) -> None:
            self._spec = hcl_sdk.PyramidSpec(channels=spec.channels[1:], strides=spec.strides[1:])

        @property
        def spec(self) -> PyramidSpec:
            return self._spec

        def forward(self, pyramid: Pyramid) -> Pyramid:
            return pyramid.with_maps(pyramid.maps[1:])

    with pytest.raises(ValueError, match=r"keeps the strides of the encoder, \(2, 4\); Dropping makes them \(4,\)"):
        hcl_sdk.Detector(
            encoder=hcl_sdk.ConvNeXtEncoder(channels=(4, 8), depths=(1, 1)),
            interaction=Dropping(),
            head=hcl_sdk.ProjectionHead(dim=4),
        )


def _with_clusters(change: Any) -> dict[str, Any]:
    """A clusterer whose answer is changed by ``change``."""

    @hcl_sdk.component
    class Changed(hcl_sdk.Prototypes):
        def forward(self, embedding: Tensor, candidates: Tensor, *, seed: int = 0) -> Pyramid:  # pyright: ignore[reportIncompatibleMethodOverride]
            return change(super().forward(embedding, candidates, seed=seed))

    return {"clusterer": Changed()}


def _with_maps(change: Any) -> dict[str, Any]:
    """An encoder whose answer is changed by ``change``."""

    @hcl_sdk.component
    class Changed(hcl_sdk.ResNetEncoder):
        def forward(self, image: Tensor) -> Pyramid:
            return change(super().forward(image))

    return {"encoder": Changed(channels=(4, 8), depths=(0, 0))}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (_with_maps(lambda p: p.maps), r"must return a Pyramid of maps .*; got \[2, 4, 8, 10\], \[2, 8, 4, 5\]$"),
        (_with_maps(lambda p: p.with_maps([m[..., ::2, ::2] for m in p.maps])), r"maps .*4, 8, 10.*got .*4, 4, 5"),
        (
            _with_maps(lambda p: p.with_maps([m[:, :2] for m in p.maps])),
            r"Changed\.forward must return a Pyramid of maps",
        ),
        (
            _with_maps(lambda p: Pyramid(maps=p.maps[:1], spec=p.spec)),
            r"Changed\.forward must return a Pyramid of maps",
        ),
        (_with_maps(lambda p: None), "got a NoneType"),
        (_with_clusters(lambda c: None), r"Changed\.forward must return Clusters .*got a NoneType"),
        (
            _with_clusters(lambda c: Clusters(centers=c.centers, assignment=c.assignment.repeat(1, 2, 1, 1))),
            r"assignment \[2, 1, 4, 5\]; got .*\[2, 2, 4, 5\]",
        ),
        (
            _with_clusters(lambda c: Clusters(centers=c.centers.repeat(1, 2, 1), assignment=c.assignment)),
            r"centers \[2, 2, 4\]",
        ),
        (
            _with_clusters(lambda c: Clusters(centers=c.centers, assignment=c.assignment + 2)),
            r"confidence must lie in \[0, 1\]",
        ),
        (
            _with_clusters(lambda c: Clusters(centers=c.centers, assignment=c.assignment * math.nan)),
            r"confidence must lie in \[0, 1\]",
        ),
    ],
)
def test_a_part_that_returns_something_else_than_it_says_is_named(parts: Any, message: str) -> None:
    usual = {"encoder": hcl_sdk.ResNetEncoder(channels=(4, 8), depths=(0, 0)), "clusterer": hcl_sdk.Prototypes()}
    detector = hcl_sdk.Detector(**{**usual, **parts}, head=hcl_sdk.ProjectionHead(dim=4), settle=0.0).eval()
    with pytest.raises(ValueError, match=message):
        detector(torch.rand(2, 3, 16, 20))
