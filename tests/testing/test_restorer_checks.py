"""Restorers, each broken in one way: exactly the check that is for it names the fault."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from checking import find_faults
from torch import Tensor, nn

from hcl_sdk import Detection, GatedUNet, PyramidSpec, Restorer, component
from hcl_sdk.testing import check_restorer


@component
class Small(GatedUNet):
    dim: int = 4
    multipliers: tuple[int, ...] = (1, 2)


@component
class SymmetricRange(Small):
    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        return super().forward(image, detection) * 2 - 1


@component
class FillsWhatIsKnown(Small):
    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        return super().forward(image, replace(detection, corruption_mask=~detection.corruption_mask))


@component
class KeepsTheDamage(Restorer):
    """What it fills, it fills outside the mask."""

    def build(self, spec: PyramidSpec | None) -> None:
        """No layers."""

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        return torch.where(detection.corruption_mask, image, 0.5)


@component
class FewPositions(Small):
    """A table of positions for the sizes that its author has tried."""

    def build(self, spec: PyramidSpec | None) -> None:
        super().build(spec)
        self.columns = nn.Parameter(torch.zeros(48))

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        positions = torch.arange(image.shape[-1], device=image.device)
        return (super().forward(image, detection) + 0.01 * self.columns[positions]).clamp(0, 1)


@component
class FillsMoreThanItIsTold(Small):
    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        detection.corruption_mask[..., :2, :] = True
        return super().forward(image, detection)


@component
class FromFeatures(Restorer):
    uses_features = True

    def build(self, spec: PyramidSpec | None) -> None:
        self.to_image = nn.Conv2d(spec.channels[0], 3, 1)

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        features, known = detection.pyramid.maps[0], ~detection.masks[0]
        around = (features * known).sum(dim=(2, 3), keepdim=True) / known.sum(dim=(2, 3), keepdim=True).clamp(min=1)
        made = self.to_image(torch.where(known, features, around))
        return nn.functional.interpolate(made, image.shape[-2:]).sigmoid()


@component
class Gray(Restorer):
    """Fills with one color, whatever is around: poor, but within its contract."""

    exportable = True

    def build(self, spec: PyramidSpec | None) -> None:
        """No layers."""

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        return torch.where(detection.corruption_mask, 0.5, image)


@pytest.mark.parametrize(
    "sound",
    [Small, FromFeatures, Gray, lambda: FromFeatures().bind(PyramidSpec(channels=(5, 7), strides=(4, 8)))],
)
def test_sound_ones_pass(sound: Any) -> None:
    assert not find_faults(check_restorer, sound)


@pytest.mark.parametrize(
    ("broken", "check", "reason"),
    [
        (SymmetricRange, "gives_images_of_any_size", "beyond [-0.001, 1.001]"),
        (FillsWhatIsKnown, "mask_polarity", "corruption_mask is True where an image is to be filled"),
        (KeepsTheDamage, "mask_polarity", "follows what is under the mask"),
        (FewPositions, "known_pixels_stay", "IndexError: index 48 is out of bounds"),
        (FillsMoreThanItIsTold, "input_is_left_alone", "argument [1].corruption_mask is modified"),
    ],
)
def test_exactly_the_check_for_a_fault_names_it(broken: type[Any], check: str, reason: str) -> None:
    found = find_faults(check_restorer, broken)
    assert list(found) == [check]
    assert reason in found[check]
