"""The checks of interactions."""

from __future__ import annotations

import torch

from hcl_sdk.testing import common
from hcl_sdk.testing.encoders import check_maps
from hcl_sdk.testing.inputs import SIZES, mapped
from hcl_sdk.testing.kit import Fault, checks
from hcl_sdk.testing.subject import InteractionSubject


def spec_is_true(subject: InteractionSubject) -> None:
    """At even and odd sizes, strides and sizes stay as they came, and channels are those that ``spec`` says."""
    interaction = subject.make()
    if interaction.spec.strides != subject.spec.strides:
        raise Fault(f"an interaction keeps the strides; {subject.spec.strides} become {interaction.spec.strides}")
    for size in SIZES:
        (pyramid,) = subject.inputs(*size)
        with torch.no_grad():
            mixed = interaction(pyramid)
        check_maps(mixed, interaction.spec, size, len(pyramid.maps[0]))


def gradients_reach_the_encoder(subject: InteractionSubject) -> None:
    """Every incoming map gets a gradient that is finite and not zero."""
    (pyramid,) = subject.inputs(32, 48)
    incoming = mapped(pyramid, lambda m: m.detach().clone().requires_grad_())
    common.backward(subject.make().train()(incoming))
    for s, leaf in enumerate(incoming.maps):
        if leaf.grad is None:
            raise Fault(f"no gradient reaches map {s}")
        if not leaf.grad.isfinite().all():
            raise Fault(f"the gradient of map {s} is not finite")
        if leaf.grad.abs().max() == 0:
            raise Fault(f"no gradient reaches map {s}")


CHECKS = checks(
    common.entry_module_imports_no_torch,
    common.configuration_round_trips,
    common.unknown_keys_are_refused,
    common.binds_once,
    spec_is_true,
    common.batch_equals_single_images,
    common.input_is_left_alone,
    common.memory_layout_does_not_matter,
    common.repeats_exactly,
    common.random_state_is_left_alone,
    common.settings_are_left_alone,
    common.runs_on_its_device,
    common.half_precision,
    common.gradients_reach_every_parameter,
    gradients_reach_the_encoder,
    common.state_round_trips,
    common.exports,
)
