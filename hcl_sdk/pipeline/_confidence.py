"""The confidence in a photo, on its way from the detector to the mask."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.functional.arrays import CERTAIN, CONTEXT_SHARE, calibrate_verdict, follow_image
from hcl_sdk.functional.resize import resize
from hcl_sdk.heads.verdict import Verdict


def average_logits(confidence: Tensor, in_context: Tensor | None) -> Tensor:
    """Average the logits of the confidences at both sizes, if there are two, with ``CONTEXT_SHARE``."""
    if in_context is None:
        return confidence
    in_context = resize(in_context, confidence.shape[-2:], "bilinear")
    return torch.lerp(torch.logit(confidence, CERTAIN), torch.logit(in_context, CERTAIN), CONTEXT_SHARE).sigmoid()


def calibrate(verdict_logits: Tensor, confidence: Tensor, verdict: Verdict | None) -> Tensor:
    """Calibrate the verdict on one photo, ``[1]``, by the confidence in its pixels; both are on the CPU."""
    if verdict is None:
        return verdict_logits
    logit = calibrate_verdict(float(verdict_logits), confidence.numpy(), verdict.calibration)
    return torch.full_like(verdict_logits, logit)


def follow_colors(confidence: Tensor, image: Tensor, threshold: float) -> Tensor:
    """Let what was found in an image follow its colors; see :func:`~hcl_sdk.functional.arrays.follow_image`.

    Args:
        confidence: ``[1, 1, h, w]`` on the CPU.
        image: ``[1, 3, H, W]``, at least as large; uint8, or floating-point in [0, 1].
        threshold: of the confidence, above which regions are found.

    Returns:
        ``[1, 1, h, w]`` on the CPU.
    """
    if not bool((confidence > threshold).any()):
        return confidence
    height, width = confidence.shape[-2:]
    colors = image.float() if image.is_floating_point() else image / 255
    small = F.adaptive_avg_pool2d(colors, (height, width))[0].cpu().numpy()
    return torch.from_numpy(follow_image(confidence[0, 0].numpy(), small, threshold))[None, None]
