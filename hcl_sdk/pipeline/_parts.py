"""The parts of a pipeline: made, checked, and bound to each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from torch import nn

from hcl_sdk.config import build
from hcl_sdk.detector import Detector
from hcl_sdk.interfaces import Restorer


def make_detector(value: Detector | Mapping[str, Any] | None) -> Detector | None:
    """Build a detector that is described as in a configuration; return anything else unchanged."""
    return build(value, Detector) if isinstance(value, Mapping) else value


def check_part(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Check a field of a pipeline that holds a part."""
    kind = {"detector": Detector, "restorer": Restorer}[attribute.name]
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"{attribute.name} must be a {kind.__name__} or None; got a {type(value).__name__}")


def bind_parts(detector: Detector | None, restorer: Restorer | None) -> nn.ModuleDict:
    """Bind the parts of a pipeline to each other; return them as they are saved and loaded."""
    if restorer is not None:
        restorer.bind(None if detector is None else detector.encoder.spec)
    parts = {"detector": detector, "restorer": restorer}
    return nn.ModuleDict({name: part for name, part in parts.items() if part is not None})
