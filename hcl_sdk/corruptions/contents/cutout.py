"""Objects cut out of another photo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import attrs
import numpy as np
from attrs.validators import ge, le
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from hcl_sdk.corruptions.ranges import between
from hcl_sdk.corruptions.soft import Canvas, Patch
from hcl_sdk.functional.arrays import bound_mask
from hcl_sdk.interfaces import Content, Damage, component

_GRID = 96
"""Longer side, in pixels, at which outlines of objects are searched."""

_MARGIN = 2
"""Margin around an object, in these pixels."""


@component
class Cutout(Content):
    """A connected part of another photo along its own outlines, its colors matched to the photo.

    Splices are made this way (object-shaped and color-matched: Liu et al., "PSCC-Net", TCSVT 2022).

    Attributes:
        side: range of the longer side of the object, as a share of the photo's shorter side.
        matched: share of objects whose brightness and colors are matched to their surroundings, 0 to 1.
        feather: range of the softness of the edge in pixels.
        same: share of objects that are copied from the photo itself, 0 to 1.
    """

    damage: ClassVar[Damage] = "patch"

    side: tuple[float, float] = attrs.field(default=(0.12, 0.8), validator=between(0, 2))
    matched: float = attrs.field(default=0.5, validator=[ge(0), le(1)])
    feather: tuple[float, float] = attrs.field(default=(0.0, 5.0), validator=between(0, 20))
    same: float = attrs.field(default=0.15, validator=[ge(0), le(1)])

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[np.uint8]:
        height, width = image.shape[:2]
        source = image if rng.random() < self.same else another()
        pixels, outline, blocks = _cut_out(source, rng)
        side = max(3, round(min(height, width) * rng.uniform(*self.side)))
        scale = side / max(outline.size)
        to = max(1, round(outline.width * scale)), max(1, round(outline.height * scale))
        part = np.asarray(pixels.resize(to, Image.Resampling.BICUBIC, reducing_gap=2.0), np.float32)
        soft = np.asarray(outline.resize(to, Image.Resampling.BICUBIC, reducing_gap=2.0), np.float32) / 255
        alpha = ((soft - 0.5) * max(1.0, blocks * scale) + 0.5).clip(0, 1)  # an edge of a pixel or two
        if rng.random() < 0.5:
            part, alpha = part[:, ::-1], alpha[:, ::-1]
        left, top = (
            round(rng.uniform(min(-0.25 * s, e - 0.75 * s), max(-0.25 * s, e - 0.75 * s)))
            for s, e in zip(to, (width, height), strict=True)
        )
        patch = Patch(alpha, left, top).blur(rng.uniform(*self.feather) / 2)
        if rng.random() < self.matched:
            part = _match(part, image, patch, float(rng.uniform(0.3, 0.9)))
        canvas = Canvas((height, width))
        canvas.lay(part, patch)
        return canvas.to_rgba()


def _cut_out(source: NDArray[np.uint8], rng: np.random.Generator) -> tuple[Image.Image, Image.Image, float]:
    """Cut the box around a coherent part of a photo.

    The photo is divided by a watershed of its edges; neighbors of similar color are joined until the part is large
    enough. The box includes a margin, which shows through a soft edge, as in cut-outs that people make.

    Returns:
        The pixels of the box; the outline in it, an 8-bit mask; and the number of its pixels per pixel at which
        outlines are searched.
    """
    photo = Image.fromarray(source)
    blocks = max(1.0, max(photo.size) / _GRID)
    small = photo.resize([max(3, round(s / blocks)) for s in photo.size], Image.Resampling.BOX)
    lab = np.asarray(small.convert("LAB"), np.float32)
    lab[..., 1:] = (lab[..., 1:] + 128) % 256  # signed in Pillow
    smooth = ndimage.gaussian_filter(lab, (1.2, 1.2, 0), truncate=2)
    height, width = lab.shape[:2]
    count = int(rng.integers(12, 40))
    markers = np.zeros((height, width), np.int32)
    markers[rng.integers(height, size=count), rng.integers(width, size=count)] = np.arange(1, count + 1)
    slopes: Any = np.gradient(smooth, axis=(0, 1))
    strength = np.hypot(slopes[0], slopes[1]).sum(axis=2)
    labels: Any = ndimage.watershed_ift((255 * strength / max(1e-6, float(strength.max()))).astype(np.uint8), markers)
    at = labels[round((height - 1) * rng.uniform(0.2, 0.8)), round((width - 1) * rng.uniform(0.2, 0.8))]
    goal = height * width * rng.uniform(0.1, 0.7) * rng.uniform(0.2, 0.6)
    chosen = _join_regions(labels, smooth, int(at), goal, rng)
    mask: Any = ndimage.binary_fill_holes(np.pad(chosen[labels], _MARGIN))
    rows, columns = bound_mask(mask)
    top, left = rows.start - _MARGIN, columns.start - _MARGIN
    bottom, right = rows.stop + _MARGIN, columns.stop + _MARGIN
    smoothed = ndimage.gaussian_filter(mask[top:bottom, left:right].astype(np.float32), 0.9)  # no steps when enlarged
    outline = Image.fromarray(np.round(255 * smoothed).astype(np.uint8))
    across, down = photo.width / width, photo.height / height
    # The box in pixels of the photo, and the part of it that lies inside the photo.
    x, y = round((left - _MARGIN) * across), round((top - _MARGIN) * down)
    size = max(1, round(outline.width * across)), max(1, round(outline.height * down))
    part = max(0, x), max(0, y), min(photo.width, x + size[0]), min(photo.height, y + size[1])
    enlarged = outline.resize(size, Image.Resampling.BICUBIC)
    return photo.crop(part), enlarged.crop((part[0] - x, part[1] - y, part[2] - x, part[3] - y)), blocks


def _join_regions(
    labels: NDArray[np.integer], colors: NDArray[np.floating], first: int, goal: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Choose labels ``[N]`` of a part that grows from one by neighbors of similar color to ``goal`` pixels."""
    count = int(labels.max()) + 1
    flat = labels.ravel()
    areas = np.bincount(flat, minlength=count)
    sums = np.stack([np.bincount(flat, colors[..., c].ravel(), minlength=count) for c in range(3)], axis=1)
    means = sums / np.maximum(1, areas)[:, None]
    touching = np.zeros((count, count), np.bool_)
    for one, other in ((labels[:-1], labels[1:]), (labels[:, :-1], labels[:, 1:])):
        touching[one, other] = touching[other, one] = True
    at_border = np.zeros(count, np.bool_)  # people cut out whole objects
    for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        at_border[side] = True
    chosen = np.zeros(count, np.bool_)
    chosen[first] = True
    while areas[chosen].sum() < goal:
        neighbors = np.flatnonzero(touching[chosen].any(axis=0) & ~chosen)
        if not len(neighbors):
            break
        own = sums[chosen].sum(axis=0) / max(1, areas[chosen].sum())
        unlike = np.abs(means[neighbors] - own).sum(axis=1) + rng.normal(0, 12, len(neighbors))
        unlike += 30 * at_border[neighbors]
        chosen[neighbors[np.argmin(unlike)]] = True
    return chosen


def _match(part: NDArray[np.floating], image: NDArray[np.uint8], patch: Patch, share: float) -> NDArray[np.floating]:
    """Shift mean and spread of each channel of the object towards those of the pixels it hides."""
    on, of = patch.find_overlap((image.shape[0], image.shape[1]))
    inside = patch.alpha[of] > 0.5
    if inside.sum() < 4:
        return part
    hidden, own = image[on][inside].astype(np.float32), part[of][inside]
    mean = own.mean(axis=0)
    gain = ((hidden.std(axis=0) + 1) / (own.std(axis=0) + 1)).clip(0.6, 1.6) ** share
    return ((part - mean) * gain + mean + share * (hidden.mean(axis=0) - mean)).clip(0, 255)
