"""The command ``hcl-ray``."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import click

from hcl_sdk.settings import Settings


def _setting_option(name: str) -> Callable[..., Any]:
    """Make the option of a setting of pipelines, as ``hcl restore`` describes it."""
    field: Any = attrs.fields_dict(Settings)[name]
    option = field.metadata["option"]
    return click.option(
        f"--{name.replace('_', '-')}", metavar=option.metavar, type=field.validator.type, help=option.help
    )


_OPTIONS = (
    click.argument("source"),
    click.option(
        "-o",
        "--output",
        metavar="DIR",
        required=True,
        type=click.Path(file_okay=False, path_type=Path),
        help="Where the results go; created if it does not exist. An interrupted run is resumed.",
    ),
    click.option("--weights", metavar="NAME", help="A folder, the name of registered weights, or org/name on the Hub."),
    _setting_option("sensitivity"),
    _setting_option("detection_size"),
    click.option("--precision", type=click.Choice(["no", "fp16", "bf16"]), help="no: float32 (the default)."),
    click.option(
        "--batch-size",
        metavar="N",
        type=int,
        help="How many photos of the same size the detector takes at once.  [default: 1]",
    ),
    click.option(
        "--column",
        metavar="NAME",
        default="image",
        show_default=True,
        help="In Parquet files, the column of the photos.",
    ),
    click.option("--key", metavar="NAME", help="In Parquet files, the column of their names.  [default: file and row]"),
    click.option("--actors", metavar="N", type=int, help="Copies of the pipeline.  [default: as many as fit]"),
    click.option("--cpus", metavar="N", type=float, default=1, show_default=True, help="Cores, and threads, per copy."),
    click.option(
        "--gpus", metavar="N", type=float, help="GPUs per copy, which may be a fraction.  [default: 1 if there are any]"
    ),
    click.option("--address", metavar="ADDRESS", help="The Ray cluster.  [default: RAY_ADDRESS, else this machine]"),
    click.option("-q", "--quiet", is_flag=True, help="No progress bar, no summary; errors only."),
)


def _add_options(*more: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed((*_OPTIONS, *more)):
            function = option(function)
        return function

    return decorate


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="hcl-ray", prog_name="hcl-ray", message="%(prog)s %(version)s")
def main() -> None:
    """Find what does not belong in many photos, and fill it, on a Ray cluster.

    SOURCE is a folder of photos, or Parquet files or WebDataset shards: a file that ends in .parquet or .tar, or a
    quoted pattern. A photo that fails does not stop the run: it is listed with the reason at the end and in
    failures.jsonl, and the exit status is 1.
    """


@main.command()
@_add_options()
def detect(**options: Any) -> None:
    """Find what does not belong: masks."""
    _run("detect", "examined", **options)


@main.command()
@_add_options(
    _setting_option("dilate"),
    _setting_option("feather"),
    _setting_option("texture"),
    click.option("--format", "file_format", metavar="EXT", help="File format of the restored photos, such as jpg."),
)
def restore(**options: Any) -> None:
    """Find what does not belong, and fill it: masks and restored photos."""
    _run("restore", "restored", **options)


def _run(what: str, said: str, *, address: str | None, quiet: bool, source: str, output: Path, **options: Any) -> None:
    import logging

    os.environ.setdefault("RAY_worker_register_timeout_seconds", "300")  # by default 60, too short on a busy machine
    import ray

    import hcl_ray

    started = not ray.is_initialized()
    if started:
        _connect(address)
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    try:
        given = {name: value for name, value in options.items() if value is not None}
        summary = getattr(hcl_ray, what)(source, output, progress=not quiet, **given)
    except Exception as error:
        if type(error).__module__.partition(".")[0] == "ray":
            kept = "Finished photos are kept; the same command continues from there."
            raise click.ClickException(f"Ray stopped the job: {_describe(error)} {kept}") from error
        if not isinstance(error, ValueError | TypeError | OSError):
            raise
        raise click.ClickException(str(error)) from error
    finally:
        if started:
            ray.shutdown()
    if not quiet:
        counts = [f"{summary.done} {'photo' if summary.done == 1 else 'photos'} {said}, results in {output}"]
        counts += [f"{summary.there} were there already"] if summary.there else []
        counts += [f"{len(summary.failures)} failed"] if summary.failures else []
        click.echo("; ".join(counts), err=True)
    for key, reason in summary.failures:
        click.echo(f"Error: {key}: {reason}", err=True)
    if summary.failures:
        raise click.exceptions.Exit(1)


def _connect(address: str | None) -> None:
    """Connect to a cluster, or start Ray on this machine; that is tried twice, because Ray waits for half a minute."""
    import logging

    import ray

    problem: Exception | None = None
    for _ in range(2):
        try:
            ray.init(address=address, logging_level=logging.WARNING)
            return
        except (ConnectionError, ValueError) as error:  # there is no such cluster
            raise click.ClickException(f"Ray: {error}") from error
        except Exception as error:  # Ray raises plain exceptions when one of its processes does not start in time
            problem = error
            ray.shutdown()
    raise click.ClickException(
        f"Ray did not start: {_describe(problem)} If this machine is busy, try again later; hcl restore needs no Ray"
    ) from problem


def _describe(error: BaseException | None) -> str:
    """Describe an error in a sentence; one from another process by what was raised there, without Ray's traceback."""
    cause = getattr(error, "cause", None) or error
    lines = str(cause).strip().splitlines()
    return f"{(lines[0] if lines else type(cause).__name__).rstrip('.')}."
