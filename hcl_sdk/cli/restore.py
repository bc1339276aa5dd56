"""``hcl restore``."""

from __future__ import annotations

from pathlib import Path

import click

from hcl_sdk.cli._options import PathType, PhotoOptions, check_not_empty, photo_options, setting_option
from hcl_sdk.photos.formats import FORMATS

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
@setting_option("dilate", "PIXELS", "Grow the mask before filling it.  [default: from the weights]")
@setting_option("feather", "PIXELS", "Fade the fill into the photo over this width.  [default: from the weights]")
@setting_option(
    "texture", "SHARE", "How much of the photo's own texture the fill gets, 0 to 1.  [default: from the weights]"
)
@click.option(
    "--restorer",
    metavar="NAME",
    callback=check_not_empty,
    help="Fill with this restorer instead of the one in the weights; hcl components lists them.",
)
@click.option(
    "--unveil/--no-unveil",
    default=None,
    help="Remove watermarks and the like, through which the photo is seen, and fill the rest.  "
    "[default: from the weights]",
)
@click.option(
    "--seamless/--no-seamless",
    default=None,
    help="Shift the fill smoothly so that it meets the photo at its border.  [default: from the weights]",
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
    dilate: float | None,
    feather: float | None,
    texture: float | None,
    restorer: str | None,
    unveil: bool | None,
    seamless: bool | None,
    file_format: str | None,
) -> None:
    """Restore photos.

    Writes NAME_restored.EXT for each photo, and its mask, NAME_mask.png (255 = corrupted).

    A PATH is a photo or a folder of photos. The output folder mirrors the input folder; with several folders, each
    gets a subfolder of its own name, and so do files of one name. If photos differ only in their suffix, the suffix
    becomes part of NAME. Results of an earlier run are overwritten unless --resume is given; inputs never are. A single
    PATH of - reads a photo from standard input and writes the restored one to standard output.

    TIFF, BMP and PPM photos keep their format; all others become PNG (or TIFF if PNG cannot hold them), so that no
    pixel changes outside the mask and its border (see --dilate and --feather). --format jpg gives smaller files, in
    which every pixel changes.

    A photo that cannot be read or restored does not stop the run; it is listed at the end with the reason, and the
    exit status is 1.

    Several GPUs: accelerate launch -m hcl_sdk.cli restore PATH ...
    """
    from hcl_sdk.cli._photos import run

    for name in ("sensitivity", "region", "only", "skip", "min_area") if mask is not None else ():
        if getattr(given, name) is not None:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{option} applies to detection, which --mask replaces: use only one of them")
    run(
        given,
        restoring=True,
        corruption_masks=mask,
        file_format=file_format,
        restorer=restorer,
        dilate=dilate,
        feather=feather,
        texture=texture,
        unveil=unveil,
        seamless=seamless,
    )
