"""Loading a published checkpoint's weights into components."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hcl_sdk.clusterers.soft_kmeans import SoftKMeans
from hcl_sdk.detector import Detector
from hcl_sdk.encoders.swin import SwinEncoder
from hcl_sdk.functional.windows import find_window_neighbors, index_relative_positions
from hcl_sdk.heads.projection import ProjectionHead
from hcl_sdk.interactions.identity import Identity
from hcl_sdk.interactions.top_down import TopDownFusion
from hcl_sdk.interfaces import Restorer
from hcl_sdk.pipeline import Pipeline
from hcl_sdk.published._checkpoint import ConversionError, read_checkpoint
from hcl_sdk.published._names import map_names
from hcl_sdk.restorers.partial_swin import PartialSwinRestorer


@dataclass(frozen=True, kw_only=True, eq=False)
class Conversion:
    """The result of :func:`convert`.

    Attributes:
        pipeline: a pipeline with the weights of the checkpoint; ``pipeline.save_pretrained(directory)`` writes it.
        left_out: the entries of the file that belong to training and are not part of a pipeline.
    """

    pipeline: Pipeline
    left_out: tuple[str, ...]


def convert(checkpoint: str | Path, config: Mapping[str, Any]) -> Conversion:
    """Convert a published checkpoint to a pipeline.

    The file is read without running code from it. Every name and shape is checked.

    Args:
        checkpoint: a file written by the published code, with or without the parts for training.
        config: the configuration of the pipeline: :func:`get_preset`, :func:`convert_settings`, or your own with the
            same components.

    Raises:
        FileNotFoundError: if the file does not exist.
        ConversionError: if the file cannot be read safely, or does not match the configuration.
    """
    pipeline = Pipeline.from_config(config)
    if pipeline.detector is None or pipeline.restorer is None:
        raise ConversionError("a published checkpoint holds a detector and a restorer; the configuration lacks one")
    return Conversion(pipeline=pipeline, left_out=load_published(checkpoint, pipeline.detector, pipeline.restorer))


def load_published(checkpoint: str | Path, detector: Detector, restorer: Restorer) -> tuple[str, ...]:
    """Load the weights of a published checkpoint into components that are bound to each other.

    Args:
        checkpoint: a file written by the published code, with or without the parts for training.
        detector: a detector with the published components (``identity`` instead of ``top-down`` for networks without
            fusion).
        restorer: a :class:`~hcl_sdk.PartialSwinRestorer`.

    Returns:
        The entries of the file that belong to training and were left out.

    Raises:
        FileNotFoundError: if the file does not exist.
        ConversionError: if the file cannot be read safely, or does not match the components, whose weights are then
            unchanged.
    """
    _check_components(detector, restorer)
    tensors, left_out = read_checkpoint(Path(checkpoint))
    names = map_names(detector, restorer)
    targets: dict[str, Tensor] = {}
    for prefix, module in (("detector", detector), ("restorer", restorer)):
        for name, parameter in module.named_parameters(prefix):
            layer, _, leaf = name.rpartition(".")
            targets[names[name] if name in names else f"{names[layer]}.{leaf}"] = parameter
    computed = {name for name in tensors if _find_owner(name) in targets}
    unexpected = tensors.keys() - targets.keys() - computed
    problems = [
        *_list_names("missing", sorted(targets.keys() - tensors.keys())),
        *_list_names("unexpected", sorted(unexpected)),
        *_list_names("of another shape or type", list(_list_misfits(targets, tensors))),
        *_list_names("with other values than computed", list(_list_other_values(computed, targets, tensors))),
        *_list_names("with NaN, infinity or too large a value", list(_list_not_finite(targets, tensors))),
    ]
    if problems:
        what = f"{checkpoint} is not a published checkpoint of this configuration"
        raise ConversionError("\n".join([what, *problems]))
    with torch.no_grad():
        for name, target in targets.items():
            target.copy_(tensors[name])
    return left_out


def _check_components(detector: Detector, restorer: Restorer) -> None:
    published = (
        (detector.encoder, SwinEncoder),
        (detector.interaction, (TopDownFusion, Identity)),
        (detector.head, ProjectionHead),
        (detector.clusterer, SoftKMeans),
        (restorer, PartialSwinRestorer),
    )
    wrong = [type(part).__name__ for part, types in published if not isinstance(part, types)]
    if wrong:
        raise ConversionError(
            f"published checkpoints are for swin, top-down or identity, projection, soft-kmeans and partial-swin; "
            f"they contain no weights for {', '.join(wrong)}"
        )


def _list_names(what: str, names: list[str]) -> Iterator[str]:
    if names:
        yield f"{what} ({len(names)}):"
        yield from (f"  {name}" for name in names)


def _list_misfits(targets: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> Iterator[str]:
    for name in sorted(targets.keys() & tensors.keys()):
        target, tensor = targets[name], tensors[name]
        if target.shape != tensor.shape:
            yield f"{name}: expected {tuple(target.shape)}, got {tuple(tensor.shape)}{_suggest_window(name, tensor)}"
        elif not tensor.is_floating_point():
            yield f"{name}: expected floating-point values, got {tensor.dtype}"


def _list_not_finite(targets: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> Iterator[str]:
    for name in sorted(targets.keys() & tensors.keys()):
        if tensors[name].is_floating_point() and not tensors[name].to(targets[name].dtype).isfinite().all():
            yield name


def _suggest_window(name: str, table: Tensor) -> str:
    if not name.endswith("relative_position_bias_table"):
        return ""
    return f" (a window of {(math.isqrt(table.shape[0]) + 1) // 2})"


def _find_owner(name: str) -> str | None:
    """Find the table of relative positions in the block that a computed buffer belongs to."""
    found = re.fullmatch(r"(.*\.blocks\.\d+)\.(attn\.relative_position_index|attn_mask)", name)
    return found and f"{found[1]}.attn.relative_position_bias_table"


def _list_other_values(
    computed: set[str], targets: Mapping[str, Tensor], tensors: Mapping[str, Tensor]
) -> Iterator[str]:
    """List buffers that the published code computes from the window and image size, but not as this package does."""
    for name in sorted(computed):
        table = targets[_find_owner(name) or ""]
        window = (math.isqrt(table.shape[0]) + 1) // 2
        if name.endswith("relative_position_index"):
            if not torch.equal(tensors[name], index_relative_positions(window)):
                yield f"{name}: not the indices of a window of {window}; shape {tuple(tensors[name].shape)}"
        elif not _is_shift_mask(tensors[name], name, window):
            yield f"{name}: not the mask of windows of {window}, shifted by half; shape {tuple(tensors[name].shape)}"


def _is_shift_mask(mask: Tensor, name: str, window: int) -> bool:
    if int(name.split(".")[-2]) % 2 == 0:  # only odd blocks are shifted
        return False
    side = math.isqrt(mask.shape[0]) * window
    allowed = find_window_neighbors((side, side), window, (window // 2, window // 2))
    if allowed is None or allowed.shape != mask.shape:
        return False
    return torch.equal(mask.float(), torch.where(allowed, 0.0, -100.0))
