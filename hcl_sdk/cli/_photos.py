"""Code shared by ``hcl detect`` and ``hcl restore``: error reporting, loading the pipeline, and output."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from hcl_sdk.cli._diagnosis import say_crowding
from hcl_sdk.cli._failures import HINT
from hcl_sdk.cli._options import PhotoOptions
from hcl_sdk.cli._stream import describe_found, describe_given, is_stream, run_stream
from hcl_sdk.config import ConfigError, load_yaml
from hcl_sdk.errors import describe_error, escape, locate_error
from hcl_sdk.folders import ArgumentError, FolderReport, NoPhotosError, PhotoOutcome, Plan, make_plan, run_plan
from hcl_sdk.pipeline import Pipeline, UntrainedWarning
from hcl_sdk.registry import PluginError, RegistryError, mark_own_code, mark_plugin_code
from hcl_sdk.runtime import Precision, count_processes, is_first_process, pick_device, wait_for_everyone
from hcl_sdk.settings import PRESETS

# Library argument -> command-line option.
_OPTIONS = {
    "output": "-o",
    "corruption_masks": "--mask",
    "coco": "--coco",
    "report": "--report",
    "resume": "--resume",
    "format": "--format",
    "region": "--region",
    "only": "--only",
    "skip": "--skip",
    "pipeline": "--weights",
    "max_megapixels": "--max-megapixels",
    "workers": "--workers",
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


@mark_plugin_code()
def load_pipeline(
    weights: str | None,
    device: str | None,
    precision: Precision = "no",
    *,
    config: Path | None = None,
    restorer: str | None = None,
    preset: str | None = None,
    **settings: Any,
) -> Pipeline:
    """Load the pipeline that the options describe; errors are those of the command.

    Args:
        weights: their name; None for those of the configuration, or else the default ones.
        device, precision: as in ``Pipeline.from_pretrained``.
        config: a file with differences from the weights.
        restorer: the name of a restorer to use instead of that of the weights or the configuration.
        preset: the job whose settings replace the weights' own.
        settings: those that are not None take precedence over all of these.
    """
    try:
        pick_device(device)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--device'") from error
    mapping = _read_config(config, weights)
    if restorer is not None:
        mapping["restorer"] = restorer
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UntrainedWarning)
            pipeline = Pipeline.from_config(mapping, device=device, precision=precision)
    except UntrainedWarning as warning:
        raise click.ClickException(
            f"{warning}. hcl train does that; pass the weights it has written with --weights; hcl components lists "
            f"other components"
        ) from warning
    except ConfigError as error:
        if config is not None or restorer is None:
            where = config or f"weights {mapping['weights']}"
            raise click.ClickException(f"{where}: {error}") from error
        reasons = "; ".join(message for _, message in error.problems)
        raise click.BadParameter(reasons, param_hint="'--restorer'") from error
    except (ValueError, OSError) as error:
        raise click.ClickException(f"weights {mapping['weights']}: {error}") from error
    except (KeyboardInterrupt, PluginError, RegistryError):
        raise
    except BaseException as error:  # a plugin's component can raise anything on creation
        what = f"the restorer {restorer}" if restorer is not None else config or f"weights {mapping['weights']}"
        raise click.ClickException(f"{what}: {describe_error(error)}{locate_error(error)}; {HINT}") from error
    if preset is not None:
        pipeline = pipeline.with_preset(preset)
    for name, value in settings.items():
        if value is not None:
            setattr(pipeline, name, value)
    return pipeline


def _show_preset(job: str, pipeline: Pipeline) -> None:
    """Print on standard error the settings that a preset has chosen, after all other options."""
    chosen = ", ".join(f"{name} {_show(getattr(pipeline, name))}" for name in PRESETS[job])
    click.echo(f"Preset {job}: {chosen}", err=True)
    if {"only", "skip"} & set(PRESETS[job]) and not (pipeline.only or pipeline.skip):
        click.echo("These weights do not distinguish kinds of damage: all of it counts.", err=True)


def _show(value: Any) -> str:
    if isinstance(value, tuple):
        return "+".join(value) or "all kinds"
    return ("yes" if value else "no") if isinstance(value, bool) else f"{value:g}"


def _read_config(config: Path | None, weights: str | None) -> dict[str, Any]:
    """Read the configuration, a mapping that starts from weights."""
    try:
        mapping = {} if config is None else load_yaml(config)
    except (ConfigError, OSError) as error:
        raise click.BadParameter(str(error), param_hint="'--config'") from error
    if weights is not None and "weights" in mapping:
        raise click.UsageError(f"{config} names weights already; leave out --weights, or the key 'weights' there")
    return {"weights": weights or "default"} | mapping


def run(
    given: PhotoOptions,
    *,
    restoring: bool,
    corruption_masks: Path | None = None,
    file_format: str | None = None,
    coco: Path | None = None,
    restorer: str | None = None,
    **settings: Any,
) -> None:
    """Process photos; results go to standard output, the summary and failures to standard error.

    Args:
        given: the options that both commands share.
        restoring: whether to restore the photos, or only to detect.
        corruption_masks: a mask, or a folder of masks, to use instead of detection.
        file_format: the suffix of restored photos.
        coco: the file for the regions of all photos.
        restorer: the name of a restorer to use instead of that of the weights.
        settings: settings of the pipeline; those that are None are the weights' own.

    Raises:
        click.exceptions.Exit: with status 1 if a photo failed.
    """

    told = _Told()

    def tell(outcome: PhotoOutcome) -> None:
        told.add(outcome)
        if given.as_json:
            _say(json.dumps(outcome.to_json()))
        elif outcome.error is None and not given.quiet:
            _say(_describe(outcome, pipeline, own_mask=corruption_masks is not None))
            for note in outcome.notes:
                _say(f"Note: {outcome.path}: {note}", err=True)

    def load() -> Pipeline:
        pipeline = load_pipeline(
            given.weights,
            given.device,
            given.precision,
            config=given.config,
            restorer=restorer,
            preset=given.preset,
            **settings,
        )
        if given.preset is not None and not given.quiet and is_first_process():
            _show_preset(given.preset, pipeline)
        if not given.quiet:
            say_crowding(pipeline.device)
        return pipeline

    if is_stream(given, coco):
        with _explain_errors():
            run_stream(
                load(),
                restoring=restoring,
                region=given.region,
                mask=corruption_masks,
                file_format=file_format,
                max_megapixels=given.max_megapixels,
                quiet=given.quiet,
            )
        return
    with _explain_errors(recursive=given.recursive), mark_plugin_code():
        plan = make_plan(
            given.paths,
            given.output,
            restoring=restoring,
            recursive=given.recursive,
            corruption_masks=corruption_masks,
            file_format=file_format,
            plot=given.plot,
            max_megapixels=given.max_megapixels,
        )
        pipeline = load()
        try:
            report = run_plan(
                plan,
                pipeline,
                region=given.region,
                resume=given.resume,
                coco=coco,
                report=given.report,
                regions=given.as_json,
                workers=given.workers,
                progress=not given.quiet,
                on_photo=tell,
            )
        except KeyboardInterrupt:
            covers_all = [name for name, file in (("--coco", coco), ("--report", given.report)) if file is not None]
            _say_what_is_done(told, plan, covers_all, quiet=given.quiet)
            raise
        _finish(report, plan, quiet=given.quiet)


def _describe(outcome: PhotoOutcome, pipeline: Pipeline, *, own_mask: bool) -> str:
    share = outcome.corrupted_share
    found = describe_given(share) if own_mask else describe_found(share, outcome.left_out, outcome.suspect, pipeline)
    return f"{outcome.path}: {found} -> {outcome.files.get('restored', outcome.files['mask'])}"


def _say(line: str, *, err: bool = False) -> None:
    with mark_own_code(), tqdm.external_write_mode():  # which hides the progress bar meanwhile
        click.echo(escape(line), err=err)


def _count(done: int, plan: Plan, *, has_results: bool) -> str:
    what = "restored" if plan.outputs.restoring else "examined"
    where = f", results in {plan.outputs.folder}" if has_results else ""
    return f"{done} {'photo' if done == 1 else 'photos'} {what}{where}"


@dataclass
class _Told:
    """Progress of this process so far."""

    done: int = 0
    failures: list[tuple[Path, str]] = field(default_factory=list)

    def add(self, outcome: PhotoOutcome) -> None:
        if outcome.error is None:
            self.done += 1
        else:
            self.failures.append((outcome.path, outcome.error))


def _say_what_is_done(told: _Told, plan: Plan, covers_all: list[str], *, quiet: bool) -> None:
    """Summarize on standard error what was done before an interruption, and how to continue.

    Args:
        told: what this process has done; with several processes, only its own share.
        plan: the plan of the run.
        covers_all: the options for a file covering all photos, which cannot be combined with ``--resume``.
        quiet: report only which photos failed.
    """
    if not is_first_process():
        return
    share = " by the first process" if count_processes() > 1 else ""
    parts = [f"{_count(told.done, plan, has_results=told.done > 0)}{share}"]
    parts += [f"{len(told.failures)} failed"] if told.failures else []
    leaving_out = f" without {' and '.join(covers_all)}" if covers_all else ""
    parts.append(f"--resume{leaving_out} continues with the rest")
    if not quiet:
        _say("; ".join(parts), err=True)
    for path, reason in told.failures:
        _say(f"Error: {path}: {reason}", err=True)


def _finish(report: FolderReport, plan: Plan, *, quiet: bool) -> None:
    """Summarize on standard error what all processes did together.

    Raises:
        click.exceptions.Exit: with status 1, in every process, if a photo failed in any of them.
    """
    if is_first_process():
        parts = [_count(report.done, plan, has_results=report.done + report.were_there > 0)]
        parts += [f"{report.were_there} already done"] if report.were_there else []
        parts += [f"{len(report.failures)} failed"] if report.failures else []
        if not quiet:
            _say("; ".join([*parts, *report.left_out]), err=True)
        for path, reason in report.failures:
            _say(f"Error: {path}: {reason}", err=True)
    wait_for_everyone()  # a launcher kills all processes, the first included, as soon as one fails
    if report.failures:
        raise click.exceptions.Exit(1)
