"""The checks of restorers."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hcl_sdk.clusterers.prototypes import Prototypes
from hcl_sdk.detector import Detector
from hcl_sdk.heads.projection import ProjectionHead
from hcl_sdk.interactions.identity import Identity
from hcl_sdk.pipeline import Pipeline
from hcl_sdk.testing._expect import measure_difference, require, require_values
from hcl_sdk.testing._inputs import SIZES, PooledEncoder, draw_images, draw_photo, make_detection
from hcl_sdk.testing._subjects import RestorerSubject


def gives_images_of_any_size(subject: RestorerSubject) -> None:
    """At even and odd sizes from 1 x 1 on, the result is an image of the same size in [0, 1], whatever the mask."""
    restorer = subject.make()
    for size in SIZES:
        image, detection = subject.make_inputs(*size)
        mask = detection.corruption_mask
        for which, given in (("some", mask), ("no", torch.zeros_like(mask)), ("every", torch.ones_like(mask))):
            with torch.no_grad():
                restored = restorer(image, make_detection(image, given, subject.neighbor))
            what = f"for images of {size[0]} x {size[1]} with {which} pixel corrupted, the values that forward returns"
            require_values(restored, image.shape, what, low=-1e-3, high=1 + 1e-3)


def mask_polarity(subject: RestorerSubject) -> None:
    """Where the mask is True, the result does not depend only on the pixels under it, ignoring the known ones."""
    restorer = subject.make()
    image = draw_images(32, 48, batch=1)
    mask = torch.zeros(1, 1, 32, 48, dtype=torch.bool)
    mask[..., 8:24, 16:32] = True  # whole pixels of every scale of the usual strides
    foreign = draw_images(32, 48, batch=1, seed=9).flip(1)

    def fill(changed: Tensor) -> Tensor:
        with torch.no_grad():
            restored = restorer(changed, make_detection(changed, mask, subject.neighbor))
        return restored.masked_select(mask)

    expected = fill(image)
    by_damage = measure_difference(fill(torch.where(mask, foreign, image)), expected)
    by_known = measure_difference(fill(torch.where(mask, image, foreign)), expected)
    require(
        by_damage <= 1e-4 or by_known > 1e-4,
        "where the mask is True, the result follows what is under the mask and not the pixels around it, as if True "
        "were known; corruption_mask is True where an image is to be filled",
    )


def known_pixels_stay(subject: RestorerSubject) -> None:
    """In a pipeline, a photo is filled where it is damaged, and every pixel beyond the feathered edge stays."""
    restorer, size = subject.make(), (37, 50)
    photo = draw_photo(size, seed=3)
    mask = np.zeros(size, bool)
    mask[10:20, 15:35] = True
    pipeline = Pipeline(_make_detector(subject), restorer, device="cpu", dilate=1, feather=2)
    restored = np.asarray(pipeline.restore(photo, corruption_mask=mask).restored)
    beyond = np.ones(size, bool)
    beyond[7:23, 12:38] = False
    require(restored.shape == photo.shape, f"a photo {photo.shape} becomes {restored.shape}")
    require(np.array_equal(restored[beyond], photo[beyond]), "pixels outside the mask are not those of the photo")


def _make_detector(subject: RestorerSubject) -> Detector | None:
    """One with the features that the restorer is bound to."""
    if subject.neighbor is None:
        return None
    encoder = PooledEncoder(channels=subject.neighbor.channels, strides=subject.neighbor.strides)
    return Detector(encoder=encoder, interaction=Identity(), head=ProjectionHead(dim=4), clusterer=Prototypes())
