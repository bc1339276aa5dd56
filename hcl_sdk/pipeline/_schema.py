"""What the configuration of a pipeline may hold, and what is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

import attrs
from torch import nn

from hcl_sdk.config import ConfigError, structure
from hcl_sdk.detector import Detector
from hcl_sdk.interfaces import Restorer, get_field_type
from hcl_sdk.settings import Settings
from hcl_sdk.weights import FORMAT

# What a configuration holds besides the fields of a pipeline.
_OF_THE_FILE: dict[str, Any] = {
    "format": Annotated[int, attrs.validators.in_([FORMAT])],
    "plugins": dict[str, str],
    "sha256": str,  # of the weights that lie beside it
}


@cache
def _make_schema() -> dict[str, Any]:
    """The type and validator of every key of a configuration; where a pipeline runs is none of its business."""
    parts = {"detector": Detector | None, "restorer": Restorer | None}
    settings = {f.name: Annotated[get_field_type(Settings, f.name), f.validator] for f in attrs.fields(Settings)}
    return _OF_THE_FILE | parts | settings


def read_fields(config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the pipeline that a configuration describes: its parts, made and not yet bound, and its settings.

    Raises:
        ConfigError: listing all that is wrong with the configuration.
    """
    return {key: value for key, value in structure(_make_schema(), config).items() if key not in _OF_THE_FILE}


def read_changes(config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name of the weights that a configuration starts from, and the fields in which it differs from them.

    Raises:
        ConfigError: listing all that is wrong with the configuration.
    """
    if config.get("detector") is not None:
        problem = "comes with the weights, and another one would be untrained; leave out one of the two keys"
        raise ConfigError([("detector", problem)])
    values = structure({"weights": str} | _make_schema(), config)
    return values.pop("weights"), {key: value for key, value in values.items() if key not in _OF_THE_FILE}


def bind_parts(detector: Detector | None, restorer: Restorer | None) -> nn.ModuleDict:
    """The parts of a pipeline, bound to each other, as they are saved and loaded."""
    if restorer is not None:
        restorer.bind(None if detector is None else detector.encoder.spec)
    parts = {"detector": detector, "restorer": restorer}
    return nn.ModuleDict({name: part for name, part in parts.items() if part is not None})
