"""The checks of encoders, interactions and heads."""

from __future__ import annotations

from typing import Any

import torch

from hcl_sdk.interfaces import Pyramid
from hcl_sdk.testing._checks.modules import backpropagate
from hcl_sdk.testing._expect import require, require_values
from hcl_sdk.testing._inputs import SIZES, describe_tensors, map_tensors
from hcl_sdk.testing._subjects import EncoderSubject, HeadSubject, InteractionSubject


def spec_is_true(subject: EncoderSubject | InteractionSubject) -> None:
    """At even and odd sizes, from 1 x 1 on, maps are as ``spec`` says; an interaction keeps strides and sizes."""
    component = subject.make()
    spec = component.spec
    if isinstance(subject, InteractionSubject):
        before = subject.neighbor.strides
        require(spec.strides == before, f"an interaction must keep the strides; {before} become {spec.strides}")
    for size in SIZES:
        with torch.no_grad():
            pyramid: Any = component(*subject.make_inputs(*size, batch=2))
        where = f"for images of {size[0]} x {size[1]}"
        require(
            isinstance(pyramid, Pyramid), f"{where}, forward returns a {type(pyramid).__name__} instead of a Pyramid"
        )
        require(pyramid.spec == spec, f"{where}, the pyramid has {pyramid.spec}, but the component {spec}")
        expected = [
            (2, channels, *(-(-extent // stride) for extent in size))
            for channels, stride in zip(spec.channels, spec.strides, strict=True)
        ]
        got = [tuple(m.shape) for m in pyramid.maps]
        described = f"{where}, spec promises maps {expected}; forward returns {describe_tensors(pyramid)}"
        require(got == expected, described)
        for m in pyramid.maps:
            require_values(m, m.shape, f"{where}, the maps")


def gradients_reach_the_encoder(subject: InteractionSubject | HeadSubject) -> None:
    """Every incoming map gets a finite, nonzero gradient."""
    (pyramid,) = subject.make_inputs(32, 48)
    incoming = map_tensors(pyramid, lambda m: m.detach().clone().requires_grad_())
    backpropagate(subject.make().train()(incoming))
    for s, leaf in enumerate(incoming.maps):
        gradient = torch.zeros(()) if leaf.grad is None else leaf.grad
        require(gradient.any(), f"no gradient reaches map {s}")
        require(gradient.isfinite().all(), f"the gradient of map {s} is not finite")


def embeddings_are_unit_vectors(subject: HeadSubject) -> None:
    """At even and odd sizes there is a vector of ``dim`` channels and length 1 for every pixel of every scale."""
    head = subject.make()
    for size in SIZES:
        (pyramid,) = subject.make_inputs(*size)
        with torch.no_grad():
            embeddings = head(pyramid)
        where, name = f"for images of {size[0]} x {size[1]}", type(embeddings).__name__
        require(isinstance(embeddings, tuple), f"{where}, forward returns a {name} instead of a tuple")
        expected = [(m.shape[0], head.dim, *m.shape[2:]) for m in pyramid.maps]
        got = [tuple(e.shape) for e in embeddings]
        described = f"{where}, expected embeddings {expected}; forward returns {describe_tensors(embeddings)}"
        require(got == expected, described)
        for s, embedding in enumerate(embeddings):
            require_values(embedding, embedding.shape, f"{where}, the embeddings")
            length = embedding.norm(dim=1)
            low, high = float(length.min()), float(length.max())
            lengths = f"{where}, embeddings of scale {s} have lengths from {low:.3g} to {high:.3g}, not 1"
            require((length - 1).abs().max() < 1e-3, lengths)
