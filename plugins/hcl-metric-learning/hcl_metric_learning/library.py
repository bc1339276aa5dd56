"""pytorch-metric-learning's losses, distances and reducers, made by name, with what is wrong with them found out."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

from pytorch_metric_learning import distances, losses, reducers
from torch import nn

_UNSUITED = {
    "NCALoss": "compares every anchor with itself where that is among the references",
    "TupletMarginLoss": "is not finite for embeddings that are equal, as those of neighboring pixels often are",
}
"""Losses that compare anchors with references, and yet cannot be used."""

_REFUSED = {
    "distance": "give its name in the field 'distance'",
    "reducer": "give its name in the field 'reducer'",
    "embedding_regularizer": "embeddings are of unit length already",
    "embedding_reg_weight": "embeddings are of unit length already",
    "triplets_per_anchor": "give the field 'triplets'",
    "swap": "positives are no anchors here, so their distances to negatives are not known",
    "collect_stats": "nothing reads them",
}
"""Parameters of the library's losses that are no options, and what to do instead."""


def suited() -> list[str]:
    """Names of the losses that compare anchors with references which may, but need not be, anchors themselves."""
    # The library's memory of earlier batches needs the same of a loss as settled pixels do.
    return [name for name in losses.CrossBatchMemory.supported_losses() if name not in _UNSUITED]


def make_loss(
    name: str,
    options: Mapping[str, Any],
    distance: str | None,
    distance_options: Mapping[str, Any],
    reducer: str | None,
    reducer_options: Mapping[str, Any],
) -> nn.Module:
    """A loss of the library.

    Raises:
        ValueError: for an unknown name, a loss that needs more than anchors and references, an option that is none, or
            what the library refuses.
    """
    cls = _find(losses, "loss", name)
    if name not in suited():
        raise ValueError(f"loss: {name} {_why_not(cls)}; those that can be used are {', '.join(suited())}")
    _check_options("options", cls, options, _REFUSED)
    parts: dict[str, Any] = {}
    for field, module, chosen, given in (
        ("distance", distances, distance, distance_options),
        ("reducer", reducers, reducer, reducer_options),
    ):
        if chosen is not None:
            part = _find(module, field, chosen)
            _check_options(f"{field}_options", part, given, {"collect_stats": _REFUSED["collect_stats"]})
            parts[field] = _made(f"{field}: {chosen}", part, given)
        elif given:
            raise ValueError(f"{field}_options: there is no {field!r} that they are of")
    return _made(f"loss: {name}", cls, {**options, **parts})


def parameters(cls: type) -> dict[str, inspect.Parameter]:
    """What the constructor of a class of the library takes, by itself and for the classes that it derives from."""
    found: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__:
        if base.__module__.startswith("pytorch_metric_learning") and "__init__" in base.__dict__:
            for name, parameter in inspect.signature(base.__init__).parameters.items():
                if name != "self" and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                    found.setdefault(name, parameter)
    found.pop("mat_based_loss", None)  # of a base class, set by those that derive from it
    return found


def _find(module: Any, field: str, name: str) -> type:
    known = {k: v for k, v in vars(module).items() if inspect.isclass(v) and not k.startswith("Base")}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"
        raise ValueError(f"{field}: pytorch-metric-learning has no {field} {name!r}; {hint}")
    return known[name]


def _why_not(cls: type) -> str:
    needed = {name for name, parameter in parameters(cls).items() if parameter.default is parameter.empty}
    if needed & {"loss", "losses"}:
        return "is made of other losses; give those as losses of their own"
    if needed & {"num_classes", "descriptors_dim"}:
        return "learns weights for every class; embeddings are compared with each other here"
    default = "does not compare anchors with references that are not anchors themselves"
    return _UNSUITED.get(cls.__name__, default)


def _check_options(field: str, cls: type, options: Mapping[str, Any], refused: Mapping[str, str]) -> None:
    known = {name for name in parameters(cls) if name not in refused}
    for name in options:
        if name in refused and name in parameters(cls):
            raise ValueError(f"{field}.{name}: not an option of {cls.__name__} here: {refused[name]}")
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known)) or 'none'}"
            raise ValueError(f"{field}.{name}: {cls.__name__} has no such parameter; {hint}")


def _made(what: str, cls: type, arguments: Mapping[str, Any]) -> nn.Module:
    try:
        return cls(**arguments)
    except Exception as error:  # of each class's own checks, most of which are assertions
        raise ValueError(f"{what} cannot be made: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """An error of the library in one line."""
    return " ".join(str(error).split("\n")[0].split()) or type(error).__name__
