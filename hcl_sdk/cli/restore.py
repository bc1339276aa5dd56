"""``hcl restore``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hcl_sdk.cli._options import PathType, photo_options, setting_option
from hcl_sdk.photos.formats import FORMATS

_FORMATS = tuple(suffix.removeprefix(".") for suffix in FORMATS)


@click.command()
@photo_options
@click.option(
    "--mask",
    metavar="FILE",
    type=PathType(exists=True),
    help="Fill this region (white) instead of what is found. Or a folder with a mask NAME_mask or NAME per photo.",
)
@setting_option("dilate", "PIXELS", "Grow the mask before filling it.  [default: the weights' own]")
@setting_option("feather", "PIXELS", "Fade the fill into the photo over this width.  [default: the weights' own]")
@setting_option("texture", "SHARE", "Texture of the photo in the fill, 0 (none) to 1.  [default: the weights' own]")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(_FORMATS, case_sensitive=False),
    metavar="EXT",
    help=f"File format of the restored photos: {', '.join(_FORMATS)}.",
)
def restore(
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
    mask: Path | None,
    file_format: str | None,
    **settings: float | None,
) -> None:
    """Write every photo restored.

    To NAME_restored.EXT, and its mask to NAME_mask.png, 255 = corrupted.

    A PATH is a photo or a folder of photos. The output folder gets the tree of a folder; of several folders, each
    under its own name. Of photos that differ in their suffix only, the suffix becomes part of NAME. Results of an
    earlier run are overwritten, but with --resume; an input never is.

    TIFF, BMP and PPM photos keep their format, all others become PNG (TIFF where PNG cannot hold them), so that no
    pixel changes but those of the mask and of its border, see --dilate and --feather; --format jpg gives smaller
    files in which all do.

    A photo that cannot be read or restored does not stop the rest; it is listed at the end with the reason, and the
    exit status is 1.

    Several GPUs: accelerate launch -m hcl_sdk.cli restore PATH ...
    """
    from hcl_sdk.cli._photos import explain_errors, load_pipeline, run_and_tell
    from hcl_sdk.folders import make_plan

    if mask is not None and settings["sensitivity"] is not None:
        raise click.UsageError("--sensitivity is for what is found, --mask says what is to be filled: use one of them")
    with explain_errors(recursive=recursive):
        plan = make_plan(
            paths,
            output,
            restoring=True,
            recursive=recursive,
            corruption_masks=mask,
            file_format=file_format,
            plot=plot,
        )
        pipeline = load_pipeline(weights, device, precision, **settings)
        run_and_tell(plan, pipeline, resume=resume, as_json=as_json, quiet=quiet)
