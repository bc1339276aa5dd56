"""Objects cut out of another photo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
from attrs.validators import ge, le
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from hcl_sdk.corruptions.ranges import between
from hcl_sdk.corruptions.soft import join_rgba
from hcl_sdk.interfaces import Content, component

_GRID = 72
"""Pixels of the longer side at which the outlines of objects are looked for."""


@component
class Cutout(Content):
    """A connected part of another photo along its own outlines, its colors brought near those of the photo.

    That is how splices are made (object-shaped and color-matched ones: Liu et al., "PSCC-Net", TCSVT 2022).

    Attributes:
        side: the longer side of the object, as a share of the photo's shorter side.
        matched: how often its brightness and colors are brought near those of its surroundings, 0 to 1.
        feather: softness of its edge in pixels, from and to.
        same: how often it comes from the photo itself, moved: 0 to 1.
    """

    side: tuple[float, float] = attrs.field(default=(0.12, 0.8), validator=between(0, 2))
    matched: float = attrs.field(default=0.5, validator=[ge(0), le(1)])
    feather: tuple[float, float] = attrs.field(default=(0.0, 3.0), validator=between(0, 20))
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
        pixels, outline = _cut_out(source, rng)
        side = max(3, round(min(height, width) * rng.uniform(*self.side)))
        scale = side / max(outline.shape)
        to = max(1, round(outline.shape[1] * scale)), max(1, round(outline.shape[0] * scale))
        part = np.asarray(Image.fromarray(pixels).resize(to, Image.Resampling.BICUBIC, reducing_gap=2.0))
        alpha = np.asarray(Image.fromarray(outline).resize(to, Image.Resampling.BICUBIC), np.float32) / 255
        if rng.random() < 0.5:
            part, alpha = part[:, ::-1], alpha[:, ::-1]
        left, top = (
            round(rng.uniform(min(-0.25 * s, e - 0.75 * s), max(-0.25 * s, e - 0.75 * s)))
            for s, e in zip(to, (width, height), strict=True)
        )
        colors, opacity = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
        rows, columns = slice(max(0, top), min(height, top + to[1])), slice(max(0, left), min(width, left + to[0]))
        inner = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
        colors[rows, columns], opacity[rows, columns] = part[inner], alpha[inner]
        opacity = (opacity - 0.5) * 2 + 0.5  # smooth from the enlarging, but no wider than a pixel or two
        feather = rng.uniform(*self.feather)
        opacity = ndimage.gaussian_filter(opacity.clip(0, 1), feather / 2) if feather > 0.2 else opacity.clip(0, 1)
        if rng.random() < self.matched:
            colors = _match(colors, image, opacity, float(rng.uniform(0.3, 0.9)))
        if feather > 0.2:  # what is under the soft edge is the object's own border, not black
            outside = opacity == 0
            nearest: Any = ndimage.distance_transform_edt(
                colors.sum(axis=2) == 0, return_distances=False, return_indices=True
            )
            colors = np.where(outside[..., None], colors, colors[tuple(nearest)])
        return join_rgba(colors, opacity)


def _cut_out(source: NDArray[np.uint8], rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The box around a part of a photo that belongs together: its pixels, and its outline as an 8-bit mask.

    The photo is divided by a watershed of its edges; neighbors of like color are joined until the part is large enough.
    """
    photo = Image.fromarray(source)
    scale = _GRID / max(photo.size)
    small = photo.resize([max(3, round(s * scale)) for s in photo.size], Image.Resampling.BOX)
    lab = np.asarray(small.convert("LAB"), np.float32)
    lab[..., 1:] = (lab[..., 1:] + 128) % 256  # signed in Pillow
    smooth = ndimage.gaussian_filter(lab, (1.2, 1.2, 0))
    height, width = lab.shape[:2]
    markers = np.zeros((height, width), np.int32)
    count = int(rng.integers(12, 40))
    markers[rng.integers(height, size=count), rng.integers(width, size=count)] = np.arange(1, count + 1)
    strength = np.sum([ndimage.gaussian_gradient_magnitude(smooth[..., c], 0.8) for c in range(3)], axis=0)
    labels = ndimage.watershed_ift((255 * strength / max(1e-6, float(strength.max()))).astype(np.uint8), markers)
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    sums = [np.bincount(labels.ravel(), smooth[..., c].ravel(), minlength=count + 1) for c in range(3)]
    means = np.stack(sums, axis=1) / np.maximum(1, areas)[:, None]
    inside = rng.random() * 0.6 + 0.1
    centered = labels[round((height - 1) * rng.uniform(0.2, 0.8)), round((width - 1) * rng.uniform(0.2, 0.8))]
    chosen = {int(centered)}
    goal = inside * height * width * rng.uniform(0.2, 0.6)
    while areas[list(chosen)].sum() < goal:
        grown: Any = ndimage.binary_dilation(np.isin(labels, list(chosen)))
        neighbors = set(np.unique(labels[grown]).tolist()) - chosen
        if not neighbors:
            break
        own = np.average(means[list(chosen)], axis=0, weights=np.maximum(1, areas[list(chosen)]))
        chosen.add(min(neighbors, key=lambda n: float(np.abs(means[n] - own).sum() + rng.normal(0, 12))))
    mask: Any = ndimage.binary_fill_holes(np.isin(labels, list(chosen)))
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    full = tuple(
        int(edge * extent / cells) for edge, extent, cells in zip(box, 2 * photo.size, 2 * small.size, strict=True)
    )
    left, top = min(full[0], photo.width - 1), min(full[1], photo.height - 1)
    right, bottom = max(left + 1, min(full[2], photo.width)), max(top + 1, min(full[3], photo.height))
    part = source[top:bottom, left:right]
    cut = Image.fromarray(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.uint8) * 255)
    outline = np.pad(np.asarray(cut), 1)[1:-1, 1:-1]
    enlarged = Image.fromarray(outline).resize((part.shape[1], part.shape[0]), Image.Resampling.BICUBIC)
    return np.ascontiguousarray(part), np.asarray(enlarged)


def _match(
    colors: NDArray[np.floating], image: NDArray[np.uint8], opacity: NDArray[np.floating], share: float
) -> NDArray[np.floating]:
    """Bring mean and spread of each channel of the object a share of the way to those of what it hides."""
    inside = opacity > 0.5
    if inside.sum() < 4:
        return colors
    hidden = image[inside].astype(np.float32)
    own = colors[inside]
    spread = (hidden.std(axis=0) + 1) / (own.std(axis=0) + 1)
    gain = spread.clip(0.6, 1.6) ** share
    mean = own.mean(axis=0)
    moved = (colors - mean) * gain + mean + share * (hidden.mean(axis=0) - mean)
    return np.where((colors.sum(axis=2) > 0)[..., None], moved.clip(1, 255), colors).astype(np.float32)
