"""``hcl quickstart``: a sample photo, damaged, restored and shown."""

from __future__ import annotations

import random
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hcl_sdk.cli._options import device_option, output_option, weights_option

if TYPE_CHECKING:
    from PIL import Image


ANNOUNCED = "Damaging and restoring a sample photo; this takes seconds, or minutes on a busy machine ..."


@click.command()
@output_option("hcl_quickstart", "Folder for the results.")
@weights_option
@device_option
def quickstart(output: Path, weights: str, device: str | None) -> None:
    """Damage a sample photo, restore it, and show the result."""
    click.echo(ANNOUNCED, err=True)
    from PIL import Image

    from hcl_sdk.cli._photos import load_pipeline
    from hcl_sdk.files import make_output_folder
    from hcl_sdk.photos.photo import Photo

    try:
        make_output_folder(output)
    except OSError as error:
        raise click.ClickException(str(error)) from error
    pipeline = load_pipeline(weights, device)
    if pipeline.detector is None or pipeline.restorer is None:
        raise click.UsageError(f"the weights {weights} lack a detector or a restorer; quickstart shows both at work")
    with resources.files("hcl_sdk").joinpath("assets/sample.jpg").open("rb") as file:
        damaged = damage(Image.open(file).convert("RGB"))
    result = pipeline(damaged)
    assert result.composited is not None
    photos = {
        "sample_damaged.png": ("a photo with foreign regions drawn on it", damaged),
        "sample_damaged_mask.png": ("the mask that was found: white is corrupted", result.mask),
        "sample_damaged_restored.png": ("the restored photo; only the mask and its border differ", result.restored),
        "sample_damaged_comparison.png": ("all of them side by side", result.plot()),
    }
    try:
        for name, (_, photo) in photos.items():
            Photo.open(photo).save(output / name)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    width = max(len(str(output / name)) for name in photos)
    for name, (description, _) in photos.items():
        click.echo(f"{output / name!s:{width}}  {description}")
    with_weights = "" if weights == "default" else f" --weights {weights}"
    click.echo(f"\nNow try one of your own photos:\n  hcl restore PHOTO{with_weights}")


def damage(photo: Image.Image) -> Image.Image:
    """Draw a logo, graffiti, a line of text and scratches on an RGB photo; always the same ones."""
    from PIL import ImageDraw, ImageFont

    damaged = photo.copy()
    width, height = damaged.size
    unit = min(width, height) / 32
    draw = ImageDraw.Draw(damaged)

    # A logo in a corner.
    left, top = 1.5 * unit, 2 * unit
    draw.rounded_rectangle((left, top, left + 9 * unit, top + 7 * unit), radius=1.5 * unit, fill=(200, 30, 45))
    draw.ellipse((left + unit, top + unit, left + 6 * unit, top + 6 * unit), fill=(250, 250, 245))
    draw.polygon(
        [(left + 4 * unit, top + 5.5 * unit), (left + 8 * unit, top + 5.5 * unit), (left + 6 * unit, top + 1.5 * unit)],
        fill=(20, 60, 150),
    )
    # Graffiti.
    stroke = [(24, 8), (28, 4), (32, 10), (27, 14), (33, 18), (38, 12), (42, 19)]
    points = [(x / 48 * width, y / 32 * height) for x, y in stroke]
    draw.line(points, fill=(40, 200, 90), width=round(1.6 * unit), joint="curve")
    # Text.
    font = ImageFont.load_default(size=3.2 * unit)
    draw.text((0.36 * width, 0.84 * height), "SAMPLE TEXT", fill=(255, 225, 40), font=font)
    # Scratches.
    numbers = random.Random(0)
    for _ in range(5):
        x, y = numbers.uniform(0, 0.5) * width, numbers.uniform(0.45, 0.95) * height
        end = (x + numbers.uniform(4, 9) * unit, y + numbers.uniform(-3, 3) * unit)
        draw.line((x, y, *end), fill=(245, 245, 245), width=max(1, round(0.3 * unit)))
    return damaged
