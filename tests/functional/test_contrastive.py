"""The contrastive losses against a plain, slow reading of the description, one image and one anchor after the other."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.functional.contrastive import (
    LOWEST_TEMPERATURE,
    Pairs,
    hierarchical_contrastive_loss,
    info_nce_loss,
    select_pairs,
    supervised_contrastive_loss,
)


def draw_inputs(
    seed: int, batch: int = 2, size: tuple[int, int] = (8, 8), scales: int = 3, dim: int = 4, dtype: Any = torch.float32
) -> tuple[Any, Any, Any, Any, Any]:
    """Random embeddings, truth, and sets of pixels that are settled, each scale half the size of the one before."""
    g = torch.Generator().manual_seed(seed)
    sizes = [(-(-size[0] // 2**s), -(-size[1] // 2**s)) for s in range(scales)]
    embeddings = [F.normalize(torch.randn(batch, dim, *hw, generator=g, dtype=dtype), dim=1) for hw in sizes]
    coarse = torch.rand(batch, 1, 3, 3, generator=g) > 0.5
    mask = F.interpolate(coarse.float(), size) > 0.5
    kinds = [torch.randint(3, (batch, 1, *hw), generator=g) for hw in sizes]
    valid, corrupted = [k == 1 for k in kinds], [k == 2 for k in kinds]
    candidates = [torch.rand(batch, 1, *hw, generator=g) > 0.3 for hw in sizes]
    candidates[-1] = torch.ones_like(candidates[-1])
    return embeddings, candidates, valid, corrupted, mask


def slow_pairs(
    embeddings: tuple[Tensor, ...], candidates: Any, valid: Any, corrupted: Any, mask: Tensor, s: int, b: int
) -> tuple[Any, Any]:
    """Anchors (vector, label) of an image at a scale, and its references, out of loops over pixels."""
    anchors, references = [], []
    height, width = mask.shape[-2:]
    for y in range(embeddings[s].shape[2]):
        for x in range(embeddings[s].shape[3]):
            patch = mask[b, 0, y * 2**s : min(height, (y + 1) * 2**s), x * 2**s : min(width, (x + 1) * 2**s)]
            if candidates[s][b, 0, y, x] and (patch.all() or not patch.any()):
                anchors.append((embeddings[s][b, :, y, x], bool(patch.all())))
    references += anchors
    if s + 1 < len(embeddings):
        for y in range(embeddings[s + 1].shape[2]):
            for x in range(embeddings[s + 1].shape[3]):
                vector = embeddings[s + 1][b, :, y, x].detach()
                if valid[s + 1][b, 0, y, x]:
                    references.append((vector, False))
                if corrupted[s + 1][b, 0, y, x]:
                    references.append((vector, True))
    return anchors, references


def slow_loss(kind: str, inputs: tuple[Any, Any, Any, Any, Any], s: int, t: float) -> Any:
    """The loss of a scale, softplus(logsumexp(s_n / t) + logsumexp(-s_p / t)), and its relatives, as written."""
    embeddings = inputs[0]
    images = []
    for b in range(len(embeddings[0])):
        anchors, references = slow_pairs(*inputs, s, b)
        losses = []
        for i, (anchor, label) in enumerate(anchors):
            own = [(anchor @ v) / t for j, (v, k) in enumerate(references) if k == label and (kind == "hcl" or j != i)]
            other = [(anchor @ v) / t for v, k in references if k != label]
            if not other:
                losses.append(torch.zeros(()))
                continue
            negative = torch.stack(other).logsumexp(0)
            if kind == "hcl":
                losses.append(F.softplus(negative + (-torch.stack(own)).logsumexp(0)))
            elif not own:
                losses.append(torch.zeros(()))
            elif kind == "info-nce":
                losses.append(torch.stack([-(p - torch.logaddexp(p, negative)) for p in own]).mean())
            else:
                everything = torch.stack(own + other).logsumexp(0)
                losses.append(torch.stack([everything - p for p in own]).mean())
        images.append(torch.stack(losses).mean() if losses else torch.zeros(()))
    return torch.stack(images).mean()


FAST = {
    "hcl": hierarchical_contrastive_loss,
    "info-nce": info_nce_loss,
    "sup-con": supervised_contrastive_loss,
}


@pytest.mark.parametrize("kind", FAST)
@settings(max_examples=12)
@given(
    seed=st.integers(0, 1000),
    batch=st.integers(1, 3),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    scales=st.integers(1, 3),
    temperature=st.sampled_from([0.1, 0.5, LOWEST_TEMPERATURE]),
)
def test_values_and_gradients_match_the_slow_version(
    kind: Any, seed: int, batch: int, size: tuple[int, int], scales: int, temperature: Any
) -> None:
    inputs = draw_inputs(seed, batch, size, scales)
    leaves = [e.requires_grad_() for e in inputs[0]]
    fast = FAST[kind](select_pairs(*inputs), temperature=temperature)
    slow = torch.stack([slow_loss(kind, inputs, s, temperature) for s in range(scales)])
    torch.testing.assert_close(fast, slow, atol=1e-4, rtol=1e-4)
    if slow.requires_grad:
        ours = torch.autograd.grad(fast.sum(), leaves, materialize_grads=True)
        theirs = torch.autograd.grad(slow.sum(), leaves, materialize_grads=True)
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("kind", FAST)
@pytest.mark.parametrize("similarity", [-1.0, 1.0])
def test_the_lowest_temperature_keeps_sums_of_many_finite(kind: Any, similarity: float) -> None:
    """All vectors of the two labels alike, or opposite: exponents of 50 and -50, in thousands."""
    mask = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    mask[..., 32:] = True
    vector = torch.tensor([1.0, 0.0])[:, None, None]
    everything, nothing = torch.ones_like(mask), torch.zeros_like(mask)
    embedding = torch.where(mask, similarity * vector, vector).requires_grad_()
    pairs = select_pairs([embedding], [everything], [nothing], [nothing], mask)
    loss = FAST[kind](pairs, temperature=LOWEST_TEMPERATURE)
    if kind == "hcl":
        expected = F.softplus(torch.tensor(2 * math.log(2048) + (similarity - 1) / LOWEST_TEMPERATURE))
        assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    assert torch.autograd.grad(loss.sum(), embedding)[0].isfinite().all()
    with pytest.raises(ValueError, match=r"the temperature must be at least 0\.02; got 0\.01"):
        FAST[kind](pairs, temperature=0.01)


@pytest.mark.parametrize("kind", FAST)
def test_an_image_is_treated_on_its_own(kind: Any) -> None:
    inputs = draw_inputs(3, batch=3, size=(20, 24))
    limits: dict[str, Any] = {"anchors": 40, "references": 7, "seed": 5}
    whole = FAST[kind](select_pairs(*inputs, **limits))
    ones = []
    for b in range(3):
        first, second, third, fourth = ([t[b : b + 1] for t in part] for part in inputs[:4])
        ones.append(FAST[kind](select_pairs(first, second, third, fourth, inputs[4][b : b + 1], **limits)))
    torch.testing.assert_close(whole, torch.stack(ones).mean(dim=0))


@pytest.mark.parametrize("kind", FAST)
@pytest.mark.parametrize("case", ["nothing corrupted", "all corrupted", "nothing in question", "one pixel"])
def test_degenerate_images_have_finite_gradients(kind: Any, case: str) -> None:
    embeddings, candidates, valid, corrupted, mask = draw_inputs(1, size=(1, 1) if case == "one pixel" else (8, 8))
    if case == "nothing corrupted":
        mask, corrupted = torch.zeros_like(mask), [torch.zeros_like(c) for c in corrupted]
    elif case == "all corrupted":
        mask, valid = torch.ones_like(mask), [torch.zeros_like(v) for v in valid]
    elif case == "nothing in question":
        candidates = [torch.zeros_like(c) for c in candidates]
    leaves = [e.requires_grad_() for e in embeddings]
    loss = FAST[kind](select_pairs(embeddings, candidates, valid, corrupted, mask))
    assert loss.isfinite().all()
    if case == "nothing in question":
        assert (loss == 0).all()
    for gradient in torch.autograd.grad(loss.sum(), leaves, materialize_grads=True):
        assert gradient.isfinite().all()


def test_gradients_by_finite_differences() -> None:
    inputs = draw_inputs(2, batch=1, size=(4, 4), scales=2, dtype=torch.float64)

    def loss(fine: Any, coarse: Any) -> Any:
        pairs = [
            Pairs(**{k: v.double() if v.is_floating_point() else v for k, v in vars(p).items()})
            for p in select_pairs([fine, coarse], *inputs[1:])
        ]
        return hierarchical_contrastive_loss(pairs, temperature=0.5).sum()

    fine, coarse = (e.requires_grad_() for e in inputs[0])
    gradient = torch.autograd.grad(loss(fine, coarse), fine)[0]
    direction = F.normalize(
        torch.randn(fine.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).flatten(), dim=0
    )
    step = 1e-2 * direction.view_as(fine)
    numeric = (loss(fine + step, coarse) - loss(fine - step, coarse)) / 2e-2
    assert float(numeric.detach()) == pytest.approx(
        float((gradient.flatten() @ direction).detach()), rel=2e-2, abs=1e-4
    )


# What is drawn


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(1, 60), st.integers(1, 20))
def test_as_many_as_are_wanted_are_drawn_and_all_that_are_drawn_are_eligible(
    seed: int, anchors: int, references: int
) -> None:
    inputs = draw_inputs(seed, batch=3, size=(12, 10))
    every, some = select_pairs(*inputs), select_pairs(*inputs, anchors=anchors, references=references, seed=seed)
    for s, (all_, few) in enumerate(zip(every, some, strict=True)):
        for b in range(3):
            eligible = {tuple(v.tolist()) for v in all_.anchors[b][all_.is_anchor[b]]}
            drawn = [tuple(v.tolist()) for v in few.anchors[b][few.is_anchor[b]]]
            assert len(drawn) == len(set(drawn)) == min(anchors, len(eligible))
            assert set(drawn) <= eligible
            own = few.is_anchor.shape[1]
            for label, settled in ((False, inputs[2]), (True, inputs[3])):
                chosen = few.is_reference[b, own:] & (few.reference_labels[b, own:] == label)
                there = int(settled[s + 1][b].sum()) if s < 2 else 0
                assert int(chosen.sum()) == min(references, there)


def test_draws_depend_on_the_seed_alone() -> None:
    inputs = draw_inputs(0, size=(20, 20))
    torch.manual_seed(9)
    before = torch.get_rng_state()
    a, b, c = (select_pairs(*inputs, anchors=10, references=5, seed=seed)[0].anchors for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert torch.equal(torch.get_rng_state(), before)


def mine_by_description(settled: Any, confidence: Any, count: int) -> Any:
    """The pixels of one label that mining takes, by a description in plain words; one image, one label."""
    height, width = settled.shape
    pixels = [(y, x) for y in range(height) for x in range(width) if settled[y, x]]
    if len(pixels) <= count:
        return set(pixels)

    def is_edge(y: int, x: int) -> bool:
        return any(
            not settled[min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)]
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
        )

    edge = sorted((p for p in pixels if is_edge(*p)), key=lambda p: float(confidence[p]))
    rest = sorted((p for p in pixels if not is_edge(*p)), key=lambda p: float(confidence[p]))
    n1 = min(count // 2, len(edge))
    n2 = min(count - n1, len(rest))
    chosen = set()
    for group, n in ((edge, n1), (rest, n2)):
        low = n // 2
        chosen |= set(group[:low]) | set(group[len(group) - (n - low) :])
    return chosen


@settings(max_examples=20)
@given(st.integers(0, 1000), st.sampled_from([4, 7, 16, 40]))
def test_hard_mining_takes_extremes_of_edge_and_inside(seed: int, count: int) -> None:
    g = torch.Generator().manual_seed(seed)
    blocks = F.interpolate(torch.randint(3, (1, 1, 4, 4), generator=g).float(), (16, 16)).long()
    confidence = torch.rand(1, 1, 16, 16, generator=g)
    place = torch.arange(256.0).view(1, 1, 16, 16)
    coarse = torch.cat([place, torch.ones_like(place)], dim=1)  # says where it is
    fine = torch.zeros(1, 2, 32, 32)
    nothing, question = torch.zeros(1, 1, 32, 32, dtype=torch.bool), torch.ones(1, 1, 32, 32, dtype=torch.bool)
    pairs = select_pairs(
        [fine, coarse],
        [question, torch.ones_like(blocks, dtype=torch.bool)],
        [nothing, blocks == 1],
        [nothing, blocks == 2],
        nothing,
        confidence=[torch.rand(1, 1, 32, 32, generator=g), confidence],
        anchors=4,
        references=count,
    )[0]
    own = pairs.is_anchor.shape[1]
    for label, settled in ((False, blocks == 1), (True, blocks == 2)):
        certainty = confidence[0, 0] if label else 1 - confidence[0, 0]
        chosen = pairs.is_reference[0, own:] & (pairs.reference_labels[0, own:] == label)
        places = {divmod(int(v), 16) for v in pairs.references[0, own:, 0][chosen]}
        assert places == mine_by_description(settled[0, 0], certainty, count)


def test_the_published_limits() -> None:
    """512 anchors, 256 references of each kind, of which at most 128 from the edge."""
    size = (64, 64)
    inputs = draw_inputs(0, batch=1, size=size, scales=2)
    inputs[2][1], inputs[3][1] = (
        torch.zeros(1, 1, 32, 32, dtype=torch.bool),
        torch.zeros(1, 1, 32, 32, dtype=torch.bool),
    )
    inputs[2][1][..., :16], inputs[3][1][..., 16:] = True, True
    inputs[1][0] = torch.ones(1, 1, *size, dtype=torch.bool)
    confidence = [torch.rand(1, 1, *size), torch.rand(1, 1, 32, 32)]
    pairs = select_pairs(*inputs, confidence=confidence, anchors=512, references=256)[0]
    assert int(pairs.is_anchor.sum()) == 512
    assert int(pairs.is_reference.sum()) == 512 + 256 + 256


def test_half_precision_is_compared_in_full() -> None:
    inputs = draw_inputs(4)
    half = [e.bfloat16() for e in inputs[0]]
    pairs = select_pairs(half, *inputs[1:])
    assert pairs[0].anchors.dtype == torch.float32
    expected = hierarchical_contrastive_loss(select_pairs([h.float() for h in half], *inputs[1:]))
    assert torch.equal(hierarchical_contrastive_loss(pairs), expected)


def test_two_classes_that_are_apart_cost_nothing() -> None:
    mask = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    mask[..., 2:] = True
    apart = torch.where(mask, torch.tensor([-1.0, 0.0])[:, None, None], torch.tensor([1.0, 0.0])[:, None, None])
    everything, nothing = torch.ones_like(mask), torch.zeros_like(mask)
    pairs = select_pairs([apart], [everything], [nothing], [nothing], mask)
    # 8 negatives at similarity -1 and 8 positives at 1, all over t = 0.1
    expected = F.softplus(torch.tensor(math.log(8) - 10 + math.log(8) - 10))
    assert hierarchical_contrastive_loss(pairs).item() == pytest.approx(expected.item(), rel=1e-4)
    assert info_nce_loss(pairs).item() < 1e-6
