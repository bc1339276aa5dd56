"""The losses of a detector, on detections as training has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk import DamageHead, Detector, Prototypes, SoftKMeans
from hcl_sdk.config import build, describe
from hcl_sdk.functional.contrastive import hierarchical_contrastive_loss, select_pairs
from hcl_sdk.losses import BCELoss, ClassifierLoss, DamageLoss, HierarchicalContrastiveLoss, InfoNCELoss, SupConLoss

CONTRASTIVE = (HierarchicalContrastiveLoss, InfoNCELoss, SupConLoss)


@pytest.fixture
def scene() -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    images = F.interpolate(torch.rand(3, 3, 6, 7, generator=g), (40, 52), mode="bilinear")
    masks = torch.zeros(3, 1, 40, 52, dtype=torch.bool)
    masks[0, :, 5:20, 10:40] = True
    masks[1, :, 25:] = True
    return images, masks


@pytest.mark.parametrize("loss", CONTRASTIVE)
def test_contrastive_losses_teach_everything_up_to_the_head(
    make_detector: Callable[..., Detector], scene: tuple[Tensor, Tensor], loss: type[Any]
) -> None:
    images, masks = scene
    detector = make_detector()
    value = loss()(detector(images, corruption_mask=masks), masks, seed=1)
    value.backward()
    assert value.shape == ()
    for part in (detector.encoder, detector.interaction, detector.head):
        assert all(p.grad is not None and p.grad.isfinite().all() for p in part.parameters())
    assert all(p.grad is None for p in detector.clusterer.parameters())


def test_the_published_loss_is_the_sum_over_the_scales(
    make_detector: Callable[..., Detector], scene: tuple[Tensor, Tensor]
) -> None:
    images, masks = scene
    detection = make_detector()(images, corruption_mask=masks)
    scales = detection.scales
    pairs = select_pairs(
        detection.embeddings,
        [s.candidates for s in scales],
        [s.settles_valid for s in scales],
        [s.settles_corrupted for s in scales],
        masks,
    )
    loss = HierarchicalContrastiveLoss(anchors=10**6, references=10**6)
    assert torch.equal(loss(detection, masks), hierarchical_contrastive_loss(pairs).sum())


@pytest.mark.parametrize("loss", CONTRASTIVE)
def test_contrastive_losses_share_their_configuration(loss: type[Any]) -> None:
    fields = {"weight": 0.5, "temperature": 0.2, "anchors": 7, "references": 8, "hard_mining": False}
    described = describe(loss(**fields))
    assert list(described.items())[1:] == list(fields.items())
    assert describe(build(described, "loss")) == described
    with pytest.raises(ValueError, match="temperature"):
        loss(temperature=0.01)


@pytest.mark.parametrize("loss", CONTRASTIVE)
def test_the_seed_determines_the_draw(
    make_detector: Callable[..., Detector], scene: tuple[Tensor, Tensor], loss: type[Any]
) -> None:
    images, masks = scene
    detection = make_detector()(images, corruption_mask=masks)
    few = loss(anchors=20, references=5, hard_mining=False)
    values = [few(detection, masks, seed=seed).item() for seed in (1, 1, 2)]
    assert values[0] == values[1] != values[2]


@pytest.mark.parametrize("loss", [*(c() for c in CONTRASTIVE), ClassifierLoss()])
def test_the_loss_of_a_batch_is_the_mean_of_its_images(
    make_detector: Callable[..., Detector], scene: tuple[Tensor, Tensor], loss: Any
) -> None:
    images, masks = scene
    detector = make_detector()
    whole = loss(detector(images, corruption_mask=masks, seed=3), masks, seed=7)
    ones = [
        loss(detector(images[i : i + 1], corruption_mask=masks[i : i + 1], seed=3), masks[i : i + 1], seed=7)
        for i in range(3)
    ]
    torch.testing.assert_close(whole, torch.stack(ones).mean(), atol=1e-5, rtol=1e-4)


def test_bce_covers_every_scale(make_detector: Callable[..., Detector], scene: tuple[Tensor, Tensor]) -> None:
    images, masks = scene
    detection = make_detector(clusterer=Prototypes(), settle=0.0)(images)
    expected = torch.zeros(())
    for s, scale in enumerate(detection.scales):
        p, t = scale.cluster_confidence, masks.float()
        if s == 0:
            p = F.interpolate(p, t.shape[-2:], mode="bilinear")
        else:
            t = F.adaptive_avg_pool2d(t, tuple(p.shape[-2:]))
        entropy = -(t * p.log() + (1 - t) * (1 - p).log()).mean()
        expected = expected + (1.0 if s == 0 else 0.3) * entropy
        if s == 0:
            dice = [1 - (2 * (a * b).sum() + 1) / (a.sum() + b.sum() + 1) for a, b in zip(p, t, strict=True)]
            expected = expected + 0.5 * torch.stack(dice).mean()
    torch.testing.assert_close(BCELoss(coarse_weight=0.3, dice=0.5)(detection, masks), expected)


def test_bce_teaches_the_whole_detector(make_detector: Callable[..., Detector], scene: tuple[Tensor, Tensor]) -> None:
    images, masks = scene
    detector = make_detector(clusterer=Prototypes(), settle=0.0)
    BCELoss()(detector(images), masks).backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in detector.parameters())


def test_bce_stays_finite_where_probabilities_are_saturated(
    make_detector: Callable[..., Detector], scene: tuple[Tensor, Tensor]
) -> None:
    images, masks = scene
    detector = make_detector(clusterer=Prototypes(temperature=1e-3), settle=0.0)
    loss = BCELoss(dice=1.0)(detector(images), masks)
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad.isfinite().all() for p in detector.parameters())


def test_bce_needs_a_clusterer_that_learns(
    make_detector: Callable[..., Detector], scene: tuple[Tensor, Tensor]
) -> None:
    images, masks = scene
    detection = make_detector()(images)
    with pytest.raises(ValueError, match="give it the clusterer prototypes"):
        BCELoss()(detection, masks)
    with torch.no_grad():
        assert BCELoss()(detection, masks).isfinite()


def test_the_classifier_learns_which_center_is_corrupted(
    make_detector: Callable[..., Detector], scene: tuple[Tensor, Tensor]
) -> None:
    images, masks = scene
    masks = masks.clone()
    masks[1] = True  # all corrupted; nothing is in the third
    detector = make_detector()
    detection = detector(images, corruption_mask=masks)
    logits = detector.clusterer.corruption_logits(detection.scales[-1].centers)
    assert logits is not None
    targets = torch.tensor([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    expected = -(targets * F.logsigmoid(logits) + (1 - targets) * F.logsigmoid(-logits)).mean()
    loss = ClassifierLoss()(detection, masks)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert all(p.grad is not None for p in detector.clusterer.parameters())
    assert all(p.grad is None for p in detector.head.parameters())


@pytest.mark.parametrize("clusterer", [SoftKMeans(classifier=False, one_class=False), Prototypes()])
def test_the_classifier_loss_needs_a_classifier(
    make_detector: Callable[..., Detector], scene: tuple[Tensor, Tensor], clusterer: SoftKMeans | Prototypes
) -> None:
    images, masks = scene
    with pytest.raises(ValueError, match="use soft-kmeans with classifier: true"):
        ClassifierLoss()(make_detector(clusterer=clusterer)(images, corruption_mask=masks), masks)


def test_clusters_become_right_by_training(
    make_detector: Callable[..., Detector], scene: tuple[Tensor, Tensor]
) -> None:
    """A few steps of the published losses on one scene: the clusters find the corrupted region."""
    images, masks = scene
    noisy = torch.where(masks, torch.rand(images.shape, generator=torch.Generator().manual_seed(1)), images)
    detector = make_detector().train()
    optimizer = torch.optim.Adam(detector.parameters(), lr=1e-2)
    losses = HierarchicalContrastiveLoss(), ClassifierLoss()
    for step in range(60):
        detection = detector(noisy, corruption_mask=masks, seed=step)
        loss = torch.stack([each(detection, masks, seed=step) for each in losses]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = detector.eval()(noisy).corruption_mask
    assert ((found & masks).sum() / (found | masks).sum()) > 0.6


def draw_kinds(masks: Tensor) -> Tensor:
    """Some kind of damage for each corrupted pixel."""
    kinds = torch.randint(1, 7, masks.shape, generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    return kinds * masks


def test_the_damage_loss_counts_every_kind_of_an_image_the_same(
    make_detector: Callable[..., Detector], scene: tuple[Tensor, Tensor]
) -> None:
    images, masks = scene
    detection = make_detector(damage_head=DamageHead(dim=4))(images)
    kinds = draw_kinds(masks)
    kinds[0, :, 5:19][masks[0, :, 5:19]] = 3  # nearly all of the first image's
    logits = F.interpolate(detection.damage_logits, images.shape[-2:], mode="bilinear")
    means = []
    for b in range(3):
        of_kind = [
            torch.stack([-logits[b, :, y, x].log_softmax(dim=0)[k - 1] for y, x in (kinds[b, 0] == k).nonzero()]).mean()
            for k in range(1, 7)
            if (kinds[b] == k).any()
        ]
        means.append(sum(of_kind) / len(of_kind) if of_kind else 0.0)
    loss = DamageLoss()(detection, masks, damage_map=kinds)
    torch.testing.assert_close(loss, torch.as_tensor(sum(means) / 3))


def test_the_damage_loss_names_its_requirements(
    make_detector: Callable[..., Detector], scene: tuple[Tensor, Tensor]
) -> None:
    images, masks = scene
    with pytest.raises(ValueError, match="this detector has none; give it damage_head"):
        DamageLoss()(make_detector()(images), masks, damage_map=draw_kinds(masks))
    with pytest.raises(ValueError, match="needs to know the kinds of damage"):
        DamageLoss()(make_detector(damage_head=DamageHead())(images), masks)


def test_the_damage_loss_teaches_a_detector_up_to_its_damage_head(
    make_detector: Callable[..., Detector], scene: tuple[Tensor, Tensor]
) -> None:
    images, masks = scene
    detector = make_detector(damage_head=DamageHead(dim=4))
    DamageLoss()(detector(images), masks, damage_map=draw_kinds(masks)).backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in detector.damage_head.parameters())
    assert any(p.grad is not None for p in detector.encoder.parameters())
    assert all(p.grad is None for p in detector.head.parameters())
