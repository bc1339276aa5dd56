"""How ready a pipeline is to call a pixel corrupted, relative to what its weights were tuned for."""

from __future__ import annotations


def threshold_at(sensitivity: float, threshold: float) -> float:
    """The threshold that a sensitivity makes of the one that weights were tuned to.

    ``sensitivity`` is added in logits, so that it means the same for weights of any threshold: the odds from which a
    pixel counts as corrupted are multiplied with ``(1 - sensitivity) / sensitivity``.

    Args:
        sensitivity: in [0, 1]; 0 finds nothing, 0.5 leaves the threshold as it is, 1 finds everything.
        threshold: probability in [0, 1] above which a pixel is corrupted; 0 and 1 stay what they are.

    Example:
        >>> [threshold_at(s, 0.5) for s in (0.0, 0.25, 0.5, 1.0)]
        [1.0, 0.75, 0.5, 0.0]
        >>> round(threshold_at(0.8, 0.6), 3)
        0.273
    """
    above, below = threshold * (1 - sensitivity), (1 - threshold) * sensitivity
    # Where either would decide alone, and they contradict each other, the threshold stays.
    return above / (above + below) if above + below else threshold
