"""The checks of heads."""

from __future__ import annotations

import torch

from hcl_sdk.testing import common
from hcl_sdk.testing.inputs import SIZES, names_of
from hcl_sdk.testing.interactions import gradients_reach_the_encoder
from hcl_sdk.testing.kit import Fault, checks
from hcl_sdk.testing.subject import HeadSubject


def embeddings_are_unit_vectors(subject: HeadSubject) -> None:
    """At even and odd sizes there is a vector of ``dim`` channels and length 1 for every pixel of every scale."""
    head = subject.make()
    for size in SIZES:
        (pyramid,) = subject.inputs(*size)
        with torch.no_grad():
            embeddings = head(pyramid)
        expected = [(m.shape[0], head.dim, *m.shape[2:]) for m in pyramid.maps]
        where = f"for images of {size[0]} x {size[1]}"
        if not isinstance(embeddings, tuple):
            raise Fault(f"{where}, forward returns a {type(embeddings).__name__} and no tuple")
        got = [tuple(e.shape) for e in embeddings]
        if got != expected:
            raise Fault(f"{where}, expected embeddings {expected}; forward returns {names_of(embeddings)}")
        for s, embedding in enumerate(embeddings):
            common.assert_float32(embedding, f"{where}, the embeddings")
            length = embedding.norm(dim=1)
            if not (length - 1).abs().max() < 1e-3:
                low, high = float(length.min()), float(length.max())
                raise Fault(f"{where}, embeddings of scale {s} have lengths from {low:.3g} to {high:.3g}, not 1")


CHECKS = checks(
    common.entry_module_imports_no_torch,
    common.configuration_round_trips,
    common.unknown_keys_are_refused,
    common.binds_once,
    embeddings_are_unit_vectors,
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
