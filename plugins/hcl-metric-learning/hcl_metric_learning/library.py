"""Making and validating losses, distances and reducers of pytorch-metric-learning by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pytorch_metric_learning import distances, losses, reducers
from torch import nn

from hcl_sdk.errors import suggest

_UNSUITED = {
    "NCALoss": "compares every anchor with itself if it is among the references",
    "TupletMarginLoss": "is not finite for equal embeddings, which neighboring pixels often have",
}
"""Losses that compare anchors with references but cannot be used."""

_REFUSED = {
    "distance": "name it in the field 'distance'",
    "reducer": "name it in the field 'reducer'",
    "embedding_regularizer": "embeddings already have unit length",
    "embedding_reg_weight": "embeddings already have unit length",
    "triplets_per_anchor": "use the field 'triplets'",
    "swap": "positives are not anchors here, so their distances to negatives are unknown",
    "collect_stats": "nothing reads them",
}
"""Parameters of the library's losses that are not options, and what to do instead."""


def list_usable_losses() -> list[str]:
    """List the losses that compare anchors with references which need not be anchors themselves."""
    # The library's memory of earlier batches has the same requirement as settled pixels.
    return [name for name in losses.CrossBatchMemory.supported_losses() if name not in _UNSUITED]


def make_loss(
    name: str,
    options: Mapping[str, Any],
    distance: str | None,
    distance_options: Mapping[str, Any],
    reducer: str | None,
    reducer_options: Mapping[str, Any],
) -> nn.Module:
    """Make a loss of the library.

    Raises:
        ValueError: for an unknown name or option, a loss that needs more than anchors and references, or whatever the
            library refuses.
    """
    cls = _find(losses, "loss", name)
    if name not in list_usable_losses():
        raise ValueError(f"loss: {name} {_explain_refusal(cls)}; usable losses are {', '.join(list_usable_losses())}")
    _check_options("options", cls, options, _REFUSED)
    parts: dict[str, Any] = {}
    for field, module, chosen, given in (
        ("distance", distances, distance, distance_options),
        ("reducer", reducers, reducer, reducer_options),
    ):
        if chosen is not None:
            part = _find(module, field, chosen)
            _check_options(f"{field}_options", part, given, {"collect_stats": _REFUSED["collect_stats"]})
            parts[field] = _make(f"{field}: {chosen}", part, given)
        elif given:
            raise ValueError(f"{field}_options: there is no {field!r} that they belong to")
    return _make(f"loss: {name}", cls, {**options, **parts})


def list_parameters(cls: type) -> dict[str, inspect.Parameter]:
    """List the parameters of the constructor of a class of the library, including those of its base classes."""
    found: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__:
        if base.__module__.startswith("pytorch_metric_learning") and "__init__" in base.__dict__:
            for name, parameter in inspect.signature(base.__init__).parameters.items():
                if name != "self" and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                    found.setdefault(name, parameter)
    found.pop("mat_based_loss", None)  # of a base class; subclasses set it
    return found


def _find(module: Any, field: str, name: str) -> type:
    known = {k: v for k, v in vars(module).items() if inspect.isclass(v) and not k.startswith("Base")}
    if name not in known:
        raise ValueError(f"{field}: pytorch-metric-learning has no {field} {name!r}; {suggest(name, sorted(known))}")
    return known[name]


def _explain_refusal(cls: type) -> str:
    needed = {name for name, parameter in list_parameters(cls).items() if parameter.default is parameter.empty}
    if needed & {"loss", "losses"}:
        return "is made of other losses; use those on their own"
    if needed & {"num_classes", "descriptors_dim"}:
        return "learns weights for every class, while embeddings are compared with each other here"
    default = "does not compare anchors with references that are not anchors themselves"
    return _UNSUITED.get(cls.__name__, default)


def _check_options(field: str, cls: type, options: Mapping[str, Any], refused: Mapping[str, str]) -> None:
    known = {name for name in list_parameters(cls) if name not in refused}
    for name in options:
        if name in refused and name in list_parameters(cls):
            raise ValueError(f"{field}.{name}: not an option of {cls.__name__} here: {refused[name]}")
        if name not in known:
            raise ValueError(f"{field}.{name}: {cls.__name__} has no such parameter; {suggest(name, sorted(known))}")


def _make(what: str, cls: type, arguments: Mapping[str, Any]) -> nn.Module:
    try:
        return cls(**arguments)
    except Exception as error:  # from the class's own checks, most of which are assertions
        raise ValueError(f"{what} cannot be made: {take_first_line(error)}") from error


def take_first_line(error: Exception) -> str:
    """Return the first line of an error of the library."""
    return " ".join(str(error).split("\n")[0].split()) or type(error).__name__
