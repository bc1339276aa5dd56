"""What is going to be done, found and checked before any of it is."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hcl_sdk.files import ProtectedFiles
from hcl_sdk.folders.errors import ArgumentError, NoPhotosError
from hcl_sdk.folders.inputs import Input, Inputs, find_inputs, match_masks
from hcl_sdk.folders.outputs import Outputs
from hcl_sdk.photos.formats import FORMATS, MAX_MEGAPIXELS
from hcl_sdk.pipeline import Pipeline


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which photos are worked on, with which masks, and where the results go.

    Attributes:
        inputs: the photos, and what else was found.
        outputs: what is written, and where.
        masks: of each photo, if masks were handed in; None if they are to be found.
        protected: photos and masks, which must not be overwritten.
        max_megapixels: larger photos are refused.
    """

    inputs: Inputs
    outputs: Outputs
    masks: dict[Input, Path] | None
    protected: ProtectedFiles
    max_megapixels: float = MAX_MEGAPIXELS

    def check_pipeline(self, pipeline: Pipeline) -> None:
        """Raise ``ArgumentError`` if the pipeline lacks a part that is needed."""
        check_parts(pipeline, detecting=self.masks is None, restoring=self.outputs.restoring)

    def prepare_file(self, file: Path, argument: str) -> None:
        """Find out before the work whether one file on all photos can be written.

        Args:
            file: where it goes.
            argument: the name of the argument that asks for it, for errors.

        Raises:
            ArgumentError: if another result goes there, or several processes would write it.
            OSError: if it cannot be written, or an input would be overwritten.
        """
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise ArgumentError(
                "one file on all photos cannot be written by several processes; start one only", argument
            )
        for photo in self.inputs.photos:
            for what in ("mask", *(["plot"] if self.outputs.plot else [])):
                if os.path.realpath(file) == os.path.realpath(self.outputs.name_file(photo, what)):
                    raise ArgumentError(f"{file} is where the {what} of {photo.path} goes", argument)
        self.protected.check(file)
        file.parent.mkdir(parents=True, exist_ok=True)


def make_plan(
    paths: Iterable[Path],
    output: Path,
    *,
    restoring: bool,
    recursive: bool,
    corruption_masks: Path | None = None,
    file_format: str | None = None,
    plot: bool = False,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> Plan:
    """Find the photos, their masks and the names of their results; nothing is written.

    Args:
        paths: photos and folders of photos.
        output: the folder that the results go to.
        restoring: write restored photos besides the masks.
        recursive: search the folders inside folders, too.
        corruption_masks: a mask, or a folder with one for every photo; None to find them.
        file_format: of restored photos, such as ``jpg``; None for the one that keeps every pixel.
        plot: write an image that shows the result, too.
        max_megapixels: larger photos are refused.

    Raises:
        ArgumentError: for arguments that cannot be used.
        NoPhotosError: if there is nothing to work on.
    """
    paths = list(paths)
    if not max_megapixels > 0:
        raise ArgumentError(f"expected a number above 0; got {max_megapixels!r}", "max_megapixels")
    if file_format is not None:
        file_format = file_format.lower().removeprefix(".")
        if f".{file_format}" not in FORMATS:
            known = ", ".join(suffix.removeprefix(".") for suffix in FORMATS)
            raise ArgumentError(f"expected one of {known}; got {file_format!r}", "format")
    inputs = find_inputs(paths, recursive=recursive, output=output)
    if not inputs.photos and not inputs.failures:
        found = "; ".join(inputs.describe_left_out()) or "no files"
        raise NoPhotosError(f"no photo files in {', '.join(map(str, paths))} ({found})")
    masks = None if corruption_masks is None else match_masks(corruption_masks, inputs)
    outputs = Outputs(folder=output, restoring=restoring, plot=plot, file_format=file_format)
    protected = ProtectedFiles([*(photo.path for photo in inputs.photos), *(masks or {}).values()])
    outputs.leave_out_overwriting(inputs, masks, protected)
    return Plan(inputs=inputs, outputs=outputs, masks=masks, protected=protected, max_megapixels=max_megapixels)


def check_parts(pipeline: Pipeline, *, detecting: bool, restoring: bool) -> None:
    """Raise ``ArgumentError`` if a pipeline lacks a part that is needed, for its settings as well."""
    if detecting and pipeline.detector is None:
        raise ArgumentError("there is no detector; what has none can fill masks that are handed in", "pipeline")
    if restoring and pipeline.restorer is None:
        raise ArgumentError("there is no restorer; what has none can detect", "pipeline")
    if detecting and (why := pipeline.explain_lack_of_kinds()):
        raise ArgumentError(why, "pipeline")
