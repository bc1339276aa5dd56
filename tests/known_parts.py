"""Parts whose results are known: red is what does not belong into a blue photo."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

import hcl_sdk
from hcl_sdk import Detection, Detector, Identity, Pipeline, Pyramid, PyramidSpec, SoftKMeans


@hcl_sdk.component
class Colors(hcl_sdk.Encoder):
    """The image itself, averaged, at strides 1 and 2."""

    def build(self) -> None:
        pass

    @property
    def spec(self) -> PyramidSpec:
        return PyramidSpec(channels=(3, 3), strides=(1, 2))

    def forward(self, image: Tensor) -> Pyramid:
        return Pyramid(maps=(image, F.avg_pool2d(image, 2, ceil_mode=True)), spec=self.spec)


@hcl_sdk.component
class Directions(hcl_sdk.Head):
    """Colors as directions from gray."""

    dim: int = 3

    def build(self, spec: PyramidSpec) -> None:
        pass

    def forward(self, pyramid: Pyramid) -> tuple[Tensor, ...]:
        return tuple(F.normalize(m * 2 - 1, dim=1) for m in pyramid.maps)


@hcl_sdk.component
class Flat(hcl_sdk.Restorer):
    """Fills with one value, and keeps what it was given."""

    value: float = 0.5

    def build(self, spec: PyramidSpec | None) -> None:
        self.calls: list[tuple[Tensor, Detection]] = []

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        self.calls.append((image, detection))
        return torch.full_like(image, self.value)


@hcl_sdk.component
class FlatFromFeatures(Flat):
    """The same, of the kind that uses the detector's features."""

    uses_features: ClassVar[bool] = True


def make_red_finder() -> Detector:
    return Detector(
        encoder=Colors(),
        interaction=Identity(),
        head=Directions(),
        clusterer=SoftKMeans(classifier=False, one_class=False),
    )


def make_known_pipeline(restorer: hcl_sdk.Restorer | None = None, **settings: Any) -> Pipeline:
    return Pipeline(make_red_finder(), Flat() if restorer is None else restorer, device="cpu", **settings)


def draw_stained_photo(
    height: int = 24, width: int = 32, box: tuple[int, int, int, int] = (6, 8, 14, 20)
) -> tuple[np.ndarray, np.ndarray]:
    """A blue photo with a red box (top, left, bottom, right), and the mask of the box."""
    mask = np.zeros((height, width), bool)
    mask[box[0] : box[2], box[1] : box[3]] = True
    photo = np.where(mask[..., None], np.array([250, 5, 10]), np.array([10, 5, 250])).astype(np.uint8)
    return photo, mask


def draw_noise(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
