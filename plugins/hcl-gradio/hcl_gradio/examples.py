"""Photos to try the page with: in the public domain, with damage drawn on them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont


def write_examples(folder: Path) -> list[tuple[Path, str]]:
    """Write the examples into a folder; return their files, each with a caption that names its damage."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, (package, asset, damage, caption) in _EXAMPLES.items():
        with files(package).joinpath(asset).open("rb") as file:
            photo = Image.open(file).convert("RGB")
        damage(photo, ImageDraw.Draw(photo), min(photo.size) / 32)
        path = folder / f"{name}.png"
        photo.save(path)
        written.append((path, caption))
    return written


def _draw_caption(photo: Image.Image, draw: ImageDraw.ImageDraw, unit: float) -> None:
    font = ImageFont.load_default(size=3.4 * unit)
    text = "PROOF - DO NOT COPY"
    draw.text((photo.width / 2, 0.86 * photo.height), text, fill=(255, 225, 40), font=font, anchor="mm")
    small = ImageFont.load_default(size=2.4 * unit)
    draw.text((photo.width - unit, unit), "12 / 08 / 1998", fill=(255, 120, 20), font=small, anchor="ra")


def _draw_scratches(photo: Image.Image, draw: ImageDraw.ImageDraw, unit: float) -> None:
    numbers = random.Random(4)
    for _ in range(9):
        x, y = numbers.uniform(0.05, 0.9) * photo.width, numbers.uniform(0, 0.6) * photo.height
        points = [(x, y)]
        for _ in range(numbers.randint(4, 9)):
            x, y = x + numbers.uniform(-0.8, 0.8) * unit, y + numbers.uniform(1, 2.6) * unit
            points.append((x, y))
        draw.line(points, fill=(240, 238, 228), width=max(1, round(unit / 5)))
    for _ in range(14):
        x, y = numbers.uniform(0, 1) * photo.width, numbers.uniform(0, 1) * photo.height
        radius = numbers.uniform(0.15, 0.5) * unit
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(245, 243, 235))


def _draw_pen_and_logo(photo: Image.Image, draw: ImageDraw.ImageDraw, unit: float) -> None:
    width, height = photo.size
    points = [
        (
            0.5 * width + 9 * unit * math.sin(t / 6) + 0.25 * unit * t - 7 * unit,
            0.28 * height + 4 * unit * math.cos(t / 4),
        )
        for t in range(48)
    ]
    draw.line(points, fill=(40, 200, 90), width=round(1.1 * unit), joint="curve")
    left, top = 1.5 * unit, height - 9 * unit
    draw.rounded_rectangle((left, top, left + 9 * unit, top + 7 * unit), radius=1.5 * unit, fill=(200, 30, 45))
    draw.ellipse((left + unit, top + unit, left + 6 * unit, top + 6 * unit), fill=(250, 250, 245))
    draw.polygon(
        [(left + 4 * unit, top + 5.5 * unit), (left + 8 * unit, top + 5.5 * unit), (left + 6 * unit, top + 1.5 * unit)],
        fill=(20, 60, 150),
    )


_Damage = Callable[[Image.Image, ImageDraw.ImageDraw, float], None]
_EXAMPLES: dict[str, tuple[str, str, _Damage, str]] = {
    "caption": ("hcl_gradio", "photos/coffee.jpg", _draw_caption, "Caption"),
    "pen": ("hcl_sdk", "assets/sample.jpg", _draw_pen_and_logo, "Pen, logo"),
    "scratches": ("hcl_gradio", "photos/rocket.jpg", _draw_scratches, "Scratches"),
}
