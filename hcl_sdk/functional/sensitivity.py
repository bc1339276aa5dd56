"""Sensitivity: how readily a pixel is called corrupted, relative to the threshold that the weights were tuned for."""

from __future__ import annotations

from hcl_sdk._renamed import redirect


def adjust_threshold(sensitivity: float, threshold: float) -> float:
    """Convert a sensitivity to a threshold, relative to the one that the weights were tuned for.

    The threshold falls linearly from 1 at sensitivity 0 to ``threshold`` at 0.5, and from there to 0 at sensitivity 1.
    Equal steps of the sensitivity are thus equal steps of probability, even for a threshold close to 1: steps in logits
    would leave such a threshold almost unchanged until the very end.

    Args:
        sensitivity: in [0, 1]; 0 finds nothing, 0.5 leaves the threshold unchanged, 1 finds everything.
        threshold: probability in [0, 1] above which a pixel is corrupted.

    Example:
        >>> [adjust_threshold(s, 0.5) for s in (0.0, 0.25, 0.5, 1.0)]
        [1.0, 0.75, 0.5, 0.0]
        >>> [round(adjust_threshold(s, 0.98), 3) for s in (0.25, 0.6, 0.75, 0.9)]
        [0.99, 0.784, 0.49, 0.196]
    """
    if sensitivity > 0.5:
        return threshold * (2 - 2 * sensitivity)
    return threshold + (1 - threshold) * (1 - 2 * sensitivity)


redirect(__name__, {"threshold_at": "adjust_threshold"})
