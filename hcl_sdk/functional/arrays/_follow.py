"""Probabilities of *corrupted* that follow the image they were computed from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hcl_sdk.functional.arrays._colors import follow_colors
from hcl_sdk.functional.arrays._plain import fill_plain
from hcl_sdk.functional.arrays._veils import follow_veils


def follow_image(
    confidence: NDArray[np.floating], image: NDArray[np.floating], threshold: float
) -> NDArray[np.floating]:
    """Let regions that were found follow the colors of the image, and then the veils that these reveal; fill them.

    See :func:`follow_colors`, :func:`follow_veils` and :func:`fill_plain`. Colors come first: a veil is estimated from
    what was found, and the more of its strokes that contains, the better.

    Args:
        confidence: ``[h, w]``, probability of *corrupted*.
        image: ``[3, h, w]``, RGB in [0, 1].
        threshold: regions are found where ``confidence > threshold``.

    Returns:
        ``[h, w]``.
    """
    followed = follow_veils(follow_colors(confidence, image, threshold), image, threshold)
    return fill_plain(followed, image, threshold)
