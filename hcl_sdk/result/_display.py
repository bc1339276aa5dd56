"""Display of results: images side by side, and a table of regions."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hcl_sdk.photos.color import to_rgb8
from hcl_sdk.photos.photo import Photo
from hcl_sdk.photos.regions import Region


def to_image(photo: Photo) -> Image.Image:
    """Convert a photo to an image with 8 bits per channel."""
    return Image.fromarray(to_rgb8(photo.pixels, photo.mode))


def fit_image(image: Image.Image, side: int = 320) -> Image.Image:
    """Shrink an image for a page until its longer side has at most this many pixels."""
    scale = min(1.0, side / max(image.size))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.LANCZOS)


def encode_image(image: Image.Image, format: str) -> bytes:
    """Encode an image as a file of a format."""
    stream = io.BytesIO()
    image.save(stream, format)
    return stream.getvalue()


def tabulate_regions(regions: Sequence[Region], pixels: int, most: int = 8) -> str:
    """Format the largest regions as an HTML table; empty if there are none."""
    if not regions:
        return ""
    has_kinds = any(region.kind for region in regions)
    columns = ["x", "y", "width", "height", "share", "confidence", *["kind"] * has_kinds]
    heads = "".join(f"<th>{head}</th>" for head in columns)
    rows = "".join(
        "<tr>"
        + "".join(f"<td>{value}</td>" for value in region.box)
        + f"<td>{region.area / pixels:.2%}</td>"
        + f"<td>{'' if region.confidence is None else f'{region.confidence:.2f}'}</td>"
        + f"<td>{region.kind or ''}</td>" * has_kinds
        + "</tr>"
        for region in regions[:most]
    )
    more = f"<p>and {len(regions) - most} smaller ones</p>" if len(regions) > most else ""
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>{more}"


_COLORS = np.array([[13, 8, 45], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]], dtype=np.float32)


def colorize(values: np.ndarray) -> np.ndarray:
    """Map values in [0, 1] to colors, from dark to bright."""
    stops = np.linspace(0, 1, len(_COLORS))
    return np.stack([np.interp(values, stops, _COLORS[:, c]) for c in range(3)], axis=-1).astype(np.uint8)


def place_side_by_side(panels: dict[str, Image.Image], height: int) -> Image.Image:
    """Place images in a row at one height, each under its name."""
    margin, caption = max(4, height // 48), max(14, height // 8)
    shown = []
    for image in panels.values():
        width = min(max(1, round(image.width * height / image.height)), 3 * height)
        shown.append(image.resize((width, height), Image.Resampling.LANCZOS).convert("RGB"))
    font = _fit_font(caption * 0.75, [(name, image.width) for name, image in zip(panels, shown, strict=True)])
    total = sum(p.width for p in shown) + margin * (len(shown) + 1)
    sheet = Image.new("RGB", (total, height + 2 * margin + caption), "white")
    x = margin
    for name, image in zip(panels, shown, strict=True):
        ImageDraw.Draw(sheet).text((x, margin / 2 + caption), name, fill="black", font=font, anchor="ld")
        sheet.paste(image, (x, margin + caption))
        x += image.width + margin
    return sheet


def _fit_font(size: float, captions: Sequence[tuple[str, int]]) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Load the font for captions, each no wider than its panel: smaller than ``size`` where panels are narrow."""
    font = ImageFont.load_default(size=size)
    share = min(width / font.getlength(text) for text, width in captions)
    return font if share >= 1 else ImageFont.load_default(size=max(4.0, size * share))
