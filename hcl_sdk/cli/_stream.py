"""``hcl restore -`` and ``hcl detect -``: a photo from standard input, its result to standard output."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import click
from click.core import ParameterSource

from hcl_sdk.cli._options import PhotoOptions
from hcl_sdk.cli._tables import is_terminal
from hcl_sdk.folders import check_parts, explain_failure
from hcl_sdk.functional.arrays import Box
from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.photos.photo import Photo
from hcl_sdk.pipeline import Pipeline
from hcl_sdk.registry import mark_plugin_code
from hcl_sdk.result import Result, Suspect

STREAM = Path("-")
_NAME = "standard input"
_LARGEST = 1 << 30  # maximum number of bytes to read


def is_stream(given: PhotoOptions, coco: Path | None) -> bool:
    """Whether the photo comes from standard input; then there can be no other photos.

    Raises:
        click.UsageError: if it is combined with other photos, or with an option that concerns files; or if only the
            result is to go to standard output.
    """
    if STREAM not in given.paths:
        if given.output == STREAM:
            command = click.get_current_context().info_name
            raise click.UsageError(f"-o names a folder; for standard output: hcl {command} - < PHOTO > FILE")
        return False
    if len(given.paths) > 1:
        raise click.UsageError("- reads one photo from standard input; it cannot be combined with other paths")
    about_files = {
        "--resume": given.resume,
        "--plot": given.plot,
        "--report": given.report,
        "--coco": coco,
        "--json": given.as_json,
    }
    if click.get_current_context().get_parameter_source("output") is ParameterSource.COMMANDLINE:
        about_files = {"-o": True} | about_files
    if asked := [name for name, value in about_files.items() if value]:
        *others, last = asked
        which = f"{', '.join(others)} and {last} are" if others else f"{last} is"
        raise click.UsageError(f"- writes one result to standard output; {which} for files")
    if is_terminal():
        raise click.UsageError("the result would be printed on the terminal: write it to a file, hcl restore - > FILE")
    return True


def describe_given(share: float) -> str:
    """Describe how much of a photo the user's own mask covers; a likely mistake is pointed out."""
    if not share:
        return "nothing in its mask is white"
    covered = f"{share:.1%} corrupted"
    return f"{covered} (white is filled: is the mask inverted?)" if share > 0.5 else covered


def describe_found(share: float, left_out: int, suspect: Suspect | None, pipeline: Pipeline) -> str:
    """Describe how much of a photo was found to be corrupted, and the most suspicious part that was left alone."""
    found = _describe_share(share) if share else "nothing found"
    if left_out and not share:
        options = [f"--{name.replace('_', '-')}" for name in ("only", "skip", "min_area") if getattr(pipeline, name)]
        count = "1 region found," if left_out == 1 else f"{left_out} regions found, all"
        found = f"{count} left out by {' and '.join(options)}"
    if suspect is None:
        return found
    what = "perhaps also" if share else "most suspicious"
    box = ",".join(map(str, suspect.box))
    taken = f"--sensitivity {suspect.sensitivity:g} takes it: {_describe_share(suspect.share)}"
    return f"{found} ({what}: {suspect.confidence:.0%} sure in {box}; {taken})"


def _describe_share(share: float) -> str:
    return "less than 0.1% corrupted" if share < 0.0005 else f"{share:.1%} corrupted"


def run_stream(
    pipeline: Pipeline,
    *,
    restoring: bool,
    region: Box | None,
    mask: Path | None = None,
    file_format: str | None = None,
    max_megapixels: float,
    quiet: bool,
) -> None:
    """Read, restore and write one photo; report what was found on standard error.

    Raises:
        ArgumentError: if the pipeline lacks a required part, or its settings leave nothing to find.
        click.ClickException: if the photo cannot be read, processed or written.
    """
    check_parts(pipeline, detecting=mask is None, restoring=restoring)
    try:
        file = io.BytesIO(sys.stdin.buffer.read(_LARGEST + 1))
        if file.getbuffer().nbytes > _LARGEST:
            raise PhotoError(f"more than {_LARGEST >> 30} GiB, without an end")
        file.name = _NAME  # for messages
        with mark_plugin_code():
            photo = Photo.open(file, max_megapixels=max_megapixels)
            if mask is not None:
                result = pipeline.restore(photo, corruption_mask=mask)
            else:
                result = pipeline(photo, region=region) if restoring else pipeline.detect(photo, region=region)
            contents = _encode(result, file_format)
            if mask is not None:
                found = describe_given(result.corrupted_share)
            else:
                left_out, suspect = pipeline.count_left_out(result), pipeline.find_suspect(result)
                found = describe_found(result.corrupted_share, left_out, suspect, pipeline)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # including errors of plugins' own classes
        raise click.ClickException(f"{_NAME}: {explain_failure(error, Path(_NAME), pipeline.device)}") from error
    try:
        sys.stdout.buffer.write(contents)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise click.ClickException(f"standard output: {error.strerror or error}") from error
    for note in photo.notes if not quiet else ():
        click.echo(f"Note: {_NAME}: {note}", err=True)
    if not quiet:
        click.echo(f"{_NAME}: {found}", err=True)


def _encode(result: Result, file_format: str | None) -> bytes:
    """Encode the restored photo, or the mask if there is none, as the contents of a file."""
    photo = Photo.open(result.mask) if result.composited is None else result.composited
    return photo.encode(photo.lossless_suffix if file_format is None else f".{file_format}")
