"""The checks of encoders, interactions and heads."""

from __future__ import annotations

import torch

from hcl_sdk.interfaces import Pyramid
from hcl_sdk.testing._checks.modules import assert_float32, backpropagate
from hcl_sdk.testing._inputs import SIZES, describe_tensors, map_tensors
from hcl_sdk.testing._report import Fault
from hcl_sdk.testing._subjects import EncoderSubject, HeadSubject, InteractionSubject


def spec_is_true(subject: EncoderSubject | InteractionSubject) -> None:
    """At even and odd sizes, from 1 x 1 on, maps are as ``spec`` says; an interaction keeps strides and sizes."""
    component = subject.make()
    if isinstance(subject, InteractionSubject) and component.spec.strides != subject.spec.strides:
        raise Fault(f"an interaction must keep the strides; {subject.spec.strides} become {component.spec.strides}")
    for size in SIZES:
        with torch.no_grad():
            pyramid = component(*subject.make_inputs(*size, batch=2))
        _check_maps(pyramid, component.spec, size, 2)


def _check_maps(pyramid: object, spec: object, size: tuple[int, int], batch: int) -> None:
    """Check that a pyramid of images of a size matches its spec and is finite."""
    where = f"for images of {size[0]} x {size[1]}"
    if not isinstance(pyramid, Pyramid):
        raise Fault(f"{where}, forward returns a {type(pyramid).__name__} instead of a Pyramid")
    if pyramid.spec != spec:
        raise Fault(f"{where}, the pyramid has {pyramid.spec}, but the component {spec}")
    expected = [
        (batch, channels, *(-(-extent // stride) for extent in size))
        for channels, stride in zip(pyramid.spec.channels, pyramid.spec.strides, strict=True)
    ]
    got = [tuple(m.shape) for m in pyramid.maps]
    if got != expected:
        raise Fault(f"{where}, spec promises maps {expected}; forward returns {describe_tensors(pyramid)}")
    for m in pyramid.maps:
        assert_float32(m, f"{where}, the maps")
    if not all(m.isfinite().all() for m in pyramid.maps):
        raise Fault(f"{where}, the maps are not finite")


def gradients_reach_the_encoder(subject: InteractionSubject | HeadSubject) -> None:
    """Every incoming map gets a finite, nonzero gradient."""
    (pyramid,) = subject.make_inputs(32, 48)
    incoming = map_tensors(pyramid, lambda m: m.detach().clone().requires_grad_())
    backpropagate(subject.make().train()(incoming))
    for s, leaf in enumerate(incoming.maps):
        if leaf.grad is None:
            raise Fault(f"no gradient reaches map {s}")
        if not leaf.grad.isfinite().all():
            raise Fault(f"the gradient of map {s} is not finite")
        if leaf.grad.abs().max() == 0:
            raise Fault(f"no gradient reaches map {s}")


def embeddings_are_unit_vectors(subject: HeadSubject) -> None:
    """At even and odd sizes there is a vector of ``dim`` channels and length 1 for every pixel of every scale."""
    head = subject.make()
    for size in SIZES:
        (pyramid,) = subject.make_inputs(*size)
        with torch.no_grad():
            embeddings = head(pyramid)
        expected = [(m.shape[0], head.dim, *m.shape[2:]) for m in pyramid.maps]
        where = f"for images of {size[0]} x {size[1]}"
        if not isinstance(embeddings, tuple):
            raise Fault(f"{where}, forward returns a {type(embeddings).__name__} instead of a tuple")
        got = [tuple(e.shape) for e in embeddings]
        if got != expected:
            raise Fault(f"{where}, expected embeddings {expected}; forward returns {describe_tensors(embeddings)}")
        for s, embedding in enumerate(embeddings):
            assert_float32(embedding, f"{where}, the embeddings")
            length = embedding.norm(dim=1)
            if not (length - 1).abs().max() < 1e-3:
                low, high = float(length.min()), float(length.max())
                raise Fault(f"{where}, embeddings of scale {s} have lengths from {low:.3g} to {high:.3g}, not 1")
