"""What ``hcl detect`` and ``hcl restore`` share: error reporting, loading the pipeline, and output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from tqdm import tqdm

from hcl_sdk.cli._options import PhotoOptions
from hcl_sdk.folders import ArgumentError, FolderReport, NoPhotosError, PhotoOutcome, Plan, make_plan, run_plan
from hcl_sdk.pipeline import Pipeline
from hcl_sdk.runtime import Precision, is_first_process, pick_device, wait_for_everyone

# Library argument -> command-line option.
_OPTIONS = {
    "output": "-o",
    "corruption_masks": "--mask",
    "coco": "--coco",
    "resume": "--resume",
    "format": "--format",
    "pipeline": "--weights",
}


@contextmanager
def _explain_errors(*, recursive: bool = True) -> Iterator[None]:
    """Turn the library's errors into click errors that name the option."""
    try:
        yield
    except ArgumentError as error:
        raise click.BadParameter(str(error), param_hint=[_OPTIONS[name] for name in error.arguments]) from error
    except NoPhotosError as error:
        hint = "" if recursive else "; -r searches subfolders too"
        raise click.ClickException(f"{error}{hint}") from error
    except OSError as error:
        raise click.ClickException(str(error)) from error


def load_pipeline(weights: str, device: str | None, precision: Precision = "no", **settings: float | None) -> Pipeline:
    """Call ``Pipeline.from_pretrained`` and apply the settings that are not None, turning errors into click errors."""
    try:
        pick_device(device)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--device'") from error
    try:
        pipeline = Pipeline.from_pretrained(weights, device=device, precision=precision)
    except (ValueError, OSError) as error:
        raise click.ClickException(f"weights {weights}: {error}") from error
    for name, value in settings.items():
        if value is not None:
            setattr(pipeline, name, value)
    return pipeline


def run(
    given: PhotoOptions,
    *,
    restoring: bool,
    corruption_masks: Path | None = None,
    file_format: str | None = None,
    coco: Path | None = None,
    **settings: float | None,
) -> None:
    """Process photos; results go to standard output, the summary and failures to standard error.

    Args:
        given: the options that both commands share.
        restoring: whether to restore the photos, or only to detect.
        corruption_masks: a mask, or a folder of masks, to use instead of detection.
        file_format: the suffix of restored photos.
        coco: the file for the regions of all photos.
        settings: settings of the pipeline in addition to those in ``given``.

    Raises:
        click.exceptions.Exit: with status 1 if a photo failed.
    """

    def tell(outcome: PhotoOutcome) -> None:
        if given.as_json:
            _say(json.dumps(outcome.to_json()))
        elif outcome.error is None and not given.quiet:
            _say(_describe(outcome))

    settings |= {"sensitivity": given.sensitivity, "detection_size": given.detection_size}
    with _explain_errors(recursive=given.recursive):
        plan = make_plan(
            given.paths,
            given.output,
            restoring=restoring,
            recursive=given.recursive,
            corruption_masks=corruption_masks,
            file_format=file_format,
            plot=given.plot,
        )
        pipeline = load_pipeline(given.weights, given.device, given.precision, **settings)
        report = run_plan(
            plan,
            pipeline,
            resume=given.resume,
            coco=coco,
            regions=given.as_json,
            progress=not given.quiet,
            on_photo=tell,
        )
        _finish(report, plan, quiet=given.quiet)


def _describe(outcome: PhotoOutcome) -> str:
    found = f"{outcome.corrupted_share:.1%} corrupted" if outcome.corrupted_share else "nothing corrupted"
    return f"{outcome.path}: {found} -> {outcome.files.get('restored', outcome.files['mask'])}"


def _say(line: str) -> None:
    with tqdm.external_write_mode():  # hides the progress bar meanwhile
        click.echo(line)


def _finish(report: FolderReport, plan: Plan, *, quiet: bool) -> None:
    """Summarize on standard error what all processes did together.

    Raises:
        click.exceptions.Exit: with status 1, in every process, if a photo failed in any of them.
    """
    if is_first_process():
        what = "restored" if plan.outputs.restoring else "examined"
        parts = [f"{report.done} {'photo' if report.done == 1 else 'photos'} {what}, results in {plan.outputs.folder}"]
        parts += [f"{report.were_there} already done"] if report.were_there else []
        parts += [f"{len(report.failures)} failed"] if report.failures else []
        if not quiet:
            click.echo("; ".join([*parts, *report.left_out]), err=True)
        for path, reason in report.failures:
            click.echo(f"Error: {path}: {reason}", err=True)
    wait_for_everyone()  # a launcher kills all processes, the first included, as soon as one fails
    if report.failures:
        raise click.exceptions.Exit(1)
