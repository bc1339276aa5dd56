"""The plan of a run, determined and checked before any work is done."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hcl_sdk.files import ProtectedFiles, check_writable
from hcl_sdk.folders.errors import ArgumentError, NoPhotosError
from hcl_sdk.folders.inputs import Input, Inputs, find_inputs, match_masks
from hcl_sdk.folders.outputs import Outputs
from hcl_sdk.photos.formats import FORMATS, MAX_MEGAPIXELS
from hcl_sdk.photos.write import find_format
from hcl_sdk.pipeline import Pipeline
from hcl_sdk.runtime import count_processes
from hcl_sdk.settings import explain_no_kinds


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The photos to process, their masks, and where the results go.

    Attributes:
        inputs: the photos, and what else was found.
        outputs: which files are written, and where.
        masks: the mask of each photo, if masks were passed in; None if they are to be detected.
        protected: photos and masks, which must not be overwritten.
        max_megapixels: larger photos are refused.
    """

    inputs: Inputs
    outputs: Outputs
    masks: dict[Input, Path] | None
    protected: ProtectedFiles
    max_megapixels: float = MAX_MEGAPIXELS

    def check_pipeline(self, pipeline: Pipeline) -> None:
        """Raise ``ArgumentError`` if the pipeline lacks a required part."""
        check_parts(pipeline, detecting=self.masks is None, restoring=self.outputs.restoring)

    def prepare_file(self, file: Path, argument: str) -> None:
        """Make sure, before the work begins, that a file covering all photos can be written.

        Args:
            file: the path of the file.
            argument: the name of the argument that requests it, for errors.

        Raises:
            ArgumentError: if it collides with another result, or several processes would write it.
            OSError: if it cannot be written, or would overwrite an input.
        """
        if count_processes() > 1:
            raise ArgumentError(
                "several processes cannot write one file covering all photos; start a single process", argument
            )
        for photo in self.inputs.photos:
            for what in ("mask", *(["plot"] if self.outputs.plot else [])):
                if os.path.realpath(file) == os.path.realpath(self.outputs.name_file(photo, what)):
                    raise ArgumentError(f"{file} would collide with the {what} of {photo.path}", argument)
        self.protected.check(file)
        check_writable(file)


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
        output: the output folder.
        restoring: also write restored photos, not just masks.
        recursive: search subfolders too.
        corruption_masks: a mask, or a folder with one for every photo; None to detect them.
        file_format: format of restored photos, such as ``jpg``; None for a lossless one.
        plot: also write an image that shows the result.
        max_megapixels: larger photos are refused.

    Raises:
        ArgumentError: if arguments are invalid.
        NoPhotosError: if there are no photos to process.
    """
    paths = list(paths)
    if not isinstance(max_megapixels, int | float) or not max_megapixels > 0:
        raise ArgumentError(f"expected a number above 0; got {max_megapixels!r}", "max_megapixels")
    if file_format is not None:
        file_format = file_format.lower().removeprefix(".")
        if f".{file_format}" not in FORMATS:
            known = ", ".join(suffix.removeprefix(".") for suffix in FORMATS)
            raise ArgumentError(f"expected one of {known}; got {file_format!r}", "format")
    if find_format(output) is not None and not output.is_dir():
        raise ArgumentError(f"expected a folder for the results; {output} is named like a photo", "output")
    inputs = find_inputs(paths, recursive=recursive, output=output)
    if not inputs.photos and not inputs.failures:
        found = "; ".join(inputs.describe_ignored()) or "no files"
        raise NoPhotosError(f"no photo files in {', '.join(map(str, paths))} ({found})")
    masks = None if corruption_masks is None else match_masks(corruption_masks, inputs)
    outputs = Outputs(folder=output, restoring=restoring, plot=plot, file_format=file_format)
    protected = ProtectedFiles([*(photo.path for photo in inputs.photos), *(masks or {}).values()])
    outputs.leave_out_overwriting(inputs, masks, protected)
    return Plan(inputs=inputs, outputs=outputs, masks=masks, protected=protected, max_megapixels=max_megapixels)


def check_parts(pipeline: Pipeline, *, detecting: bool, restoring: bool) -> None:
    """Raise ``ArgumentError`` if a pipeline lacks a part that the work, or one of its settings, requires."""
    if detecting and pipeline.detector is None:
        raise ArgumentError("there is no detector; without one, pass masks to be filled", "pipeline")
    if restoring and pipeline.restorer is None:
        raise ArgumentError("there is no restorer; without one, only detection is possible", "pipeline")
    if detecting and (why := explain_no_kinds(pipeline)):
        raise ArgumentError(why, *(name for name in ("only", "skip") if getattr(pipeline, name)))
    if detecting and (why := pipeline.explain_lack_of_kinds()):
        raise ArgumentError(why, "pipeline")
