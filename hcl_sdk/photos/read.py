"""Reading photos: files and PIL images are decoded to upright pixels, with their color profile and EXIF data."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, TiffImagePlugin

from hcl_sdk.photos.color import CONVERTED_MODES, check_unit_range, from_pil, get_white, to_rgb8
from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.photos.opening import File, Naming, Opened, open_and
from hcl_sdk.photos.sixteen_bit import read_deep
from hcl_sdk.photos.tiff_file import PREMULTIPLIED

_ENDS = {".png": b"IEND\xaeB`\x82", ".jpg": b"\xff\xd9", ".jpeg": b"\xff\xd9"}
"""The last bytes of the files that are written, by suffix."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoded:
    """The contents of a file or a PIL image, upright.

    Attributes:
        pixels: the native values ``[H, W, C]``.
        mode: Pillow's name for the channels, with ``L`` for gray of every depth.
        icc_profile: the ICC color profile as stored in files.
        exif: the EXIF data as stored in files, with orientation reset; without the thumbnail.
        dpi: dots per inch, horizontal and vertical.
        swapped: whether the orientation has exchanged width and height.
        has_palette: whether the colors are those of a palette, or black and white.
        notes: descriptions of what was dropped.
    """

    pixels: np.ndarray
    mode: str
    icc_profile: bytes | None
    exif: bytes | None
    dpi: tuple[float, float] | None
    swapped: bool = False
    has_palette: bool = False
    notes: tuple[str, ...] = ()


def decode_file(file: File, name: str, *, max_megapixels: float | None = None) -> Decoded:
    """Decode a file with all its metadata.

    Args:
        file: its path or contents.
        name: a name for messages.
        max_megapixels: larger files are refused before they are decoded; None for `MAX_MEGAPIXELS`, in which case the
            message does not offer to raise the limit.

    Raises:
        PhotoError: if it cannot be decoded.
    """
    return open_and(lambda opened: _decode(opened.image, opened), file, name, max_megapixels)


def read_megapixels(file: File, name: str, *, max_megapixels: float | None = None) -> float:
    """Read from the header of a file how many megapixels it has; arguments and errors are those of `decode_file`."""
    width, height = open_and(lambda opened: opened.image.size, file, name, max_megapixels)
    return width * height / 1e6


def is_whole(file: Path) -> bool:
    """Whether a file has the header of a photo and, as a PNG or JPEG, its end: it is not empty, and not cut off."""
    try:
        read_megapixels(file, str(file), max_megapixels=math.inf)
        with file.open("rb") as contents:
            end = _ENDS.get(file.suffix.lower(), b"")
            contents.seek(-len(end), os.SEEK_END)
            return contents.read() == end
    except (PhotoError, OSError):
        return False


def decode_image(image: Image.Image, name: str) -> Decoded:
    """Decode a PIL image; of an animation, the current frame.

    Raises:
        PhotoError: if that fails.
    """
    with Naming(name):
        return _decode(image, None)


def read_rgb(file: File, name: str, shorter_side: int | None = None) -> NDArray[np.uint8]:
    """Decode a photo: upright, RGB, 8 bits, ``[H, W, 3]``. Alpha is dropped, as everywhere in this package.

    Args:
        file: its path or contents.
        name: a name for messages.
        shorter_side: shrink the photo while decoding until its shorter side has this many pixels, which is faster,
            above all for large JPEGs.

    Raises:
        PhotoError: if it cannot be decoded.
    """

    def decode(opened: Opened) -> NDArray[np.uint8]:
        image = opened.image
        scale = 1.0 if shorter_side is None else min(1.0, shorter_side / min(image.size))
        size = round(image.width * scale), round(image.height * scale)
        image.draft(None, size)
        rgb = to_rgb8(*_decode_pixels(image))
        if rgb.shape[1::-1] != size:
            rgb = np.array(Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0))
        return turn_upright(rgb, read_orientation(image))

    return open_and(decode, file, name)


def read_rgba(file: File, name: str) -> Image.Image:
    """Decode a photo with its transparency, upright, as an RGBA image.

    Raises:
        PhotoError: if it cannot be decoded.
    """

    def decode(opened: Opened) -> Image.Image:
        rgba = np.array(opened.image.convert("RGBA"))
        return Image.fromarray(turn_upright(rgba, read_orientation(opened.image)))

    return open_and(decode, file, name)


