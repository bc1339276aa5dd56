"""The record of the settings that the results in a folder were made with, which is kept there for resuming."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import nn

from hcl_sdk.files import write_whole
from hcl_sdk.folders.errors import ArgumentError
from hcl_sdk.folders.plan import Plan
from hcl_sdk.functional.arrays import Box
from hcl_sdk.pipeline import Pipeline
from hcl_sdk.runtime import is_first_process
from hcl_sdk.settings import Settings

RECORD = ".hcl-settings.json"
"""The file, in the output folder."""


def settle_record(plan: Plan, pipeline: Pipeline, *, region: Box | None, resume: bool) -> float:
    """Record the settings of a run, unless they are those of the record.

    The file is written before any result, so whatever is older than it was made with settings that nobody knows.

    Returns:
        The time, in nanoseconds, since when all results in the folder have been made with these settings; infinity if
        none have.

    Raises:
        ArgumentError: to resume, if photos have results of other settings.
        OSError: if the file cannot be written.
    """
    file, described = plan.outputs.folder / RECORD, _describe(plan, pipeline, region)
    earlier = _read(file)
    if earlier == described:
        return file.stat().st_mtime_ns
    if resume and earlier is not None and any(map(plan.outputs.are_there, plan.inputs.photos)):
        raise ArgumentError(
            f"the results in {plan.outputs.folder} were made with other settings "
            f"({_compare(earlier, described)}); use the same, or make all of them anew without resuming",
            "resume",
        )
    if is_first_process():
        write_whole(file, json.dumps(described, indent=2) + "\n")
    return math.inf


def _describe(plan: Plan, pipeline: Pipeline, region: Box | None) -> dict[str, Any]:
    """Describe what results depend on besides the photos and the version of the package, as JSON has it."""
    described = {
        "detector": _hash(pipeline.detector),
        "restorer": _hash(pipeline.restorer),
        "precision": pipeline.precision,
        "masks": "detected" if plan.masks is None else "passed in",
        "region": region,
        **{field.name: getattr(pipeline, field.name) for field in attrs.fields(Settings)},
    }
    return json.loads(json.dumps(described))


def _hash(part: nn.Module | None) -> str | None:
    """Compute the SHA-256 of a part of a pipeline: how it is made, and its weights."""
    if part is None:
        return None
    sha256 = hashlib.sha256(repr(part).encode())
    for name, tensor in part.state_dict().items():
        sha256.update(name.encode())
        sha256.update(tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return sha256.hexdigest()


def _read(file: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _compare(earlier: dict[str, Any], described: dict[str, Any]) -> str:
    names = [name for name in described if earlier.get(name) != described[name]]
    return ", ".join(
        f"another {name}" if name in ("detector", "restorer") else f"{name} {earlier.get(name)}, now {described[name]}"
        for name in names
    )
