"""The checks of encoders."""

from __future__ import annotations

import torch

from hcl_sdk.interfaces import Pyramid
from hcl_sdk.testing import common
from hcl_sdk.testing.inputs import SIZES, names_of
from hcl_sdk.testing.kit import Fault, checks
from hcl_sdk.testing.subject import EncoderSubject


def spec_is_true(subject: EncoderSubject) -> None:
    """At even and odd sizes, from 1 x 1 on, the maps have the channels and strides that ``spec`` says."""
    encoder = subject.make()
    for size in SIZES:
        (image,) = subject.inputs(*size)
        with torch.no_grad():
            pyramid = encoder(image)
        check_maps(pyramid, encoder.spec, size, len(image))


def check_maps(pyramid: object, spec: object, size: tuple[int, int], batch: int) -> None:
    """Whether a pyramid of images of a size is what a spec says, and finite."""
    where = f"for images of {size[0]} x {size[1]}"
    if not isinstance(pyramid, Pyramid):
        raise Fault(f"{where}, forward returns a {type(pyramid).__name__} and no Pyramid")
    if pyramid.spec != spec:
        raise Fault(f"{where}, the pyramid says {pyramid.spec}, and the component {spec}")
    expected = [
        (batch, channels, *(-(-extent // stride) for extent in size))
        for channels, stride in zip(pyramid.spec.channels, pyramid.spec.strides, strict=True)
    ]
    got = [tuple(m.shape) for m in pyramid.maps]
    if got != expected:
        raise Fault(f"{where}, spec promises maps {expected}; forward returns {names_of(pyramid)}")
    for m in pyramid.maps:
        common.assert_float32(m, f"{where}, the maps")
    if not all(m.isfinite().all() for m in pyramid.maps):
        raise Fault(f"{where}, the maps are not finite")


CHECKS = checks(
    common.entry_module_imports_no_torch,
    common.configuration_round_trips,
    common.unknown_keys_are_refused,
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
    common.state_round_trips,
    common.exports,
)
