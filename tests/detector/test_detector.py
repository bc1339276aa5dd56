"""The detector as a whole: images of any size, classes, scales, gradients, export."""

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
from torch import Tensor
from torch.nn import functional as F
from torch.utils import _pytree as pytree

import hcl_sdk
from hcl_sdk import (
    Clusters,
    ConvNeXtEncoder,
    DamageHead,
    Detection,
    Detector,
    Identity,
    ProjectionHead,
    Prototypes,
    Pyramid,
    SoftKMeans,
    SwinEncoder,
    Verdict,
)

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


def test_a_scale_clusters_pixels_left_undecided_by_coarser_scales(make_detector: MakeDetector) -> None:
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


@pytest.mark.parametrize("upsampling", ["nearest", "bilinear"])
def test_the_confidence_alone_is_that_of_the_detection(make_detector: MakeDetector, upsampling: Any) -> None:
    detector = make_detector(upsampling=upsampling, damage_head=DamageHead(), verdict=Verdict())
    images = photos(2, 17, 33)
    ran: list[Any] = []
    for part in (detector.damage_head, detector.verdict):
        part.register_forward_hook(lambda part, *_: ran.append(part))
    with torch.no_grad():
        alone = detector(images, seed=4, confidence_only=True)
        assert not ran
        assert alone.damage_logits is None
        assert alone.verdict_logits is None
        assert torch.equal(alone.confidence, detector(images, seed=4).confidence)
    assert len(ran) == 2


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
