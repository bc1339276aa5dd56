"""The checks of clusterers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.interfaces import Clusterer, Clusters
from hcl_sdk.testing._expect import require, require_close, require_values
from hcl_sdk.testing._inputs import SIZES
from hcl_sdk.testing._subjects import ClustererSubject


def clusters_are_valid(subject: ClustererSubject) -> None:
    """Two centers of length 1 and an assignment in [0, 1] for every image of any size, also without candidates."""
    clusterer = subject.make()
    for size in SIZES:
        embedding, candidates = subject.make_inputs(*size, batch=3)
        candidates[-1] = False
        clusters = _cluster(clusterer, embedding, candidates)
        where = f"for maps of {size[0]} x {size[1]}"
        require(isinstance(clusters, Clusters), f"{where}, forward returns a {type(clusters).__name__}, not Clusters")
        centers, assignment = clusters.centers, clusters.assignment
        require_values(centers, (3, 2, embedding.shape[1]), f"{where}, the centers")
        require_values(assignment, candidates.shape, f"{where}, the assignments", low=0, high=1)
        length = centers.norm(dim=2)
        is_unit, is_zero = (length - 1).abs() < 1e-3, length < 1e-6
        lengths = f"{where}, centers have lengths {length.tolist()}; expected 1, or 0 for none"
        require((is_unit | is_zero).all(), lengths)
        is_single = size[0] * size[1] == 1  # a single pixel has no second cluster
        require(is_single or is_unit[:-1].all(), f"{where}, centers of images with candidates are zero")
        undecided = not is_zero[-1].all() or torch.allclose(assignment[-1], torch.tensor(0.5))
        require(undecided, f"{where}, centers are zero, and the assignment is not 0.5")


def assignment_is_to_the_second_center(subject: ClustererSubject) -> None:
    """The more a pixel resembles the second center rather than the first, the higher its assignment is."""
    clusterer = subject.make()
    embedding, candidates = subject.make_inputs(17, 33)
    clusters = _cluster(clusterer, embedding, candidates)
    first, second = torch.einsum("bkd,bdhw->kbhw", clusters.centers, embedding).unbind()
    nearness, assignment = (second - first).flatten(1), clusters.assignment.flatten(1)
    together = ((nearness - nearness.mean(1, keepdim=True)) * assignment).sum()
    require(
        together >= -1e-4,
        "pixels that resemble the first center have the higher assignment; it should say how much a pixel belongs to "
        "the second",
    )


def only_candidates_are_clustered(subject: ClustererSubject) -> None:
    """Pixels that are not candidates do not move the centers."""
    clusterer = subject.make()
    embedding, candidates = subject.make_inputs(17, 33)
    candidates = candidates.clone()
    candidates[..., :9, :] = False
    other = torch.where(candidates, embedding, F.normalize(-embedding.roll(1, dims=1), dim=1))
    a, b = (_cluster(clusterer, e, candidates).centers for e in (embedding, other))
    require_close(a, b, "with other embeddings where there are no candidates", "the centers")


def logits_fit_centers(subject: ClustererSubject) -> None:
    """There is one logit per center, or none at all; a clusterer that can find a single class has logits."""
    clusterer = subject.make()
    embedding, candidates = subject.make_inputs(17, 33)
    with torch.no_grad():
        logits = clusterer.corruption_logits(_cluster(clusterer, embedding, candidates).centers)
    if logits is None:
        require(not clusterer.finds_one_class, "finds_one_class is True, but corruption_logits returns None")
        return
    expected = [len(embedding), 2]
    require(list(logits.shape) == expected, f"expected logits {expected}, got {list(logits.shape)}")
    require(logits.isfinite().all(), "logits are not finite")


def _cluster(clusterer: Clusterer, embedding: Tensor, candidates: Tensor) -> Any:
    with torch.no_grad():
        return clusterer(embedding, candidates, seed=3)
