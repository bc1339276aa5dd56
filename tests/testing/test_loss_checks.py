"""Losses, each broken in one way: exactly the check that is for it names the fault."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import torch
from checking import find_faults
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk import AdversarialLoss, Detection, RestorationLoss, component
from hcl_sdk.losses import BCELoss
from hcl_sdk.testing import check_loss


@component
class Absolute(RestorationLoss):
    weight: float = 1.0

    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
        return (restored.float() - target.float()).abs().mean()


@component
class PerImage(Absolute):
    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
        return (restored - target).abs().mean(dim=(1, 2, 3))


@component
class OfTheHoleAlone(Absolute):
    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
        hole = corruption_mask.expand_as(target)
        each = [(r - t)[h].abs().mean() for r, t, h in zip(restored, target, hole, strict=True)]
        return torch.stack(each).mean()


@component
class Summed(Absolute):
    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
        return super().forward(restored, target, corruption_mask) * len(restored)


@component
class Weighted(Absolute):
    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
        return self.weight * super().forward(restored, target, corruption_mask)


@component
class Detached(Absolute):
    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
        return super().forward(restored.detach(), target, corruption_mask)


@component
class Negative(Absolute):
    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
        return 1 - super().forward(restored, target, corruption_mask)


@component
class Opposite(BCELoss):
    """Its author took True for valid."""

    def forward(self, detection: Detection, corruption_mask: Tensor, *, seed: int = 0) -> Tensor:
        return super().forward(detection, ~corruption_mask, seed=seed)


@component
class FollowsTheGlobalSeed(BCELoss):
    def forward(self, detection: Detection, corruption_mask: Tensor, *, seed: int = 0) -> Tensor:
        return super().forward(detection, corruption_mask, seed=seed) * (1 + 1e-4 * (torch.initial_seed() % 97))


@component
class Adversarial(AdversarialLoss):
    weight: float = 1.0
    lr: float = attrs.field(default=1e-3, validator=attrs.validators.gt(0))

    def make_discriminator(self) -> Any:
        return nn.Conv2d(3, 1, 3, padding=1)

    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
        return -self.discriminator(restored).mean()

    def discriminator_loss(self, restored: Tensor, target: Tensor, corruption_mask: Tensor, *, seed: int) -> Tensor:
        return F.softplus(self.discriminator(restored)).mean() + F.softplus(-self.discriminator(target)).mean()


@component
class LearnsHalf(Adversarial):
    def make_discriminator(self) -> Any:
        network = super().make_discriminator()
        network.never = nn.Linear(2, 2)
        return network


@pytest.mark.parametrize("sound", [Absolute, Adversarial, BCELoss])
def test_sound_ones_pass(sound: type[Any]) -> None:
    assert not find_faults(check_loss, sound)


@pytest.mark.parametrize(
    ("broken", "check", "reason"),
    [
        (OfTheHoleAlone, "gives_one_number", "the loss is nan"),
        (Summed, "batch_is_mean_of_images", "the loss of a batch, and the mean of its images'"),
        (Weighted, "weight_is_left_to_the_trainer", "the loss with one weight, and with another"),
        (Detached, "gradients_reach_the_model", "the loss carries no gradient"),
        (Negative, "better_results_cost_less", "is not below that of a bad one"),
        (Opposite, "better_results_cost_less", "is not below that of a bad one"),
        (FollowsTheGlobalSeed, "repeats_exactly", "output differs from call to call"),
        (LearnsHalf, "gradients_reach_every_parameter", "no gradient reaches discriminator.never.weight"),
    ],
)
def test_the_check_for_a_fault_names_it(broken: type[Any], check: str, reason: str) -> None:
    found = find_faults(check_loss, broken)
    assert check in found
    assert reason in found[check]
    if broken is not OfTheHoleAlone:  # what is not a number differs from everything, also from itself
        assert list(found) == [check]


def test_a_number_an_image_is_not_one_number() -> None:
    assert "expected a number, got [3]" in find_faults(check_loss, PerImage)["gives_one_number"]
