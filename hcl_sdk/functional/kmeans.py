"""Soft spherical 2-means of the pixels of each image, batched over images and restarts."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk._renamed import redirect

TOLERANCE = 1e-6  # change of the cost, absolute or relative, below which an image's clustering has converged


def soft_two_means(
    embedding: Tensor, candidates: Tensor, start: Tensor, *, iterations: int, temperature: float
) -> tuple[Tensor, Tensor]:
    """Cluster the candidates of each image around two centers and assign every pixel to them.

    Distances are cosine distances ``d``, weights ``softmax(-d / temperature)`` over the two centers, centers
    normalized weighted sums, the cost ``sum(weight * d)``. An image stops on its own once its cost changes by less
    than :data:`TOLERANCE`; of the restarts the one with the lowest cost is kept (paper, section 3.2). No step
    depends on other images of the batch, and nothing is read back from the device.

    Args:
        embedding: ``[B, D, N]`` unit vectors.
        candidates: ``[B, N]`` bool, which pixels are clustered.
        start: ``[B, R]`` int64, for each of ``R`` restarts the number of the candidate, in order, that is the first
            center of an image; the second is the candidate farthest from it.
        iterations: the maximum number of updates of the centers.
        temperature: softness of the weights.

    Returns:
        Centers ``[B, 2, D]`` and the weight of the *second* one for every pixel, ``[B, N]``. An image without
        candidates gets zero centers and 0.5.
    """
    b, dim, n = embedding.shape
    inside = candidates.to(embedding.dtype)[:, None, None, :]  # [B, 1, 1, N]
    centers = _pick_starting_centers(embedding, candidates, start)  # [B, R, 2, D]

    cost = embedding.new_full(start.shape, torch.inf)
    active = torch.ones_like(start, dtype=torch.bool)
    for _ in range(iterations):
        weight, new_cost = _assign(embedding, centers, inside, temperature)
        moved = F.normalize(torch.einsum("brkn,bdn->brkd", weight * inside, embedding), dim=-1)
        centers = torch.where(active[..., None, None], moved, centers)
        change = (cost - new_cost).abs()
        active = active & ~((change < TOLERANCE) | (change < TOLERANCE * cost.abs().nan_to_num(posinf=0.0)))
        cost = new_cost
    weight, cost = _assign(embedding, centers, inside, temperature)

    # The first of restarts that differ only by rounding, so that rounding does not decide which center is which.
    best = (cost <= cost.amin(dim=1, keepdim=True) * (1 + TOLERANCE) + TOLERANCE).int().argmax(dim=1)  # [B]
    centers = centers.gather(1, best[:, None, None, None].expand(b, 1, 2, dim))[:, 0]
    second = weight.gather(1, best[:, None, None, None].expand(b, 1, 2, n))[:, 0, 1]
    some = candidates.any(dim=1)
    return centers * some[:, None, None], torch.where(some[:, None], second, 0.5)


def find_nth_candidates(candidates: Tensor, order: Tensor) -> Tensor:
    """Find the positions ``[B, R]`` of candidates ``[B, N]`` by their numbers ``order`` ``[B, R]`` within each row."""
    return torch.searchsorted(candidates.long().cumsum(dim=1), order + 1).clamp(max=candidates.shape[1] - 1)


def _pick_starting_centers(embedding: Tensor, candidates: Tensor, start: Tensor) -> Tensor:
    dim = embedding.shape[1]
    pixels = embedding.transpose(1, 2)  # [B, N, D]
    first = pixels.gather(1, find_nth_candidates(candidates, start)[..., None].expand(-1, -1, dim))  # [B, R, D]
    similarity = first @ embedding  # [B, R, N]
    farthest = similarity.masked_fill(~candidates[:, None], torch.inf).argmin(dim=2)  # [B, R]
    second = pixels.gather(1, farthest[..., None].expand(-1, -1, dim))
    return torch.stack([first, second], dim=2)


def _assign(embedding: Tensor, centers: Tensor, inside: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Compute weights ``[B, R, 2, N]`` of both centers for every pixel, and the cost ``[B, R]`` over the candidates."""
    distance = 1 - torch.einsum("brkd,bdn->brkn", centers, embedding)
    weight = (-distance / temperature).softmax(dim=2)
    return weight, (weight * distance * inside).sum(dim=(2, 3))


redirect(__name__, {"nth_candidate": "find_nth_candidates"})
