"""What the tests share: detections of random embeddings, as a detector in training would return them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.nn import functional as F

from hcl_sdk import Detection
from hcl_sdk.functional.resize import resize
from hcl_sdk.interfaces import ScaleDetection

torch.set_num_threads(1)


def draw_random_detection(
    mask: torch.Tensor, *, scales: int = 3, dim: int = 6, seed: int = 0, settle: bool = True
) -> Detection:
    """Random embeddings, settled sets and confidences for a mask ``[B, 1, H, W]``, at strides 2, 4, 8 ..."""
    generator = torch.Generator().manual_seed(seed)
    found, embeddings = [], []
    for s in range(scales):
        size = [len(mask), 1, *(-(-extent // 2 ** (s + 1)) for extent in mask.shape[-2:])]
        embedding = torch.randn(size[0], dim, *size[2:], generator=generator)
        embeddings.append(F.normalize(embedding, dim=1).requires_grad_())
        kind = torch.randint(3, size, generator=generator) if settle else torch.zeros(size)
        confidence = torch.rand(size, generator=generator)
        found.append(
            ScaleDetection(
                candidates=torch.ones(size, dtype=torch.bool),
                centers=torch.zeros(size[0], 2, dim),
                cluster_confidence=confidence,
                settles_valid=kind == 1,
                settles_corrupted=kind == 2,
                settled_valid=kind == 1,
                settled_corrupted=kind == 2,
                confidence=confidence,
                corruption_mask=confidence > 0.5,
            )
        )
    confidence = resize(found[0].confidence, mask.shape[-2:])
    return Detection(
        confidence=confidence,
        corruption_mask=confidence > 0.5,
        masks=tuple(scale.corruption_mask for scale in found),
        embeddings=tuple(embeddings),
        scales=tuple(found),
    )


@pytest.fixture
def mask() -> torch.Tensor:
    """Of three images, one is corrupted in part, one wholly and one not at all; whole pixels of every scale."""
    mask = torch.zeros(3, 1, 32, 48, dtype=torch.bool)
    mask[0, :, 8:24, 16:40] = True
    mask[1] = True
    return mask


@pytest.fixture
def detection(mask: torch.Tensor) -> Detection:
    return draw_random_detection(mask)


@pytest.fixture
def draw_detection() -> Callable[..., Detection]:
    return draw_random_detection
