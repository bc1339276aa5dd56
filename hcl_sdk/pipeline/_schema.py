"""The keys of a pipeline's configuration, and the parts and settings that are built from it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, get_origin

import attrs
from attrs.validators import in_
from torch import nn

from hcl_sdk.config import FieldsOf, describe, list_plugins_used, structure
from hcl_sdk.detector import Detector
from hcl_sdk.interfaces import Restorer, get_field_type
from hcl_sdk.pipeline._parts import bind_parts
from hcl_sdk.settings import Settings
from hcl_sdk.weights import FORMAT

# The keys of a configuration besides the fields of a pipeline.
_OF_THE_FILE: dict[str, Any] = {
    "format": Annotated[int, in_([FORMAT])],
    "plugins": dict[str, str],
    "sha256": str,  # of the weights next to it
}


@cache
def _make_schema() -> dict[str, Any]:
    """Return the type and validator of every key of a configuration, which does not say where a pipeline runs."""
    parts = {"detector": Detector | None, "restorer": Restorer | None}
    settings = {f.name: Annotated[get_field_type(Settings, f.name), f.validator] for f in attrs.fields(Settings)}
    return _OF_THE_FILE | parts | settings


def read_fields(config: Mapping[str, Any]) -> dict[str, Any]:
    """Build the fields of the pipeline that a configuration describes: its parts, not bound yet, and its settings.

    Raises:
        ConfigError: listing all problems in the configuration.
    """
    values = structure(_make_schema(), _accept_single_values(config))
    return {key: value for key, value in values.items() if key not in _OF_THE_FILE}


def read_changes(config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the name of the weights that a configuration starts from, and the fields in which it differs from them.

    Raises:
        ConfigError: listing all problems in the configuration.
    """
    schema = {"weights": str} | _make_schema() | {"detector": FieldsOf(Detector)}
    values = structure(schema, _accept_single_values(config))
    return values.pop("weights"), {key: value for key, value in values.items() if key not in _OF_THE_FILE}


def _accept_single_values(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Put a single word in a list where a setting has several, as Python does: ``only: text``."""
    names = [field.name for field in attrs.fields(Settings)]
    several = [name for name in names if get_origin(get_field_type(Settings, name)) is tuple]
    return {key: [value] if key in several and isinstance(value, str) else value for key, value in config.items()}


def describe_fields(
    detector: Detector | None, restorer: Restorer | None, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Describe parts and settings as a configuration; :func:`read_fields` builds them again.

    Raises:
        RegistryError: if a component's class is not registered.
        TypeError: if the detector is of a subclass of Detector.
    """
    parts = {
        "detector": None if detector is None else describe(detector, Detector),
        "restorer": None if restorer is None else describe(restorer),
    }
    own = {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}  # as in JSON
    return {"format": FORMAT, "plugins": list_plugins_used(parts), **parts, **own}


def make_modules(config: Mapping[str, Any]) -> nn.ModuleDict:
    """Build the parts of a configuration as they are saved and loaded."""
    fields = read_fields(config)
    return bind_parts(fields.get("detector"), fields.get("restorer"))
