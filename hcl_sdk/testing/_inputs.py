"""Inputs of components: seeded random images, masks, pyramids and detections; and taking outputs apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from torch.utils import _pytree as pytree

from hcl_sdk.functional.eight_bit import to_uint8
from hcl_sdk.interfaces import DAMAGE, Detection, Encoder, Pyramid, PyramidSpec, component

SIZES = ((1, 1), (1, 7), (17, 33), (48, 32))
"""Heights and widths: the smallest, a line, odd and even ones, wide and tall."""

SPEC = PyramidSpec(channels=(8, 16, 32), strides=(2, 4, 8))
"""The pyramid that components are bound to unless they are already bound."""

SPECS = (SPEC, PyramidSpec(channels=(8, 16, 32, 48), strides=(2, 4, 8, 16)))
"""Pyramids that are tried in turn: a component may be made for a number of scales."""


def draw_images(height: int, width: int, batch: int = 2, seed: int = 0) -> Tensor:
    """Draw smooth images with some grain, ``[B, 3, H, W]`` in [0, 1], differing in brightness and contrast as well."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch, 3, 4, 4, generator=generator)
    smooth = F.interpolate(coarse, (height, width), mode="bilinear")
    images = (smooth + 0.1 * torch.rand(batch, 3, height, width, generator=generator)).clamp(0, 1)
    index = torch.arange(batch).view(-1, 1, 1, 1)  # to expose scaling by the range of a whole batch
    return images * (1 - index / (index + 2)) + 0.1 * index / (index + 1)


def draw_photo(size: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    """Draw a photo ``[H, W, 3]``."""
    return to_uint8(draw_images(*size, batch=1, seed=seed))[0].copy()


def draw_masks(height: int, width: int, batch: int = 2, seed: int = 0) -> Tensor:
    """Draw a rectangle and some single pixels in every image, ``[B, 1, H, W]``, True = corrupted."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.rand(batch, 1, height, width, generator=generator) < 0.05
    for b in range(batch):
        top = int(torch.randint(0, max(height // 2, 1), (), generator=generator))
        left = int(torch.randint(0, max(width // 2, 1), (), generator=generator))
        mask[b, :, top : top + height // 3 + 1, left : left + width // 3 + 1] = True
    return mask


def draw_true_masks(height: int, width: int, batch: int, seed: int) -> Tensor:
    """Draw masks for losses: of several images, the last is undamaged, the one before it entirely corrupted."""
    mask = draw_masks(height, width, batch, seed)
    if batch > 2:
        mask[-1], mask[-2] = False, True
    return mask


def make_pyramid(image: Tensor, spec: PyramidSpec) -> Pyramid:
    """Make a pyramid of images: means over squares, mixed to the channels of ``spec``; no pixel sees farther."""
    maps = []
    for channels, stride in zip(spec.channels, spec.strides, strict=True):
        generator = torch.Generator().manual_seed(channels)
        mix = torch.randn(channels, 3, 1, 1, generator=generator, dtype=torch.float32).to(image.dtype)
        maps.append(F.conv2d(F.avg_pool2d(image, stride, ceil_mode=True) * 2 - 1, mix))
    return Pyramid(maps=tuple(maps), spec=spec)


@component
class PooledEncoder(Encoder):
    """``make_pyramid`` as an encoder, for restorers that need one."""

    channels: tuple[int, ...] = SPEC.channels
    strides: tuple[int, ...] = SPEC.strides

    def build(self) -> None:
        """Do nothing: nothing is learned."""

    @property
    def spec(self) -> PyramidSpec:
        return PyramidSpec(channels=self.channels, strides=self.strides)

    def forward(self, image: Tensor) -> Pyramid:
        return make_pyramid(image, self.spec)


def make_detection(image: Tensor, mask: Tensor, spec: PyramidSpec | None) -> Detection:
    """Make the detection for a mask, with features if ``spec`` is given."""
    return Detection.from_mask(mask, None if spec is None else make_pyramid(image, spec))


def make_damage_map(mask: Tensor) -> Tensor:
    """Make kinds of damage in upright stripes of four pixels, uint8 ``[B, 1, H, W]``, where a mask is True."""
    stripes = torch.arange(mask.shape[-1], dtype=torch.uint8, device=mask.device) // 4 % len(DAMAGE) + 1
    return mask * stripes


def map_tensors(value: Any, function: Callable[[Tensor], Any]) -> Any:
    """Apply ``function`` to every tensor in tuples and values of :mod:`hcl_sdk.interfaces`."""
    return pytree.tree_map_only(Tensor, function, value)


def list_tensors(value: Any) -> Iterator[tuple[str, Tensor]]:
    """Yield every tensor or array in a value, as a tensor, with the path to it: ``maps[0]``."""
    for path, leaf in pytree.tree_leaves_with_path(value):
        if isinstance(leaf, Tensor | np.ndarray):
            tensor = leaf if isinstance(leaf, Tensor) else torch.tensor(np.ascontiguousarray(leaf))
            yield re.sub(r"\['(\w+)'\]", r".\1", pytree.keystr(path)).lstrip("."), tensor


def pair_tensors(first: Any, second: Any, whole: str = "output") -> Iterator[tuple[str, Tensor, Tensor]]:
    """Pair the tensors of two values of the same structure, with the path to them, or ``whole`` for a single tensor."""
    for (path, a), (_, b) in zip(list_tensors(first), list_tensors(second), strict=True):
        yield path or whole, a, b


def take_one(value: Any, b: int) -> Any:
    """Take the part of a batch that belongs to one image, as a batch of one."""
    return map_tensors(value, lambda t: t[b : b + 1])


def copy_tensors(value: Any) -> Any:
    """Copy tensors deeply, detached from any graph."""
    return map_tensors(value, lambda t: t.detach().clone())


def describe_tensors(value: Any) -> str:
    """Describe paths and shapes for messages."""
    shapes = (f"{path or 'output'} {list(t.shape)}" for path, t in list_tensors(value))
    return ", ".join(shapes) or type(value).__name__
