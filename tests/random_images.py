"""Images of random values in every mode that Pillow has."""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np
from hypothesis import strategies as st
from PIL import Image, ImageCms

EIGHT_BIT_MODES = ("L", "LA", "RGB", "RGBA", "RGBX", "RGBa", "La", "CMYK", "YCbCr", "LAB", "HSV")
PIL_MODES = (*EIGHT_BIT_MODES, "1", "P", "PA", "I", "F", "I;16", "I;16B")

shapes = st.tuples(st.integers(1, 12), st.integers(1, 12))
seeds = st.integers(0, 10_000)


def random_image(mode: str, shape: tuple[int, int], seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    height, width = shape
    if mode in EIGHT_BIT_MODES:
        bands = len(Image.new(mode, (1, 1)).getbands())
        return Image.frombytes(mode, (width, height), rng.bytes(height * width * bands))
    if mode in ("P", "PA"):
        image = Image.frombytes("P", (width, height), rng.bytes(height * width))
        image.putpalette(rng.bytes(768))
        return image if mode == "P" else image.convert("PA")
    if mode == "1":
        return Image.fromarray(rng.random(shape) < 0.5)
    if mode == "F":
        return Image.fromarray(rng.random(shape, dtype=np.float32))
    values = rng.integers(0, 65536, shape)
    if mode == "I":
        return Image.fromarray(values.astype(np.int32))
    return Image.frombytes(mode, (width, height), values.astype(">u2" if mode == "I;16B" else "<u2").tobytes())


def encode(image: Image.Image, file_format: str = "PNG", **options: Any) -> bytes:
    """The contents of a file with the image."""
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


@functools.cache  # it holds the time
def srgb_profile() -> bytes:
    """An ICC profile."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
