"""Encoders, each broken in one way: exactly the check that is for it names the fault."""

from __future__ import annotations

import abc
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from checking import find_faults
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk import Encoder, Pyramid, PyramidSpec, component
from hcl_sdk.testing import check_encoder


@component
class Sound(Encoder):
    width: int = attrs.field(default=4, validator=attrs.validators.ge(1))

    def build(self) -> None:
        self.first = nn.Conv2d(3, self.width, 3, stride=2, padding=1)
        self.second = nn.Conv2d(self.width, 6, 3, stride=2, padding=1)

    @property
    def spec(self) -> PyramidSpec:
        return PyramidSpec(channels=(self.width, 6), strides=(2, 4))

    def forward(self, image: Tensor) -> Pyramid:
        fine = self.first(image * 2 - 1).relu()
        return Pyramid(maps=(fine, self.second(fine)), spec=self.spec)


def test_a_sound_encoder_passes() -> None:
    report = check_encoder(Sound)
    assert not report.faults
    assert {o.check: o.reason for o in report.outcomes if o.status == "skipped"} == {
        "entry_module_imports_no_torch": "no installed package registers it",
        "exports": "its class does not say exportable = True",
    }


@component
class Doubling(Sound):
    width: int = attrs.field(default=4, converter=lambda value: 2 * value)


class Lenient(abc.ABCMeta):
    def __call__(cls, **fields: Any) -> Any:
        known = {field.name for field in attrs.fields(cls)}
        return super().__call__(**{name: value for name, value in fields.items() if name in known})


@component
class TakesAnything(Sound, metaclass=Lenient):
    pass


