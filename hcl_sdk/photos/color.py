"""The native values of a photo, and RGB in [0, 1]."""

from __future__ import annotations

import numpy as np
from PIL import Image

from hcl_sdk.functional.arrays import cut_bands

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""Pillow's mode for arrays and tensors, by their number of channels."""

PREMULTIPLIED_MODES = ("RGBa", "La")
"""Modes whose colors are premultiplied by alpha."""

CONVERTED_MODES = ("CMYK", "YCbCr", "LAB", "HSV", *PREMULTIPLIED_MODES)
"""Modes that Pillow converts to and from RGB; all others are gray or RGB, with or without alpha."""

FILE_MODES = {"HSV": "RGB", "RGBa": "RGBA", "La": "LA", "RGBX": "RGB"}
"""Modes that files cannot store (TIFF alone stores premultiplied ones), with the mode they are written as."""


def get_white(dtype: np.dtype) -> int:
    """Return the value of white in pixels of a type: 255, 65535, or 1 for bool and floating point."""
    return 255 if dtype == np.uint8 else 65535 if dtype.kind in "iu" else 1


def to_luma(rgb: np.ndarray) -> np.ndarray:
    """Convert RGB ``[H, W, 3]`` to gray ``[H, W]``, as in ITU-R 601."""
    return rgb @ np.array([0.299, 0.587, 0.114], rgb.dtype)


def quantize(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Convert values in [0, 1] to ``dtype``: integers are rounded to the nearest, bools are True above 0.5."""
    if dtype == np.bool_:
        return values > 0.5
    if dtype.kind == "f":
        return values.clip(0, 1).astype(dtype)
    return np.rint(values * get_white(dtype)).clip(0, get_white(dtype)).astype(dtype)


def check_unit_range(values: np.ndarray) -> None:
    """Check that floating-point values lie in [0, 1].

    Raises:
        ValueError: if they do not.
    """
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 1):  # NaN is neither
        got = "NaN" if np.isnan(low) else f"{low} to {high}"
        raise ValueError(f"floating-point values must lie in [0, 1]; got {got}")


def from_pil(image: Image.Image) -> np.ndarray:
    """Return the values of a PIL image, ``[H, W, C]``."""
    bands = cut_bands(image.height, image.width)
    values = np.array(image) if len(bands) == 1 else np.empty(0)
    for rows in bands if len(bands) > 1 else ():  # numpy would otherwise fetch all of it as bytes and copy them
        band = np.asarray(image.crop((0, rows.start, image.width, rows.stop)))
        if rows.start == 0:
            values = np.empty((image.height, *band.shape[1:]), band.dtype)
        values[rows] = band
    return values if values.ndim == 3 else values[..., None]


def to_pil(pixels: np.ndarray, mode: str) -> Image.Image:
    """Convert values ``[H, W, C]`` to a PIL image; more than 8 bits per channel are possible for gray only."""
    height, width = pixels.shape[:2]
    if pixels.dtype != np.uint8:
        mode = {"u": "I;16", "i": "I", "f": "F"}[pixels.dtype.kind]
    return Image.frombytes(mode, (width, height), np.ascontiguousarray(pixels).data.cast("B"))


def to_rgb(pixels: np.ndarray, mode: str) -> np.ndarray:
    """Convert native values ``[H, W, C]`` to float32 RGB ``[H, W, 3]`` in [0, 1]."""
    if mode in PREMULTIPLIED_MODES and pixels.dtype != np.uint8:
        pixels, mode = to_straight(pixels, mode), FILE_MODES[mode]
    if mode in CONVERTED_MODES:
        pixels, mode = _convert_to_rgb(pixels, mode), "RGB"
    colors = pixels[..., :1] if mode in ("L", "LA") else pixels[..., :3]
    rgb = colors.astype(np.float32) / np.float32(get_white(colors.dtype))
    return np.broadcast_to(rgb, (*rgb.shape[:2], 3))


def to_straight(pixels: np.ndarray, mode: str) -> np.ndarray:
    """Divide the colors of a premultiplied mode by alpha, at their own depth; where alpha is 0, they are kept."""
    if pixels.dtype == np.uint8:
        return from_pil(to_pil(pixels, mode).convert(FILE_MODES[mode]))
    alpha = pixels[..., -1:].astype(np.float64)
    straight = pixels.copy()
    colors = pixels[..., :-1] * (get_white(pixels.dtype) / np.where(alpha > 0, alpha, get_white(pixels.dtype)))
    straight[..., :-1] = np.rint(colors).clip(0, get_white(pixels.dtype))
    return straight


def to_rgb8(pixels: np.ndarray, mode: str) -> np.ndarray:
    """Convert native values ``[H, W, C]`` to uint8 RGB ``[H, W, 3]``; more than 8 bits are rounded."""
    if pixels.dtype != np.uint8:
        return quantize(to_rgb(pixels, mode), np.dtype(np.uint8))
    if mode in CONVERTED_MODES:
        return _convert_to_rgb(pixels, mode)
    return np.repeat(pixels[..., :1], 3, axis=2) if mode in ("L", "LA") else pixels[..., :3]


def _convert_to_rgb(pixels: np.ndarray, mode: str) -> np.ndarray:
    image = to_pil(pixels, mode)
    if mode in FILE_MODES:
        image = image.convert(FILE_MODES[mode])
    return np.array(image.convert("RGB"))


def from_rgb(rgb: np.ndarray, old: np.ndarray, mode: str) -> np.ndarray:
    """Convert RGB ``[H, W, 3]`` in [0, 1] to native values; channels other than color are copied from ``old``."""
    if mode in PREMULTIPLIED_MODES and old.dtype != np.uint8:
        alpha = old[..., -1:]
        colors = to_luma(rgb)[..., None] if mode == "La" else rgb
        return np.concatenate([quantize(colors * (alpha / get_white(old.dtype)), old.dtype), alpha], axis=2)
    if mode in CONVERTED_MODES:
        image = Image.fromarray(quantize(rgb, np.dtype(np.uint8)))
        if mode in ("RGBa", "La"):
            straight = FILE_MODES[mode]
            image = image.convert(straight)
            image.putalpha(Image.fromarray(np.ascontiguousarray(old[..., -1])))
        return np.array(image.convert(mode))
    colors = to_luma(rgb)[..., None] if mode in ("L", "LA") else rgb
    colors = quantize(colors, old.dtype)
    return np.concatenate([colors, old[..., colors.shape[2] :]], axis=2)
