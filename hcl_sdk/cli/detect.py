"""``hcl detect``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hcl_sdk.cli._options import PathType, photo_options


@click.command()
@photo_options
@click.option(
    "--coco",
    metavar="FILE",
    type=PathType(dir_okay=False),
    help="Also write the regions of all photos as one COCO dataset (JSON).",
)
def detect(
    paths: tuple[Path, ...],
    recursive: bool,
    output: Path,
    resume: bool,
    weights: str,
    device: str | None,
    precision: Any,
    plot: bool,
    as_json: bool,
    quiet: bool,
    coco: Path | None,
    **settings: float | None,
) -> None:
    """Find corrupted regions and write them as masks.

    Writes NAME_mask.png (255 = corrupted) for each photo.

    A PATH is a photo or a folder of photos. See hcl restore --help for how results are named and how unreadable files
    are handled.
    """
    from hcl_sdk.cli._photos import explain_errors, load_pipeline, run_and_tell
    from hcl_sdk.folders import make_plan

    with explain_errors(recursive=recursive):
        plan = make_plan(paths, output, restoring=False, recursive=recursive, plot=plot)
        pipeline = load_pipeline(weights, device, precision, **settings)
        run_and_tell(plan, pipeline, resume=resume, coco=coco, as_json=as_json, quiet=quiet)
