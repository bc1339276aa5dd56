"""Creating a pipeline from another one with other parts, parts of the detector, or settings."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from hcl_sdk.detector import Detector
from hcl_sdk.errors import check_keywords
from hcl_sdk.interfaces import Component
from hcl_sdk.plugins import registry
from hcl_sdk.registry import RegistryError

if TYPE_CHECKING:
    from hcl_sdk.pipeline._pipeline import Pipeline

_DETECTOR_FIELDS = tuple(field.name for field in attrs.fields(Detector))


class UntrainedWarning(UserWarning):
    """Parts of a pipeline are new: their weights are random until they are trained or loaded.

    :meth:`~hcl_sdk.Pipeline.replace` and :meth:`~hcl_sdk.Pipeline.from_config` warn of it; who trains such a pipeline
    can ignore it.
    """

    __module__ = "hcl_sdk.pipeline"


def resolve_changes(pipeline: Pipeline, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Turn changes of a pipeline, or of its detector, into fields of another pipeline.

    Args:
        pipeline: the pipeline to start from.
        changes: fields of a pipeline or of its detector; a mapping as ``detector`` holds fields of the detector, too.

    Raises:
        TypeError: if there is no such field, or the detector is given both as a whole and in parts.
        ValueError: if the pipeline has no detector whose parts could be replaced, or a part of it does not fit.
    """
    own = [field.name for field in attrs.fields(type(pipeline)) if field.init]
    check_keywords("Pipeline.replace", changes, [*own, *_DETECTOR_FIELDS])
    fields = {name: value for name, value in changes.items() if name in own}
    parts = {name: value for name, value in changes.items() if name not in own}
    if parts and "detector" in fields:
        raise TypeError(f"expected a detector or parts of it; got detector and {', '.join(parts)}")
    if parts and pipeline.detector is None:
        raise ValueError(f"there is no detector whose {' and '.join(parts)} could be replaced; pass a complete one")
    if pipeline.detector is not None and isinstance(fields.get("detector"), Mapping):
        parts = fields.pop("detector")
    if pipeline.detector is not None and parts:
        fields["detector"] = pipeline.detector.replace(**parts)
    if "restorer" in fields and fields["restorer"] is not pipeline.restorer:
        fields = {"texture": 0.0} | fields
    return fields


def warn_untrained(before: Pipeline, after: Pipeline, changes: Mapping[str, Any]) -> None:
    """Warn the caller's caller of parts that changes of a pipeline leave untrained."""
    if untrained := _list_untrained(before, after, changes):
        are, their = ("is", "its") if len(untrained) == 1 else ("are", "their")
        warnings.warn(
            f"{', '.join(untrained)} {are} newly created: {their} weights are random until they are trained or loaded",
            UntrainedWarning,
            stacklevel=3,
        )


def _list_untrained(before: Pipeline, after: Pipeline, changes: Mapping[str, Any]) -> list[str]:
    """List the parts that changes of a pipeline leave untrained, such as ``the encoder ConvNeXtEncoder``.

    These are parts given by a name or a configuration that have to learn, and those that were created anew to fit them.
    Components that were passed may have been trained.
    """
    parts: dict[str, tuple[Any, Any]] = {"restorer": (before.restorer, after.restorer)}
    given = changes
    if before.detector is None:
        parts["detector"] = None, after.detector
    elif after.detector is not None and not isinstance(changes.get("detector"), Detector):
        given = {**changes, **(changes.get("detector") or {})}
        parts |= {name: (getattr(before.detector, name), getattr(after.detector, name)) for name in _DETECTOR_FIELDS}
    return [
        f"the {name} {type(new).__name__}"
        for name, (old, new) in parts.items()
        if isinstance(new, Component) and new is not old and not _has_weights(given.get(name), new)
    ]


def _has_weights(given: Any, part: Component) -> bool:
    """Whether a new part may have weights that were trained: it was passed, needs none, or comes with its own."""
    if isinstance(given, Component) or (isinstance(given, Mapping) and given.get("pretrained")):
        return True
    return not _has_random_weights(part)


def _has_random_weights(part: Component) -> bool:
    """Whether a part that has just been created has to learn; what a package gives may come with its own weights."""
    if not any(parameter.requires_grad for parameter in part.parameters()):
        return False
    try:
        return "/" not in registry.get_name(type(part))
    except RegistryError:  # a part of no kind, or of a script
        return True
