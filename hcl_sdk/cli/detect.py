"""``hcl detect``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hcl_sdk.cli._options import PathType, PhotoOptions, photo_options


@click.command()
@photo_options
@click.option(
    "--coco",
    metavar="FILE",
    type=PathType(dir_okay=False),
    help="Also write the regions of all photos as one COCO dataset (JSON).",
)
def detect(given: PhotoOptions, coco: Path | None, **settings: Any) -> None:
    """Find corrupted regions and write them as masks.

    Writes NAME_mask.png (255 = corrupted) for each photo.

    A PATH is a photo, a folder of photos, or - to read one photo from standard input and write its mask to standard
    output. See hcl restore --help for how results are named and how unreadable files are handled.
    """
    from hcl_sdk.cli._photos import run

    run(given, restoring=False, coco=coco, **settings)
