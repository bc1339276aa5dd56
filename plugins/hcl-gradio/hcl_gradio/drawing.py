"""The images that the page shows of a photo: the regions over it, the confidence, the mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from hcl_gradio.work import Box, Mask, Selection, Work
from hcl_sdk.functional.arrays import feather_mask

RGB = NDArray[np.uint8]

FILL = (233, 30, 99)
"""The color of pixels to be filled."""
LEAVE = (0, 122, 204)
"""The color of pixels to be left alone."""

_NUMBERED = 12  # regions that have their number drawn beside them, the largest
_HEAT = np.array([[24, 28, 60], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]], np.float32)


def draw_found(work: Work, selection: Selection, dilate: float, feather: float) -> RGB:
    """Draw the regions over the photo: those to be filled, with their soft border, in one color, others in another.

    Args:
        work: the photo.
        selection: the regions.
        dilate, feather: the border, in pixels of the photo.
    """
    image = work.preview.astype(np.float32)
    scale = work.scale
    mask = _fit_mask(selection.mask, *image.shape[:2])
    alpha = feather_mask(mask, dilate * scale, feather * scale)[..., None]
    image = image * (1 - 0.6 * alpha) + np.array(FILL, np.float32) * 0.6 * alpha
    left = _fit_mask(selection.left, *image.shape[:2])
    image[left] = image[left] * 0.75 + np.array(LEAVE, np.float32) * 0.25
    image[_find_outline(mask)] = 255
    image[_find_outline(left)] = np.array(LEAVE)
    drawn = Image.fromarray(image.clip(0, 255).astype(np.uint8))
    _draw_numbers(drawn, selection, scale)
    if work.box is not None:
        _dim_outside(drawn, work.box, scale)
    if work.corner is not None:
        x, y = work.corner[0] * scale, work.corner[1] * scale
        draw = ImageDraw.Draw(drawn)
        for width, color in ((5, "black"), (3, "white")):
            draw.line((x - 14, y, x + 14, y), fill=color, width=width)
            draw.line((x, y - 14, x, y + 14), fill=color, width=width)
    return np.asarray(drawn)


def draw_confidence(work: Work) -> RGB:
    """Draw the confidence: dark where the detector is sure that a pixel belongs, bright where it is sure of damage."""
    if work.confidence is None:
        return work.preview
    height, width = work.preview.shape[:2]
    small = Image.fromarray(work.confidence[0, 0].numpy()).resize(
        (width, height), Image.Resampling.BILINEAR, reducing_gap=2.0
    )
    values = np.asarray(small).clip(0, 1)
    stops = np.linspace(0, 1, len(_HEAT))
    heat = np.stack([np.interp(values, stops, _HEAT[:, c]) for c in range(3)], axis=-1)
    gray = work.preview.mean(axis=2, keepdims=True)
    return (0.8 * heat + 0.2 * gray).astype(np.uint8)


def draw_mask(work: Work, selection: Selection) -> RGB:
    """Draw the mask; white is to be filled."""
    mask = _fit_mask(selection.mask, *work.preview.shape[:2])
    return np.repeat(mask[..., None], 3, axis=2).astype(np.uint8) * 255


def read_strokes(layer: NDArray[np.uint8], size: tuple[int, int]) -> tuple[Mask, Mask]:
    """Read the strokes of the two colors, at the size of the photo.

    Args:
        layer: RGBA ``[h, w, 4]``.
        size: (height, width) of the photo.

    Returns:
        The pixels to be filled and those to be left alone, ``[H, W]`` bool each.
    """
    color = layer[..., :3].astype(int)
    nearer = np.abs(color - FILL).sum(axis=-1) <= np.abs(color - LEAVE).sum(axis=-1)
    painted = layer[..., 3] > 127
    height, width = size
    masks = (
        np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST))
        for mask in (painted & nearer, painted & ~nearer)
    )
    fill, leave = masks
    return fill, leave


def _fit_mask(mask: Mask, height: int, width: int) -> Mask:
    """Resize a mask to the size of the preview, keeping thin lines."""
    if mask.shape == (height, width):
        return mask
    how = Image.Resampling.BOX if mask.shape[0] > height else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).resize((width, height), how)) > 0


def _find_outline(mask: Mask) -> Mask:
    """Mark the pixels of a mask that have a neighbor outside it."""
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inner


def _draw_numbers(drawn: Image.Image, selection: Selection, scale: float) -> None:
    """Draw the numbers of the largest regions at their upper left corners."""
    size = max(11, round(max(drawn.size) / 60))
    font = ImageFont.load_default(size=size)
    draw = ImageDraw.Draw(drawn)
    for number, spot in enumerate(selection.spots[:_NUMBERED], start=1):
        text = str(number)
        width = draw.textlength(text, font=font) + size * 0.8
        x = min(max(0, spot.box[0] * scale - 2), drawn.width - width)
        y = min(max(0, spot.box[1] * scale - size * 1.5), drawn.height - size * 1.4)
        color = FILL if spot.is_filled else LEAVE
        draw.rounded_rectangle((x, y, x + width, y + size * 1.35), radius=size * 0.4, fill=color, outline="white")
        draw.text((x + width / 2, y + size * 0.65), text, fill="white", font=font, anchor="mm")


def _dim_outside(drawn: Image.Image, box: Box, scale: float) -> None:
    """Darken everything outside the box that the search is limited to."""
    x, y, width, height = (value * scale for value in box)
    shade = Image.new("L", drawn.size, 120)
    draw = ImageDraw.Draw(shade)
    draw.rectangle((x, y, x + width, y + height), fill=0)
    drawn.paste(Image.new("RGB", drawn.size, "black"), mask=shade)
    ImageDraw.Draw(drawn).rectangle((x, y, x + width, y + height), outline="white", width=2)
