"""``hcl convert``."""

from __future__ import annotations

from pathlib import Path

import click

from hcl_sdk.cli._options import PathType, output_option, setting_option


@click.command()
@click.argument("checkpoint", type=PathType(exists=True, dir_okay=False))
@click.option("--preset", "name", metavar="NAME", required=True, help="ffhq256, imagenet256, places256 or places512.")
@click.option(
    "--version",
    type=click.IntRange(2, 4),
    default=4,
    show_default=True,
    help="Version of the published code that trained the checkpoint; 4 is the final one.",
)
@setting_option("detection_size", default="never; stored with the weights")
@output_option(None, "The folder of weights to write.")
def convert(checkpoint: Path, name: str, version: int, detection_size: int | None, output: Path) -> None:
    """Convert a published CHECKPOINT to a folder of weights.

    Reading it runs no code from the file, and every name and shape in it is checked.
    """
    from hcl_sdk import published

    try:
        config = published.get_preset(name, version)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--preset'") from error
    try:
        conversion = published.convert(checkpoint, config | {"detection_size": detection_size})
        conversion.pipeline.save_pretrained(output)
    except (published.ConversionError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Left out (needed for training only): {', '.join(conversion.left_out) or 'nothing'}")
    click.echo(f"Weights written to {output}. Use them with: hcl restore PHOTO --weights {output}")
