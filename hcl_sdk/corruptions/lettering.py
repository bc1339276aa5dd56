"""Text as people put it on photos: fonts, sentences, outlines."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hcl_sdk.corruptions.drawing import load_font, make_word
from hcl_sdk.corruptions.ranges import pick, pick_count
from hcl_sdk.files import expand_home
from hcl_sdk.photos.errors import PhotoError

_TEXT = (
    "SAMPLE PREVIEW COPYRIGHT PROOF DRAFT Photography Studio Images Stock Free Summer Holiday Photo Family Love "
    "Happy Birthday Wedding Paris London New York the and of my our with best day ever you me this that when "
    "nobody look at www .com @ # 2019 1998 No. 42 sale only 50% today Design Media Press Archive by for Art "
    "Club Official Team Best Wishes from Mum Dad Hello World Good Morning City Beach Lake News Live Breaking "
    "Report Episode Chapter Part I II"
)
_WORDS = _TEXT.split()


def compose_line(rng: np.random.Generator, words: tuple[int, int] = (1, 5)) -> str:
    """Compose a line of words, some of them meaningless, sometimes all in capitals."""
    count = pick_count(rng, words)
    chosen = [make_word(rng) if rng.random() < 0.3 else str(rng.choice(_WORDS)) for _ in range(count)]
    line = " ".join(chosen)
    return line.upper() if rng.random() < 0.3 else line


def find_fonts(folder: str | None) -> tuple[Path, ...]:
    """List the TrueType and OpenType files in a folder and its subfolders that can draw letters.

    Args:
        folder: the folder; None for none.

    Raises:
        ValueError: if the folder does not exist or holds no such file.
    """
    if folder is None:
        return ()
    root = expand_home(folder)
    if not root.is_dir():
        raise ValueError(f"expected a folder of fonts; there is no folder {folder!r}")
    files = sorted(path for path in root.rglob("*") if path.suffix.lower() in (".ttf", ".otf"))
    if not files:
        raise ValueError(f"expected a folder of fonts (.ttf, .otf), got none in {folder!r}")
    outlines = tuple(path for path in files if _has_outlines(path))
    if not outlines:
        raise ValueError(
            f"none of the {len(files)} fonts in {folder!r} can be used: they are damaged, or have bitmaps instead of "
            "outlines"
        )
    return outlines


def _has_outlines(path: Path) -> bool:
    try:
        return ImageFont.truetype(str(path), 16).getbbox("a")[2] > 0
    except OSError:
        return False


@lru_cache(maxsize=256)
def _open_font(path: Path, pixels: int) -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype(str(path), pixels)
    except OSError as error:
        raise PhotoError(f"{path}: this font cannot be read: {error}", name=str(path)) from error


def choose_font(
    files: Sequence[Path], pixels: int, rng: np.random.Generator
) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Choose a font about ``pixels`` high: one of the files, or Pillow's own.

    Raises:
        PhotoError: if the file can no longer be read.
    """
    pixels = max(4, pixels)
    if files and rng.random() < 0.9:
        return _open_font(pick(rng, files), pixels)
    return load_font(pixels)


def write_text(
    text: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    *,
    outline: int = 0,
    align: str = "left",
) -> tuple[Image.Image, Image.Image]:
    """Write text as two 8-bit masks of the same size: the letters, and the letters with their outline.

    Args:
        text: one line or more.
        font: the font.
        outline: width of the outline in pixels.
        align: alignment of several lines.
    """
    probe = ImageDraw.Draw(Image.new("L", (1, 1)))
    box = probe.multiline_textbbox((0, 0), text, font=font, stroke_width=outline, align=align)
    size = max(1, int(np.ceil(box[2] - box[0])) + 2), max(1, int(np.ceil(box[3] - box[1])) + 2)
    if size[0] * size[1] > 20_000_000:  # a font that declares enormous letters
        return Image.new("L", (1, 1)), Image.new("L", (1, 1))
    made: list[Image.Image] = []
    for stroke in (0, outline):
        sheet = Image.new("L", size)
        ImageDraw.Draw(sheet).multiline_text(
            (1 - box[0], 1 - box[1]), text, font=font, fill=255, stroke_width=stroke, align=align
        )
        made.append(sheet)
    return made[0], made[1]
