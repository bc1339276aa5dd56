"""The outcome of a run: per photo, in total, and as a COCO dataset."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from hcl_sdk.errors import describe_error, is_explained, read_message
from hcl_sdk.files import write_whole
from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.photos.regions import Region, to_coco
from hcl_sdk.plugins import registry
from hcl_sdk.registry import find_component_at_work
from hcl_sdk.result import Suspect
from hcl_sdk.runtime import is_out_of_memory


@dataclass(frozen=True, kw_only=True)
class PhotoOutcome:
    """The outcome for one photo.

    Attributes:
        path: the photo.
        files: the files written, under ``"mask"``, ``"restored"`` and ``"plot"``; empty if it failed.
        size: (height, width) in pixels; None if it failed.
        corrupted_share: share of its pixels that is corrupted, in [0, 1].
        regions: the corrupted regions, if they were requested.
        left_out: number of regions that were found and left out by ``only``, ``skip`` or ``min_area``.
        suspect: the most suspicious part outside the mask, see :meth:`Pipeline.find_suspect`.
        notes: descriptions of what was dropped from its file.
        error: why it failed; None if it did not.
    """

    path: Path
    files: dict[str, Path] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    corrupted_share: float = 0.0
    regions: tuple[Region, ...] = ()
    left_out: int = 0
    suspect: Suspect | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain values that JSON can represent."""
        if self.size is None:
            return {"path": str(self.path), "error": self.error}
        height, width = self.size
        return {
            "path": str(self.path),
            "outputs": {what: str(file) for what, file in self.files.items()},
            "width": width,
            "height": height,
            "corrupted_share": self.corrupted_share,
            "regions": [_describe_region(region) for region in self.regions],
            "left_out": self.left_out,
            "suspect": None if self.suspect is None else self.suspect.to_json(),
            **({"notes": list(self.notes)} if self.notes else {}),
        }


def _describe_region(region: Region) -> dict[str, Any]:
    described: dict[str, Any] = {"box": region.box, "area": region.area, "confidence": region.confidence}
    if region.kinds is not None:
        described |= {"kind": region.kind, "kinds": dict(region.kinds)}
    return described


@dataclass(frozen=True, kw_only=True)
class FolderReport:
    """The outcome of a run; under ``accelerate launch``, of all processes together.

    Attributes:
        done: number of photos processed in this run.
        were_there: number of photos skipped because they already had results.
        failures: photos without results, and folders that cannot be read, with the reason.
        left_out: descriptions of the files in the folders that were not processed, and of folders without photos.
    """

    done: int
    were_there: int
    failures: tuple[tuple[Path, str], ...]
    left_out: tuple[str, ...]


class CocoCollection:
    """Collects the regions of many photos as one COCO dataset."""

    def __init__(self) -> None:
        self._values = to_coco([], file_name="", size=(0, 0)) | {"images": []}

    def add(self, outcome: PhotoOutcome) -> None:
        """Add a photo and its regions."""
        assert outcome.size is not None
        number = len(self._values["images"]) + 1
        name = outcome.path.as_posix()
        found = to_coco(list(outcome.regions), file_name=name, size=outcome.size, image_id=number)
        self._values["images"] += found["images"]
        self._values["categories"] = max(self._values["categories"], found["categories"], key=len)
        first = len(self._values["annotations"]) + 1
        self._values["annotations"] += [a | {"id": i} for i, a in enumerate(found["annotations"], first)]

    def write(self, file: Path) -> None:
        """Write the dataset; raises ``OSError`` if that fails."""
        try:
            write_whole(file, json.dumps(self._values))
        except OSError as error:
            raise OSError(f"{file} cannot be written: {error.strerror or error}") from error


def explain_failure(error: BaseException, path: Path, device: torch.device) -> str:
    """Explain in one line why a photo failed."""
    if is_out_of_memory(error):
        return f"not enough memory on {device} for a photo of its size"
    if isinstance(error, PhotoError | OSError):
        return str(error).removeprefix(f"{path}: ")
    if is_explained(error):
        return read_message(error)
    component = find_component_at_work(registry, error)
    return describe_error(error) if component is None else f"{component} failed: {describe_error(error)}"