def turn_upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Apply an EXIF orientation (1 to 8; anything else is 1) to ``[H, W, C]``."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def read_orientation(image: Image.Image) -> int:
    """Read the EXIF orientation of an image; 1, upright, if there is none or it cannot be read."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # Damaged EXIF does not make the photo unusable, here or below.
        return 1
    return value if isinstance(value, int) else 1


def _decode(image: Image.Image, opened: Opened | None) -> Decoded:
    if 0 in image.size:
        raise ValueError(f"it has no pixels: {image.width} x {image.height} (width x height)")
    swapped = read_orientation(image) in (5, 6, 7, 8)  # loading a TIFF applies the orientation and removes it
    pixels, mode = None, ""
    if opened is not None:
        position = opened.file.tell()
        pixels = read_deep(image, opened.file)
        opened.file.seek(position)  # Pillow continues reading from there
    if pixels is not None:
        mode = {2: "LA", 3: "RGB", 4: "RGBA"}[pixels.shape[2]]
        mode = "RGBa" if mode == "RGBA" and _is_premultiplied(image) else mode
    else:
        is_premultiplied = opened is not None and _keep_premultiplied(image)
        pixels, mode = _decode_pixels(image)
        mode = "RGBa" if is_premultiplied else mode
    pixels, mode = _apply_transparent_color(pixels, mode, image)
    dpi = image.info.get("dpi")
    if isinstance(image, TiffImagePlugin.TiffImageFile) and TiffImagePlugin.X_RESOLUTION not in image.tag_v2:
        dpi = None  # where a file has none, Pillow says 1
    if dpi is not None:
        x, y = float(dpi[0]), float(dpi[1])
        dpi = (y, x) if swapped else (x, y)
        if not all(0 < d < 1e6 for d in dpi):  # nonsense in the file, or NaN
            dpi = None
    return Decoded(
        pixels=turn_upright(pixels, read_orientation(image)),
        mode=mode,
        icc_profile=(opened and opened.icc_profile) or image.info.get("icc_profile") or None,
        exif=_read_exif(image),
        dpi=dpi,
        swapped=swapped,
        has_palette=image.mode in ("1", "P", "PA"),
        notes=() if opened is None else opened.notes,
    )


def _keep_premultiplied(image: Image.Image) -> bool:
    """Make Pillow return the colors of a TIFF with associated alpha as stored; return whether the file is one.

    Pillow would divide them by alpha, which loses most of them where alpha is small.

    Raises:
        ValueError: if Pillow divides them regardless.
    """
    if image.mode != "RGBA" or not _is_premultiplied(image):
        return False
    assert isinstance(image, TiffImagePlugin.TiffImageFile)
    if image.tag_v2.get(TiffImagePlugin.PLANAR_CONFIGURATION, 1) != 1:
        raise ValueError("a TIFF with associated alpha in planes is not read; save it with interleaved channels")
    tiles = []
    for tile in image.tile:
        raw, *rest = tile.args if isinstance(tile.args, tuple) else (tile.args,)
        tiles.append(tile._replace(args=(str(raw).replace("RGBa", "RGBA", 1), *rest)))
    image.tile = tiles
    return True


def _is_premultiplied(image: Image.Image) -> bool:
    """Whether the first extra channel of a TIFF is associated alpha."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return False
    return image.tag_v2.get(TiffImagePlugin.EXTRASAMPLES, ())[:1] == (PREMULTIPLIED,)


_BITS = TiffImagePlugin.BITSPERSAMPLE


def _decode_pixels(image: Image.Image) -> tuple[np.ndarray, str]:
    """Return the values ``[H, W, C]`` and the mode of an image as Pillow shows it, not turned upright."""
    image.load()
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode == "PA" or (image.mode == "P" and image.has_transparency_data):
        image = image.convert("RGBA")
    elif image.mode == "P":
        image = image.convert("RGB")
    mode = image.mode
    if mode == "I" or mode.startswith("I;16"):
        pixels = from_pil(image)
        if isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(_BITS) == (12,):
            pixels = pixels << 4 | pixels >> 8  # white is 4095 there
        if pixels.min() < 0 or pixels.max() > 65535:
            raise ValueError(
                f"gray of mode {mode!r} counts from 0 to 65535; got values from {pixels.min()} to {pixels.max()}"
            )
        return (pixels if mode == "I" else pixels.astype(np.uint16)), "L"
    if mode == "F":
        pixels = from_pil(image)
        check_unit_range(pixels)
        return pixels, "L"
    if mode in ("L", "LA", "RGB", "RGBA", "RGBX", *CONVERTED_MODES):
        return from_pil(image), mode
    raise ValueError(f"photos in Pillow's mode {mode!r} are not read")


def _apply_transparent_color(pixels: np.ndarray, mode: str, image: Image.Image) -> tuple[np.ndarray, str]:
    """Add an alpha channel to the pixels if the file declares one color or gray to be transparent."""
    key = image.info.get("transparency")
    if not (mode == "L" and isinstance(key, int)) and not (mode == "RGB" and isinstance(key, tuple) and len(key) == 3):
        return pixels, mode
    white = get_white(pixels.dtype)
    alpha = np.where((pixels == np.array(key)).all(axis=2, keepdims=True), 0, white).astype(pixels.dtype)
    return np.concatenate([pixels, alpha], axis=2), mode + "A"


# TIFF tags about the layout of a file, or with copies of what is kept elsewhere (ICC, XMP, Photoshop, resolution).
_STRUCTURAL = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 277, 278, 279, 280, 281, 284, 290, 291, 301, 317, 320, 321}
    | {322, 323, 324, 325, 330, 332, 333, 334, 336, 337, 338, 339, 340, 341, 347, *range(512, 522), 529, 530, 532}
    | {700, 34377, 34675}
)

_RESOLUTION = (282, 283, 296)


def _read_exif(image: Image.Image) -> bytes | None:
    """Read the image's EXIF with orientation reset; None if there is none, or it cannot be read."""
    try:
        exif = Image.Exif()  # a copy: the image may be the caller's
        exif.load(image.getexif().tobytes())
        for tag in list(exif):
            if tag in _STRUCTURAL or (image.format == "TIFF" and tag in _RESOLUTION):
                del exif[tag]
        if ExifTags.Base.Orientation in exif:
            exif[ExifTags.Base.Orientation] = 1
        return exif.tobytes() if len(exif) else None
    except Exception:
        return None
