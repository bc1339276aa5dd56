"""Processing of a photo after it was damaged: it is saved, resized, sharpened and passed on."""

from __future__ import annotations

import io

import attrs
import numpy as np
from attrs.validators import ge, le
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from hcl_sdk.corruptions.ranges import between, pick_count
from hcl_sdk.interfaces import Configurable, component


@component
class Postprocessing(Configurable):
    """Changes of the whole photo, damage included; corrupted pixels stay in place.

    Each change is drawn independently. Pasted content is compressed and resized together with the photo, as in any file
    that people pass on, so a detector cannot rely on differences that the next JPEG removes.

    Attributes:
        share: share of photos that are changed at all, 0 to 1.
        resize: share of these that are scaled down, or up, and back, 0 to 1.
        scale: range of the scale.
        sharpen: share of these that are sharpened, 0 to 1.
        blur: share of these that are blurred slightly, 0 to 1.
        noise: share of these to which noise of up to 6 levels is added, 0 to 1.
        gamma: share of these whose brightness and contrast are changed, 0 to 1.
        jpeg: share of these that are compressed, 0 to 1.
        twice: share of the compressed ones that are compressed twice, 0 to 1.
        quality: range of the JPEG quality, 1 to 98.
    """

    share: float = attrs.field(default=0.75, validator=[ge(0), le(1)])
    resize: float = attrs.field(default=0.3, validator=[ge(0), le(1)])
    scale: tuple[float, float] = attrs.field(default=(0.5, 1.8), validator=between(0.1, 4))
    sharpen: float = attrs.field(default=0.15, validator=[ge(0), le(1)])
    blur: float = attrs.field(default=0.1, validator=[ge(0), le(1)])
    noise: float = attrs.field(default=0.15, validator=[ge(0), le(1)])
    gamma: float = attrs.field(default=0.15, validator=[ge(0), le(1)])
    jpeg: float = attrs.field(default=0.8, validator=[ge(0), le(1)])
    twice: float = attrs.field(default=0.25, validator=[ge(0), le(1)])
    quality: tuple[int, int] = attrs.field(default=(50, 98), validator=between(1, 98))

    def __call__(self, image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Make a changed copy of ``[H, W, 3]`` uint8 RGB; all randomness comes from ``rng``."""
        if rng.random() >= self.share:
            return image.copy()
        photo = Image.fromarray(image)
        size = photo.size
        if rng.random() < self.resize:
            low, high = self.scale
            scale = float(np.exp(rng.uniform(np.log(low), np.log(high))))
            smaller = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
            photo = photo.resize(smaller, _choose_filter(rng))
        if rng.random() < self.blur:
            photo = photo.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 0.9))))
        if rng.random() < self.sharpen:
            photo = photo.filter(ImageFilter.UnsharpMask(float(rng.uniform(0.5, 2)), int(rng.integers(30, 160)), 1))
        if rng.random() < self.gamma:
            gamma, gain = float(rng.uniform(0.75, 1.3)), float(rng.uniform(0.85, 1.15))
            curve = 255 * np.clip(((np.arange(256) / 255) ** gamma - 0.5) * gain + 0.5, 0, 1)
            photo = photo.point([round(float(v)) for v in curve] * 3)
        if rng.random() < self.noise:
            pixels = np.asarray(photo, np.float32) + rng.normal(0, rng.uniform(0.5, 6), np.asarray(photo).shape)
            photo = Image.fromarray(np.clip(np.round(pixels), 0, 255).astype(np.uint8))
        if rng.random() < self.jpeg:
            for _ in range(2 if rng.random() < self.twice else 1):
                photo = _compress(photo, pick_count(rng, self.quality), rng)
        if photo.size != size:
            photo = photo.resize(size, _choose_filter(rng))
        return np.array(photo)


def tone_photo(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Make a photo ``[H, W, 3]`` gray, sepia or faded, like old ones."""
    photo = Image.fromarray(image)
    gray = np.asarray(photo.convert("L"), np.float32) / 255
    kind = rng.random()
    if kind < 0.45:
        toned = np.repeat(gray[..., None], 3, axis=2)
    elif kind < 0.8:
        light = np.array([1.0, rng.uniform(0.86, 0.97), rng.uniform(0.62, 0.88)])
        dark = np.array([rng.uniform(0.02, 0.2), rng.uniform(0.01, 0.14), rng.uniform(0.0, 0.1)])
        toned = dark + gray[..., None] * (light - dark)
    else:
        color = np.asarray(photo, np.float32) / 255
        share = rng.uniform(0.3, 0.8)
        cast = rng.uniform(0.75, 1.0, 3)
        toned = (gray[..., None] * (1 - share) + color * share) * cast
    low, high = rng.uniform(0, 0.25), rng.uniform(0.75, 1.0)
    if rng.random() < 0.6:
        toned = low + toned * (high - low)
    return np.clip(np.round(toned * 255), 0, 255).astype(np.uint8)


def _choose_filter(rng: np.random.Generator) -> Image.Resampling:
    return (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)[int(rng.integers(3))]


def _compress(photo: Image.Image, quality: int, rng: np.random.Generator) -> Image.Image:
    file = io.BytesIO()
    subsampling = int(rng.choice([0, 2, 2]))
    photo.save(file, "JPEG", quality=quality, subsampling=subsampling)
    with Image.open(file) as saved:
        return saved.convert("RGB")
