"""The library's losses over anchors and references, compared with plain formulas and with hcl_sdk's own losses."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hcl_metric_learning.loss import MetricLearningLoss, _draw_triplets
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning import losses
from torch.nn import functional as F

from hcl_sdk import Detection, DetectionLoss
from hcl_sdk.config import ConfigError, build, describe
from hcl_sdk.functional.contrastive import select_pairs
from hcl_sdk.losses.info_nce import InfoNCELoss
from hcl_sdk.losses.sup_con import SupConLoss
from hcl_sdk.plugins import registry


@pytest.mark.parametrize("hard_mining", [True, False])
@pytest.mark.parametrize("temperature", [0.05, 0.5])
def test_supcon_is_our_sup_con(detection: Detection, mask: torch.Tensor, hard_mining: bool, temperature: float) -> None:
    given_ = {"anchors": 20, "references": 9, "hard_mining": hard_mining}
    ours = SupConLoss(temperature=temperature, **given_)
    theirs = MetricLearningLoss(
        loss="SupConLoss", options={"temperature": temperature}, reducer="MeanReducer", **given_
    )
    assert_same_with_gradients(ours, theirs, detection, mask)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_nt_xent_is_our_info_nce_where_all_anchors_have_as_many_positives(
    temperature: float, draw_detection: Callable[..., Detection]
) -> None:
    mask = torch.zeros(2, 1, 16, 16, dtype=torch.bool)
    mask[..., 8:] = True  # half of every scale, and all pixels are anchors
    detection = draw_detection(mask, scales=2, settle=False)
    ours = InfoNCELoss(temperature=temperature, anchors=64)
    theirs = MetricLearningLoss(loss="NTXentLoss", options={"temperature": temperature}, anchors=64)
    assert_same_with_gradients(ours, theirs, detection, mask)


def assert_same_with_gradients(
    ours: DetectionLoss, theirs: DetectionLoss, detection: Detection, mask: torch.Tensor
) -> None:
    # What a head computes before it makes embeddings of it: the library normalizes again, which changes no value.
    before = [2 * e.detach().requires_grad_() for e in detection.embeddings]
    values, gradients = [], []
    for loss in (ours, theirs):
        units = tuple(F.normalize(e, dim=1) for e in before)
        values.append(loss(dataclasses.replace(detection, embeddings=units), mask, seed=4))
        gradients.append(torch.autograd.grad(values[-1], before))
    assert all(g.abs().max() > 0 for g in gradients[0])
    torch.testing.assert_close(values[0], values[1])
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b)


def select_our_pairs(detection: Detection, mask: torch.Tensor, *, anchors: int, references: int, seed: int) -> Any:
    scales = detection.scales
    return select_pairs(
        detection.embeddings,
        [scale.candidates for scale in scales],
        [scale.settles_valid for scale in scales],
        [scale.settles_corrupted for scale in scales],
        mask,
        confidence=[scale.cluster_confidence for scale in scales],
        anchors=anchors,
        references=references,
        seed=seed,
    )


def test_contrastive_loss_is_the_formula_over_all_pairs_of_distinct_pixels(
    detection: Detection, mask: torch.Tensor
) -> None:
    loss = MetricLearningLoss(loss="ContrastiveLoss", options={"neg_margin": 1.2}, anchors=7, references=4)
    expected = 0.0
    for pairs in select_our_pairs(detection, mask, anchors=7, references=4, seed=2):
        for b in range(len(mask)):
            terms: dict[bool, list[float]] = {True: [], False: []}
            for i in range(pairs.anchors.shape[1]):
                for j in range(pairs.references.shape[1]):
                    if i == j or not pairs.is_anchor[b, i] or not pairs.is_reference[b, j]:
                        continue
                    distance = (pairs.anchors[b, i] - pairs.references[b, j]).norm().item()
                    is_same = bool(pairs.labels[b, i] == pairs.reference_labels[b, j])
                    term = distance if is_same else max(0.0, 1.2 - distance)
                    terms[is_same] += [term] if term > 0 else []
            expected += sum(sum(t) / len(t) for t in terms.values() if t) / len(mask)
    assert loss(detection, mask, seed=2).item() == pytest.approx(expected, rel=1e-5)


def test_the_distance_and_the_reducer_are_those_that_are_named(detection: Detection, mask: torch.Tensor) -> None:
    loss = MetricLearningLoss(
        loss="TripletMarginLoss",
        options={"margin": 0.3},
        distance="LpDistance",
        distance_options={"p": 1, "normalize_embeddings": False},
        reducer="ThresholdReducer",
        reducer_options={"low": 0.5, "high": 0.9},
    )
    assert isinstance(loss.criterion, losses.TripletMarginLoss)
    assert (loss.criterion.margin, loss.criterion.distance.p, loss.criterion.distance.normalize_embeddings) == (
        0.3,
        1,
        False,
    )
    assert (loss.criterion.reducer.low, loss.criterion.reducer.high) == (0.5, 0.9)
    other = MetricLearningLoss(loss="TripletMarginLoss", options={"margin": 0.3})
    assert loss(detection, mask) != other(detection, mask)


def test_one_seed_gives_one_value_and_another_seed_another(detection: Detection, mask: torch.Tensor) -> None:
    for name in ("TripletMarginLoss", "NTXentLoss"):
        loss = MetricLearningLoss(loss=name, anchors=8, references=4, triplets=4)
        first, again, other = (loss(detection, mask, seed=seed) for seed in (1, 1, 2))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)


@given(
    anchors=st.integers(1, 6),
    others=st.integers(0, 6),
    count=st.integers(1, 5),
    seed=st.integers(0, 99),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_triplets_are_of_an_anchor_a_positive_and_a_negative(
    anchors: int, others: int, count: int, seed: int, data: st.DataObject
) -> None:
    labels = data.draw(st.lists(st.booleans(), min_size=anchors + others, max_size=anchors + others))
    reference = torch.tensor(labels)
    same = reference[:anchors, None] == reference[None, :]
    other = ~same
    same[:, :anchors].fill_diagonal_(False)
    drawn = _draw_triplets(same, other, count, seed)
    usable = [i for i in range(anchors) if same[i].any() and other[i].any()]
    assert drawn[0].tolist() == [i for i in usable for _ in range(count)]
    for anchor, positive, negative in zip(*(t.tolist() for t in drawn), strict=True):
        assert labels[positive] == labels[anchor] != labels[negative]
        assert positive != anchor


def test_many_triplets_reach_every_positive_and_every_negative_about_as_often() -> None:
    same = torch.tensor([[False, True, True, False, False, True]])
    other = torch.tensor([[False, False, False, True, True, False]])
    _, positive, negative = _draw_triplets(same, other, 6000, 0)
    assert torch.bincount(positive, minlength=6).tolist() == pytest.approx([0, 2000, 2000, 0, 0, 2000], abs=200)
    assert torch.bincount(negative, minlength=6).tolist() == pytest.approx([0, 0, 0, 3000, 3000, 0], abs=200)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"loss": "NTXent"}, r"loss: pytorch-metric-learning has no loss 'NTXent'; did you mean 'NTXentLoss'\?"),
        ({"loss": "ArcFaceLoss"}, "loss: ArcFaceLoss learns weights for every class, .* are AngularLoss, "),
        ({"loss": "ProxyAnchorLoss"}, "ProxyAnchorLoss learns weights for every class"),
        ({"loss": "CrossBatchMemory"}, "CrossBatchMemory is made of other losses"),
        ({"loss": "MultipleLosses"}, "MultipleLosses is made of other losses"),
        ({"loss": "FastAPLoss"}, "FastAPLoss does not compare anchors with references that are not anchors"),
        ({"loss": "VICRegLoss"}, "VICRegLoss does not compare anchors with references"),
        ({"loss": "NCALoss"}, "NCALoss compares every anchor with itself"),
        ({"loss": "TupletMarginLoss"}, "TupletMarginLoss is not finite for equal embeddings"),
        (
            {"loss": "NTXentLoss", "options": {"temprature": 1}},
            r"options.temprature: NTXentLoss has no such parameter; did you mean 'temperature'\?",
        ),
        (
            {"loss": "SupConLoss", "options": {"m": 1}},
            "options.m: SupConLoss has no such parameter; known: temperature",
        ),
        ({"loss": "SupConLoss", "options": {"distance": "LpDistance"}}, "name it in the field 'distance'"),
        ({"loss": "TripletMarginLoss", "options": {"triplets_per_anchor": 3}}, "use the field 'triplets'"),
        ({"loss": "TripletMarginLoss", "options": {"swap": True}}, "options.swap: .* positives are not anchors"),
        ({"loss": "SupConLoss", "options": {"temperature": "0.1"}}, "SupConLoss, options .* cannot be computed: "),
        ({"loss": "NTXentLoss", "options": {"temperature": 0}}, "expected a finite number|cannot be computed"),
        ({"loss": "CircleLoss", "distance": "LpDistance"}, "requires the distance metric to be CosineSimilarity"),
        ({"loss": "SupConLoss", "distance": "CosinSimilarity"}, "distance: .* did you mean 'CosineSimilarity'"),
        ({"loss": "SupConLoss", "distance_options": {"p": 1}}, "distance_options: there is no 'distance'"),
        (
            {"loss": "SupConLoss", "distance": "LpDistance", "distance_options": {"q": 1}},
            "distance_options.q: LpDistance has no such parameter",
        ),
        ({"loss": "NTXentLoss", "reducer": "PerAnchorReducer"}, "NTXentLoss, reducer PerAnchorReducer cannot be"),
        ({"loss": "NTXentLoss", "reducer": "DoNothingReducer"}, "expected a finite number"),
        ({"loss": "NTXentLoss", "reducer": "ClassWeightedReducer"}, "reducer: ClassWeightedReducer cannot be made"),
    ],
)
def test_unusable_losses_are_refused_with_one_clear_error(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        MetricLearningLoss(**fields)
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match=message):
        build({"use": "hcl-metric-learning/metric-learning", **fields}, "loss")


def test_a_configuration_is_complete_and_comes_back() -> None:
    spelled = {"use": "hcl-metric-learning/metric-learning", "loss": "NTXentLoss", "options": {"temperature": 0.1}}
    described = describe(build(spelled, "loss"))
    assert described["options"] == {"temperature": 0.1}
    assert described["weight"] == 1.0
    assert describe(build(json.loads(json.dumps(described)), "loss")) == described


def test_the_plugin_is_found_and_gives_its_name() -> None:
    (report,) = [r for r in registry.plugins if r.distribution == "hcl-metric-learning"]
    assert (report.status, report.error) == ("ok", "")
    assert report.names == ("hcl-metric-learning/metric-learning",)
    assert registry.get("loss", "metric-learning") is MetricLearningLoss
