"""The checks of clusterers."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.interfaces import Clusterer, Clusters
from hcl_sdk.testing._checks.modules import assert_close, assert_float32
from hcl_sdk.testing._inputs import SIZES
from hcl_sdk.testing._report import Fault
from hcl_sdk.testing._subjects import ClustererSubject


def clusters_are_valid(subject: ClustererSubject) -> None:
    """Two centers of length 1 and an assignment in [0, 1] for every image of any size, also without candidates."""
    clusterer = subject.make()
    for size in SIZES:
        embedding, candidates = subject.make_inputs(*size, batch=3)
        candidates[-1] = False
        clusters = _cluster(clusterer, embedding, candidates)
        where = f"for maps of {size[0]} x {size[1]}"
        if not isinstance(clusters, Clusters):
            raise Fault(f"{where}, forward returns a {type(clusters).__name__} instead of Clusters")
        expected = [3, 2, embedding.shape[1]], list(candidates.shape)
        got = list(clusters.centers.shape), list(clusters.assignment.shape)
        if got != expected:
            raise Fault(f"{where}, expected centers and an assignment {expected}; forward returns {got}")
        centers, assignment = clusters.centers, clusters.assignment
        assert_float32(centers, f"{where}, the centers")
        assert_float32(assignment, f"{where}, the assignments")
        if not ((assignment >= 0) & (assignment <= 1)).all():
            raise Fault(
                f"{where}, the assignment goes from {assignment.min():.3g} to {assignment.max():.3g}, beyond [0, 1]"
            )
        length = centers.norm(dim=2)
        is_unit, is_zero = (length - 1).abs() < 1e-3, length < 1e-6
        if not (is_unit | is_zero).all():
            raise Fault(f"{where}, centers have lengths {length.tolist()}; expected 1, or 0 for none")
        if size[0] * size[1] > 1 and not is_unit[:-1].all():  # a single pixel has no second cluster
            raise Fault(f"{where}, centers of images with candidates are zero")
        if is_zero[-1].all() and not torch.allclose(assignment[-1], torch.tensor(0.5)):
            raise Fault(f"{where}, centers are zero, and the assignment is not 0.5")


def assignment_is_to_the_second_center(subject: ClustererSubject) -> None:
    """The more a pixel resembles the second center rather than the first, the higher its assignment is."""
    clusterer = subject.make()
    embedding, candidates = subject.make_inputs(17, 33)
    clusters = _cluster(clusterer, embedding, candidates)
    first, second = torch.einsum("bkd,bdhw->kbhw", clusters.centers, embedding).unbind()
    nearness, assignment = (second - first).flatten(1), clusters.assignment.flatten(1)
    together = ((nearness - nearness.mean(1, keepdim=True)) * assignment).sum()
    if together < -1e-4:
        raise Fault(
            "pixels that resemble the first center have the higher assignment; it should say how much a pixel belongs "
            "to the second"
        )


def only_candidates_are_clustered(subject: ClustererSubject) -> None:
    """Pixels that are not candidates do not move the centers."""
    clusterer = subject.make()
    embedding, candidates = subject.make_inputs(17, 33)
    candidates = candidates.clone()
    candidates[..., :9, :] = False
    other = torch.where(candidates, embedding, F.normalize(-embedding.roll(1, dims=1), dim=1))
    a, b = (_cluster(clusterer, e, candidates).centers for e in (embedding, other))
    assert_close(a, b, "the centers, with other embeddings where there are no candidates")


def logits_fit_centers(subject: ClustererSubject) -> None:
    """There is one logit per center, or none at all; a clusterer that can find a single class has logits."""
    clusterer = subject.make()
    embedding, candidates = subject.make_inputs(17, 33)
    with torch.no_grad():
        logits = clusterer.corruption_logits(_cluster(clusterer, embedding, candidates).centers)
    if logits is None:
        if clusterer.finds_one_class:
            raise Fault("finds_one_class is True, but corruption_logits returns None")
        return
    if tuple(logits.shape) != (len(embedding), 2):
        raise Fault(f"expected logits {[len(embedding), 2]}, got {list(logits.shape)}")
    if not logits.isfinite().all():
        raise Fault("logits are not finite")


def _cluster(clusterer: Clusterer, embedding: Tensor, candidates: Tensor) -> Clusters:
    with torch.no_grad():
        return clusterer(embedding, candidates, seed=3)