@component
class RoundsDown(Sound):
    def forward(self, image: Tensor) -> Pyramid:
        height, width = (max(extent // 2, 1) for extent in image.shape[-2:])
        fine, coarse = super().forward(image).maps
        return Pyramid(maps=(fine[..., :height, :width], coarse), spec=self.spec)


@component
class SaysOtherChannels(Sound):
    @property
    def spec(self) -> PyramidSpec:
        return PyramidSpec(channels=(self.width + 1, 6), strides=(2, 4))


@component
class LooksAtTheBatch(Sound):
    def forward(self, image: Tensor) -> Pyramid:
        return super().forward(image - image.mean(dim=0))


@component
class PaintsOnTheInput(Sound):
    def forward(self, image: Tensor) -> Pyramid:
        return super().forward(image.clamp_(0.2, 0.8))


@component
class WritesWhatIsThere(Sound):
    """Nothing changes, as images are in [0, 1]; and yet autograd refuses it."""

    def forward(self, image: Tensor) -> Pyramid:
        return super().forward(image.clamp_(0, 1))


@component
class StretchesByTheBatch(Sound):
    def forward(self, image: Tensor) -> Pyramid:
        return super().forward(image / image.max().clamp(min=0.1))


@component
class PadsByTheWidth(Sound):
    """Right for what is wider than tall."""

    def forward(self, image: Tensor) -> Pyramid:
        height, width = image.shape[-2:]
        maps = super().forward(F.pad(image, (0, 0, 0, width - height))).maps
        return Pyramid(
            maps=tuple(m[..., : -(-height // s), :] for m, s in zip(maps, (2, 4), strict=True)), spec=self.spec
        )


@component
class ReturnsDoubles(Sound):
    def forward(self, image: Tensor) -> Pyramid:
        pyramid = super().forward(image)
        return pyramid.with_maps([m.double() for m in pyramid.maps])


@component
class RemembersTheFirst(Sound):
    def build(self) -> None:
        super().build()
        self.mean = None

    def forward(self, image: Tensor) -> Pyramid:
        if self.mean is None and not self.training:
            self.mean = image.mean().item()
        return super().forward(image - (self.mean or 0))


@component
class SeedsNumpy(Sound):
    def build(self) -> None:
        np.random.seed(0)
        super().build()


@component
class OverflowsInFloat16(Sound):
    """Sums of squares beyond 65,504, which bfloat16 can hold."""

    def forward(self, image: Tensor) -> Pyramid:
        pyramid = super().forward(image)
        lengths = [((400 * m).square().sum(1, keepdim=True) + 400**2).sqrt() / 400 for m in pyramid.maps]
        return pyramid.with_maps([m / length for m, length in zip(pyramid.maps, lengths, strict=True)])


@component
class ForgetsWhatItAveraged(Sound):
    def build(self) -> None:
        super().build()
        self.register_buffer("mean", torch.zeros(3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Pyramid:
        if self.training:
            self.mean = self.mean.lerp(image.detach().mean(dim=(0, 2, 3)).view(3, 1, 1), 0.1)
        return super().forward(image - self.mean)


@component
class NeedsContiguousInput(Sound):
    def forward(self, image: Tensor) -> Pyramid:
        return super().forward(image.view(len(image), -1).view(image.shape))


@component
class Counts(Sound):
    def build(self) -> None:
        super().build()
        self.calls = 0

    def forward(self, image: Tensor) -> Pyramid:
        self.calls += not self.training
        return super().forward(image + 1e-5 * self.calls)


@component
class DrawsGlobally(Sound):
    def forward(self, image: Tensor) -> Pyramid:
        torch.rand(())
        return super().forward(image)


@component
class Seeds(Sound):
    def build(self) -> None:
        torch.manual_seed(0)
        super().build()


@component
class Configures(Sound):
    def forward(self, image: Tensor) -> Pyramid:
        torch.set_float32_matmul_precision("medium")
        return super().forward(image)


@component
class MakesTensorsOnTheCPU(Sound):
    def forward(self, image: Tensor) -> Pyramid:
        return super().forward(image - torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1))


@component
class OnlyFloat32(Sound):
    def forward(self, image: Tensor) -> Pyramid:
        pyramid = super().forward(image)
        return pyramid.with_maps(
            [torch.zeros_like(m, dtype=torch.float32).masked_scatter(m == m, m) for m in pyramid.maps]
        )


@component
class LeavesALayerOut(Sound):
    def build(self) -> None:
        super().build()
        self.unused = nn.Linear(3, 3)


@component
class ForgetsWhatWasDrawn(Sound):
    def build(self) -> None:
        super().build()
        self.gain = torch.rand(()).item()

    def forward(self, image: Tensor) -> Pyramid:
        return super().forward(image * self.gain)


@component
class Branches(Sound):
    exportable = True

    def forward(self, image: Tensor) -> Pyramid:
        return super().forward(image if image.min() >= 0 else image.clamp(min=0))


@component
class IsTooLarge(Sound):
    def forward(self, image: Tensor) -> Pyramid:
        return super().forward(image * torch.inf)


@pytest.mark.parametrize(
    ("broken", "check", "reason"),
    [
        (Doubling, "configuration_round_trips", "{'use': 'script/under-test-0', 'width': 8} comes back as"),
        (TakesAnything, "unknown_keys_are_refused", "TakesAnything(no_such_field=1) is not refused"),
        (RoundsDown, "spec_is_true", "for images of 1 x 7, spec promises maps"),
        (SaysOtherChannels, "spec_is_true", "[(2, 5, 1, 1), (2, 6, 1, 1)]; forward returns maps[0] [2, 4, 1, 1]"),
        (LooksAtTheBatch, "batch_equals_single_images", "maps[0] of image 0 of a batch, and of that image alone"),
        (StretchesByTheBatch, "batch_equals_single_images", "of a batch, and of that image alone"),
        (PadsByTheWidth, "spec_is_true", "for images of 48 x 32, spec promises maps"),
        (ReturnsDoubles, "spec_is_true", "for images of 1 x 1, the maps are float64; expected float32"),
        (PaintsOnTheInput, "input_is_left_alone", "argument [0] is modified"),
        (WritesWhatIsThere, "input_is_left_alone", "argument [0] is written to"),
        (RemembersTheFirst, "repeats_exactly", "after a call with other images: it keeps something from them"),
        (SeedsNumpy, "random_state_is_left_alone", "making it seeds or draws from the global random state of numpy"),
        (OverflowsInFloat16, "half_precision", "in float16"),
        (ForgetsWhatItAveraged, "state_round_trips", "nor a persistent buffer of the module"),
        (NeedsContiguousInput, "memory_layout_does_not_matter", "view size is not compatible"),
        (Counts, "repeats_exactly", "maps[0] differs from call to call"),
        (DrawsGlobally, "random_state_is_left_alone", "draws from the global random state of torch"),
        (Seeds, "random_state_is_left_alone", "making it seeds torch's global random state"),
        (Configures, "settings_are_left_alone", "changes the precision of matrix products"),
        (MakesTensorsOnTheCPU, "runs_on_its_device", "one is made on the CPU"),
        (OnlyFloat32, "half_precision", "masked_scatter"),
        (LeavesALayerOut, "gradients_reach_every_parameter", "no gradient reaches unused.weight, unused.bias"),
        (ForgetsWhatWasDrawn, "state_round_trips", "neither a parameter nor a persistent buffer"),
        (Branches, "exports", "data-dependent"),
    ],
)
def test_exactly_the_check_for_a_fault_names_it(broken: type[Any], check: str, reason: str) -> None:
    found = find_faults(check_encoder, broken)
    assert list(found) == [check]
    assert reason in found[check]


@component
class BeginsWithZeros(Sound):
    def build(self) -> None:
        super().build()
        nn.init.zeros_(self.second.weight)
        self.third = nn.Conv2d(6, 6, 1)
        nn.init.zeros_(self.third.weight)

    def forward(self, image: Tensor) -> Pyramid:
        fine = self.first(image * 2 - 1).relu()
        return Pyramid(maps=(fine, self.third(self.second(fine))), spec=self.spec)


def test_layers_may_begin_with_zeros() -> None:
    assert not find_faults(check_encoder, BeginsWithZeros)


def test_values_that_are_not_finite_are_named() -> None:
    assert "the maps are not finite" in find_faults(check_encoder, IsTooLarge)["spec_is_true"]
