"""Photos that Pillow silently reads with 8 bits per channel, although they have more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, TiffImagePlugin

from hcl_sdk.photos.depth import measure_heif, measure_jpeg2000
from hcl_sdk.photos.png_file import read_png
from hcl_sdk.photos.tiff_file import read_tiff


def read_deep(image: Image.Image, file: BinaryIO) -> np.ndarray | None:
    """Read a file that has more bits per channel than Pillow shows, as stored (EXIF orientation not applied).

    Args:
        image: the file as opened by Pillow, not loaded yet.
        file: the same file, open for reading; its position changes.

    Returns:
        ``[H, W, C]`` uint16, with fewer bits scaled to white = 65535; C is 2 (gray, alpha), 3 (RGB) or 4 (RGB, alpha).
        None if Pillow shows all bits.

    Raises:
        ValueError: if such a file cannot be read, with advice. Damaged files raise the errors of the decoders.
    """
    reader = _READERS.get(image.format or "")
    values = None if reader is None else reader(image, file)
    if values is not None and values.shape[:2] != image.size[::-1] and values.shape[:2] != image.size:
        raise ValueError(
            f"the file is damaged: it states {image.width} x {image.height} pixels, and elsewhere another size"
        )
    return values


def _read_deep_png(_: Image.Image, file: BinaryIO) -> np.ndarray | None:
    file.seek(0)
    header = file.read(26)
    depth, color_type = header[24], header[25]
    file.seek(0)
    return read_png(file) if depth == 16 and color_type != 0 else None


def _read_deep_tiff(image: Image.Image, file: BinaryIO) -> np.ndarray | None:
    assert isinstance(image, TiffImagePlugin.TiffImageFile)
    bits = image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (1,))
    file.seek(0)
    return read_tiff(file, image.size) if max(bits) > 8 and len(image.getbands()) > 1 else None


def _read_deep_jpeg2000(image: Image.Image, file: BinaryIO) -> np.ndarray | None:
    bits, size = measure_jpeg2000(file)
    if size != image.size:
        raise ValueError(f"the file is damaged: {image.width} x {image.height} and {size[0]} x {size[1]} pixels")
    if bits <= 8 or len(image.getbands()) == 1:
        return None
    return _decode_whole("jpeg2k_decode", image, file, bits)


def _read_deep_avif(image: Image.Image, file: BinaryIO) -> np.ndarray | None:
    bits = measure_heif(file)
    return _decode_whole("avif_decode", image, file, bits) if bits > 8 else None


def _read_deep_heif(image: Image.Image, file: BinaryIO) -> np.ndarray | None:
    if measure_heif(file) <= 8:
        return None
    import pillow_heif  # pyright: ignore[reportMissingImports]  # which registered the format

    file.seek(0)
    whole = pillow_heif.open_heif(file, convert_hdr_to_8bit=False)[0]
    values = np.asarray(whole)
    if values.dtype != np.uint16 or whole.mode not in ("RGB;16", "RGBA;16"):
        raise ValueError(f"a HEIF file of mode {whole.mode} is not read in full; convert it to PNG or TIFF")
    return np.array(values)


def _decode_whole(function: str, image: Image.Image, file: BinaryIO, bits: int) -> np.ndarray:
    """Decode a file of more than 8 bits with imagecodecs."""
    try:
        import imagecodecs  # pyright: ignore[reportMissingImports]  # of the extra "tiff"
    except ImportError:
        raise ValueError(
            f"{image.format} of {bits} bits per channel, of which only 8 would be read; pip install imagecodecs "
            f"to read all, or convert it to PNG or TIFF of 16 bits"
        ) from None
    file.seek(0)
    values = getattr(imagecodecs, function)(file.read())
    if values.dtype != np.uint16 or values.ndim != 3 or values.shape[2] != len(image.getbands()) or bits > 16:
        raise ValueError(
            f"{image.format} of {bits} bits per channel is not supported with these channels; convert it to PNG or TIFF"
        )
    return _scale(values, bits)


def _scale(values: np.ndarray, bits: int) -> np.ndarray:
    """Scale values to 16 bits, rounded to the nearest, so that different values stay different."""
    white = 2**bits - 1
    table = np.rint(np.arange(white + 1) * (65535 / white)).astype(np.uint16)
    return table[np.minimum(values, white)]


def _refuse_deep(is_deep: Callable[[Any, BinaryIO], bool]) -> Callable[[Image.Image, BinaryIO], None]:
    def check(image: Image.Image, file: BinaryIO) -> None:
        if is_deep(image, file):
            raise ValueError(
                f"color of more than 8 bits per channel is read from PNG and TIFF files (and JPEG 2000, AVIF, HEIF), "
                f"not from {image.format}; convert it to one of these"
            )

    return check


def _is_deep_ppm(image: Any, _: BinaryIO) -> bool:
    arguments = image.tile[0].args if image.mode == "RGB" and image.tile else ()
    return isinstance(arguments, tuple) and len(arguments) == 2 and arguments[1] > 255


def _is_deep_sgi(image: Image.Image, file: BinaryIO) -> bool:
    file.seek(3)
    return file.read(1) == b"\x02"  # bytes a channel


def _is_deep_dds(image: Any, _: BinaryIO) -> bool:
    return str(getattr(image, "pixel_format", "")).startswith("BC6H")


_READERS: dict[str, Callable[[Image.Image, BinaryIO], np.ndarray | None]] = {
    "PNG": _read_deep_png,
    "TIFF": _read_deep_tiff,
    "JPEG2000": _read_deep_jpeg2000,
    "AVIF": _read_deep_avif,
    "HEIF": _read_deep_heif,
    "PPM": _refuse_deep(_is_deep_ppm),
    "SGI": _refuse_deep(_is_deep_sgi),
    "DDS": _refuse_deep(_is_deep_dds),
}
