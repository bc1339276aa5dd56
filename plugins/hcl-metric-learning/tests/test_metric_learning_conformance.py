"""The conformance kit on losses of every sort, and what the library's other losses do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hcl_metric_learning.library import list_usable_losses
from hcl_metric_learning.loss import MetricLearningLoss
from torch.nn import functional as F
from torch.utils._pytree import tree_map_only

from hcl_sdk import Detection
from hcl_sdk.testing import parametrize_with_checks


@parametrize_with_checks(
    [
        MetricLearningLoss,  # pyright: ignore[reportArgumentType] # its example is taken, since it has no defaults
        lambda: MetricLearningLoss(loss="SupConLoss", reducer="MeanReducer"),
        lambda: MetricLearningLoss(loss="MarginLoss", options={"learn_beta": True, "nu": 0.1}, triplets=8),
    ]
)
def test_conformance(factory: Callable[[], Any], check: Callable[[Any], None]) -> None:
    check(factory)


@pytest.mark.parametrize("name", list_usable_losses())
def test_every_loss_is_finite_with_gradients_and_treats_images_by_themselves(
    name: str, detection: Detection, mask: torch.Tensor
) -> None:
    loss = MetricLearningLoss(loss=name, anchors=12, references=6)
    whole = loss(detection, mask, seed=3)
    whole.backward()
    assert whole.isfinite()
    gradients = torch.cat([g.flatten(1) for e in detection.embeddings if (g := e.grad) is not None], dim=1)
    assert gradients.shape[1] == sum(e[0].numel() for e in detection.embeddings)
    assert gradients.isfinite().all()
    assert gradients[0].abs().max() > 0
    alone = [
        loss(tree_map_only(torch.Tensor, lambda t: t[b : b + 1].detach(), detection), mask[b : b + 1], seed=3)  # noqa: B023
        for b in range(len(mask))
    ]
    torch.testing.assert_close(whole.detach(), torch.stack(alone).mean())


@pytest.mark.parametrize(
    "name", sorted(set(list_usable_losses()) - {"IntraPairVarianceLoss"})
)  # that one goes with others
def test_descent_takes_the_classes_apart(name: str, draw_detection: Callable[..., Detection]) -> None:
    mask = torch.zeros(1, 1, 16, 16, dtype=torch.bool)
    mask[..., 8:] = True
    loss, detection = MetricLearningLoss(loss=name, anchors=24, references=6), draw_detection(mask, scales=2)
    embeddings = [e.detach().clone().requires_grad_() for e in detection.embeddings]
    optimizer = torch.optim.Adam(embeddings, lr=0.1)
    before = measure_separation(embeddings[0][0], mask[0])
    for step in range(20):
        optimizer.zero_grad()
        units = tuple(F.normalize(e, dim=1) for e in embeddings)
        loss(dataclasses.replace(detection, embeddings=units), mask, seed=step).backward()
        optimizer.step()
    assert measure_separation(embeddings[0][0], mask[0]) > before + 0.1


def measure_separation(embedding: torch.Tensor, mask: torch.Tensor) -> float:
    """The mean similarity of pixels of one class less that of pixels of different ones."""
    unit = F.normalize(embedding.detach(), dim=0).flatten(1)
    labels = mask[..., ::2, ::2].flatten()
    similarity, same = unit.T @ unit, labels[:, None] == labels[None, :]
    return float(similarity[same].mean() - similarity[~same].mean())
