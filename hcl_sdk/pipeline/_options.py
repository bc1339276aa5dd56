"""The keywords of calls to a pipeline, for type checkers."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeAlias, TypedDict

from hcl_sdk.functional.arrays import Box
from hcl_sdk.settings import Damage

Kinds: TypeAlias = "Damage | Collection[Damage]"


class DetectOptions(TypedDict, total=False):
    """The keywords of :meth:`Pipeline.detect`."""

    sensitivity: float | None
    only: Kinds | None
    skip: Kinds | None
    min_area: float | None
    region: Box | None
    seed: int
    batch_size: int
    progress: bool


class CallOptions(DetectOptions, total=False):
    """The keywords of calling a pipeline."""

    dilate: float | None
    feather: float | None
    texture: float | None
