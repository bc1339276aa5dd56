"""The keywords of calls to a pipeline: the settings that a call may override, and what is said of the call itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias, TypedDict, TypeVar

from hcl_sdk.errors import suggest_keywords
from hcl_sdk.functional.arrays import Box
from hcl_sdk.settings import Damage

_F = TypeVar("_F", bound=Callable[..., Any])

Kinds: TypeAlias = "Damage | Collection[Damage]"


class FindingSettings(TypedDict, total=False):
    """The :class:`~hcl_sdk.settings.Settings` that a call to detect may override; None keeps the pipeline's own."""

    sensitivity: float | None
    only: Kinds | None
    skip: Kinds | None
    min_area: float | None


class FillingSettings(TypedDict, total=False):
    """The :class:`~hcl_sdk.settings.Settings` that a call to fill may override; None keeps the pipeline's own."""

    dilate: float | None
    feather: float | None
    texture: float | None


class DetectOptions(FindingSettings, total=False):
    """The keywords of :meth:`hcl_sdk.Pipeline.detect`."""

    region: Box | None
    seed: int
    batch_size: int
    progress: bool


class CallOptions(DetectOptions, FillingSettings, total=False):
    """The keywords of calling a pipeline."""


_OWN_MASK = "pipeline.restore(photo, corruption_mask=mask) fills a mask of your own"
DETECTION_HINTS: Mapping[str, str] = dict.fromkeys(("mask", "masks", "corruption_mask"), _OWN_MASK)
"""Advice for calls that detect, by keywords that they do not take."""


def take_settings(*settings: type, hints: Mapping[str, str] | None = None) -> Callable[[_F], _F]:
    """Decorate a function with ``**settings`` at its end so that it takes only those named in these classes.

    Its signature lists them. The error for another keyword has the hint for it, or suggests the nearest valid one.
    """
    names = [name for each in settings for name in each.__annotations__]
    taken = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None) for name in names]

    def decorate(function: _F) -> _F:
        signature = inspect.signature(function)
        *own, _ = signature.parameters.values()
        listed: Any = function
        listed.__signature__ = signature.replace(parameters=[*own, *taken])
        return suggest_keywords(function, hints)

    return decorate
