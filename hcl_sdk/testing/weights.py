"""The checks of registered weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from hcl_sdk.pipeline import Pipeline
from hcl_sdk.plugins import registry
from hcl_sdk.testing import common
from hcl_sdk.testing.contents import photo
from hcl_sdk.testing.inputs import images
from hcl_sdk.testing.kit import Fault, Skip, checks
from hcl_sdk.testing.state import undisturbed
from hcl_sdk.weights import CONFIG, WEIGHTS, read_config


class WeightsSubject:
    """Weights under test.

    Args:
        name: of registered weights, or a folder.
    """

    package = ""
    undisturbed = staticmethod(undisturbed)

    def __init__(self, name: str | Path) -> None:
        self.name = name

    def folder(self) -> Path:
        """Where they are."""
        if isinstance(self.name, Path):
            return self.name
        source = registry.weights_source(self.name)
        if isinstance(source, str):
            raise Skip(f"they are on the Hub ({source}), which is not asked")
        return source


def folder_is_complete(subject: WeightsSubject) -> None:
    """There are a configuration and a file of weights."""
    folder = subject.folder()
    read_config(folder)
    if not (folder / WEIGHTS).is_file():
        raise Fault(f"{folder} holds no {WEIGHTS}")


def photos_are_processed(subject: WeightsSubject) -> None:
    """They load, and a photo is detected and restored; pixels that are not filled stay."""
    pipeline, picture = _loaded(subject), photo((45, 70))
    mask = np.zeros((45, 70), bool)
    mask[10:20, 20:40] = True
    if pipeline.detector is not None and not pipeline.detect(picture).confidence.isfinite().all():
        raise Fault("the confidence is not finite")
    if pipeline.restorer is not None:
        result = pipeline.restore(picture, corruption_mask=mask)
        assert result.alpha is not None
        beyond = result.alpha[0, 0].numpy() == 0
        if not np.array_equal(np.asarray(result.restored)[beyond], picture[beyond]):
            raise Fault("pixels outside the mask change")


def batch_equals_single_images(subject: WeightsSubject) -> None:
    """The mask of an image is the same alone and in a batch, on at least 99.9 % of its pixels."""
    detector = _loaded(subject).detector
    if detector is None:
        raise Skip("there is no detector")
    image = images(61, 90, batch=3)
    with torch.no_grad():
        together = detector(image).corruption_mask
        for b in range(3):
            alone = detector(image[b : b + 1]).corruption_mask
            common.assert_close(
                together[b : b + 1], alone, f"the mask of image {b} of a batch, and of that image alone"
            )


def _loaded(subject: WeightsSubject) -> Pipeline:
    folder = subject.folder()
    if not ((folder / CONFIG).is_file() and (folder / WEIGHTS).is_file()):
        raise Skip("the folder is not complete")
    return Pipeline.from_pretrained(folder, device="cpu")


CHECKS = checks(folder_is_complete, photos_are_processed, batch_equals_single_images)
