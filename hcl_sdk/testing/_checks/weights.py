"""The checks of registered weights."""

from __future__ import annotations

from unittest import SkipTest

import numpy as np
import torch

from hcl_sdk.pipeline import Pipeline
from hcl_sdk.testing._expect import require, require_close
from hcl_sdk.testing._inputs import draw_images, draw_photo
from hcl_sdk.testing._subjects import WeightsSubject
from hcl_sdk.weights import CONFIG, WEIGHTS, read_config


def folder_is_complete(subject: WeightsSubject) -> None:
    """The folder has a configuration and a file of weights."""
    folder = subject.folder
    read_config(folder)
    require((folder / WEIGHTS).is_file(), f"{folder} holds no {WEIGHTS}")


def photos_are_processed(subject: WeightsSubject) -> None:
    """The weights load and process a photo; pixels that are not filled stay unchanged."""
    pipeline, photo = _load(subject), draw_photo((45, 70))
    mask = np.zeros((45, 70), bool)
    mask[10:20, 20:40] = True
    if pipeline.detector is not None:
        require(pipeline.detect(photo).confidence.isfinite().all(), "the confidence is not finite")
    if pipeline.restorer is not None:
        result = pipeline.restore(photo, corruption_mask=mask)
        assert result.alpha is not None
        beyond = result.alpha[0, 0].numpy() == 0
        restored = np.asarray(result.restored)
        require(np.array_equal(restored[beyond], photo[beyond]), "pixels outside the mask change")


def batch_equals_single_images(subject: WeightsSubject) -> None:
    """The mask of an image is the same alone and in a batch, on at least 99.9 % of its pixels."""
    detector = _load(subject).detector
    if detector is None:
        raise SkipTest("there is no detector")
    image = draw_images(61, 90, batch=3)
    with torch.no_grad():
        together = detector(image).corruption_mask
        for b in range(3):
            alone = detector(image[b : b + 1]).corruption_mask
            require_close(together[b : b + 1], alone, f"of image {b} of a batch, and of that image alone", "the mask")


def _load(subject: WeightsSubject) -> Pipeline:
    folder = subject.folder
    if not ((folder / CONFIG).is_file() and (folder / WEIGHTS).is_file()):
        raise SkipTest("the folder is not complete")
    return Pipeline.from_pretrained(folder, device="cpu")


CHECKS = (folder_is_complete, photos_are_processed, batch_equals_single_images)
