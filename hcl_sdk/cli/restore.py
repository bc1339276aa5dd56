"""``hcl restore``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hcl_sdk.cli._options import PathType, PhotoOptions, check_not_empty, photo_options, setting_options
from hcl_sdk.photos.formats import FORMATS
from hcl_sdk.settings import list_settings

_FORMATS = tuple(suffix.removeprefix(".") for suffix in FORMATS)


@click.command()
@photo_options
@click.option(
    "--mask",
    metavar="FILE",
    type=PathType(exists=True),
    help="Fill the white region of this mask instead of detecting one; or a folder with a mask NAME_mask or NAME for "
    "each photo.",
)
@setting_options("filling")
@click.option(
    "--restorer",
    metavar="NAME",
    callback=check_not_empty,
    help="Fill with this restorer instead of the one in the weights; hcl components lists them.",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(_FORMATS, case_sensitive=False),
    metavar="EXT",
    help=f"File format of the restored photos: {', '.join(_FORMATS)}.",
)
def restore(
    given: PhotoOptions,
    mask: Path | None,
    restorer: str | None,
    file_format: str | None,
    **settings: Any,
) -> None:
    """Restore photos.

    Writes NAME_restored.EXT for each photo, and its mask, NAME_mask.png (255 = corrupted).

    A PATH is a photo or a folder of photos. The output folder mirrors the input folder; if there are several folders,
    each gets a subfolder of its name. Files, and folders, of the same name go to subfolders named like their parents.
    If photos differ only in their suffix, the suffix becomes part of NAME. Results of an earlier run are overwritten
    unless --resume is given; inputs never are. A single PATH of - reads a photo from standard input and writes the
    restored one to standard output.

    TIFF, BMP and PPM photos keep their format; all others become PNG (or TIFF if PNG cannot hold them), so that no
    pixel changes outside the mask and its border (see --dilate and --feather). --format jpg gives smaller files, in
    which every pixel changes.

    A photo that cannot be read or restored does not stop the run; it is listed at the end with the reason, and the
    exit status is 1.

    Several GPUs: accelerate launch -m hcl_sdk.cli restore PATH ...
    """
    from hcl_sdk.cli._photos import run

    if mask is not None:
        for name, value in {"region": given.region, **settings}.items():
            if value is not None and name in ("region", *list_settings("finding")):
                option = f"--{name.replace('_', '-')}"
                raise click.UsageError(f"{option} applies to detection, which --mask replaces: use only one of them")
    run(given, restoring=True, corruption_masks=mask, file_format=file_format, restorer=restorer, **settings)
