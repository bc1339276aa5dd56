"""Coarse to fine against the published method, one image at a time, in the published sign."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

import hcl_sdk
from hcl_sdk import (
    ConvNeXtEncoder,
    Detector,
    Identity,
    ProjectionHead,
    SoftKMeans,
)


def choose_start(count: int, repeat: int) -> int:
    """Which candidate is the first center, in the reference and in `ScriptedKMeans`."""
    return (5 * repeat + 2) % count


@hcl_sdk.component
class ScriptedKMeans(SoftKMeans):
    """Clusters from starts that the tests know."""

    def start(self, candidates: Tensor, seed: int) -> Tensor:
        counts = candidates.flatten(1).sum(dim=1).tolist()
        return torch.tensor([[choose_start(n, r) if n else 0 for r in range(self.repeats)] for n in counts])


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
            if self.is_reversed(centers, confidence, coarser):
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
            first = pixels[choose_start(len(pixels), repeat)]
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

    def is_reversed(self, centers: np.ndarray, confidence: np.ndarray, coarser: dict[str, np.ndarray] | None) -> bool:
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


def make_scripted_detector(scales: int, dim: int, settle: tuple[float, ...], **fields: Any) -> Detector:
    torch.manual_seed(0)
    return Detector(
        encoder=ConvNeXtEncoder(channels=(2,) * scales, depths=(1,) * scales, kernel_size=1),
        interaction=Identity(),
        head=ProjectionHead(dim=dim),
        clusterer=ScriptedKMeans(one_class=False, **fields),
        settle=settle,
    )


def draw_embeddings(
    generator: torch.Generator, batch: int, dim: int, sizes: list[tuple[int, int]], noise: float
) -> Any:
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
    detector = make_scripted_detector(
        scales, 4, settle, repeats=repeats, iterations=iterations, temperature=temperature, classifier=order != "larger"
    )
    embeddings = draw_embeddings(generator, batch, 4, sizes, noise)
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


def test_finer_scales_without_candidates_take_over_the_coarser_values() -> None:
    detector = make_scripted_detector(2, 2, (1.0, 1.0))
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
