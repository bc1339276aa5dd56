"""What components are given: images, masks, pyramids and detections, drawn for a seed; and how they are taken apart."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.interfaces import Detection, Encoder, Pyramid, PyramidSpec, component

SIZES = ((1, 1), (1, 7), (17, 33), (48, 32))
"""Heights and widths: the smallest, a line, odd and even ones, wide and tall."""

SPEC = PyramidSpec(channels=(8, 16, 32), strides=(2, 4, 8))
"""The pyramid that components are bound to unless they come bound."""


def images(height: int, width: int, batch: int = 2, seed: int = 0) -> Tensor:
    """Smooth pictures with some grain, ``[B, 3, H, W]`` in [0, 1], all different, also in brightness and contrast."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch, 3, 4, 4, generator=generator)
    smooth = F.interpolate(coarse, (height, width), mode="bilinear")
    pictures = (smooth + 0.1 * torch.rand(batch, 3, height, width, generator=generator)).clamp(0, 1)
    index = torch.arange(batch).view(-1, 1, 1, 1)  # what is scaled by the range of a whole batch is to be seen
    return pictures * (1 - index / (index + 2)) + 0.1 * index / (index + 1)


def masks(height: int, width: int, batch: int = 2, seed: int = 0) -> Tensor:
    """A rectangle and some single pixels in every image, ``[B, 1, H, W]``, True = corrupted."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.rand(batch, 1, height, width, generator=generator) < 0.05
    for b in range(batch):
        top = int(torch.randint(0, max(height // 2, 1), (), generator=generator))
        left = int(torch.randint(0, max(width // 2, 1), (), generator=generator))
        mask[b, :, top : top + height // 3 + 1, left : left + width // 3 + 1] = True
    return mask


def features(image: Tensor, spec: PyramidSpec) -> Pyramid:
    """A pyramid of images: means over squares, mixed to the channels of ``spec``; no pixel sees farther."""
    maps = []
    for channels, stride in zip(spec.channels, spec.strides, strict=True):
        generator = torch.Generator().manual_seed(channels)
        mix = torch.randn(channels, 3, 1, 1, generator=generator, dtype=torch.float32).to(image.dtype)
        maps.append(F.conv2d(F.avg_pool2d(image, stride, ceil_mode=True) * 2 - 1, mix))
    return Pyramid(maps=tuple(maps), spec=spec)


@component
class PooledEncoder(Encoder):
    """``features`` as an encoder, in front of restorers that need some."""

    channels: tuple[int, ...] = SPEC.channels
    strides: tuple[int, ...] = SPEC.strides

    def build(self) -> None:
        """Nothing is learned."""

    @property
    def spec(self) -> PyramidSpec:
        return PyramidSpec(channels=self.channels, strides=self.strides)

    def forward(self, image: Tensor) -> Pyramid:
        return features(image, self.spec)


def given_detection(image: Tensor, mask: Tensor, spec: PyramidSpec | None) -> Detection:
    """The detection that a mask stands for, with features if ``spec`` is given."""
    return Detection.from_mask(mask, None if spec is None else features(image, spec))


def mapped(value: Any, function: Callable[[Tensor], Any]) -> Any:
    """The same with ``function`` applied to every tensor in tuples and dataclasses."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, tuple):
        return tuple(mapped(item, function) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type | PyramidSpec):
        changed = {f.name: mapped(getattr(value, f.name), function) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **changed)
    return value


def tensors(value: Any, path: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every tensor in tuples and dataclasses, with the path to it: ``maps[0]``."""
    if isinstance(value, Tensor):
        yield path, value
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from tensors(item, f"{path}[{i}]")
    elif dataclasses.is_dataclass(value) and not isinstance(value, type | PyramidSpec):
        for field in dataclasses.fields(value):
            yield from tensors(getattr(value, field.name), f"{path}.{field.name}".lstrip("."))


def one(value: Any, b: int) -> Any:
    """The part of a batch that belongs to one image, as a batch of one."""
    return mapped(value, lambda t: t[b : b + 1])


def copied(value: Any) -> Any:
    """A deep copy, apart from every graph."""
    return mapped(value, lambda t: t.detach().clone())


def lowered(value: Any, dtype: torch.dtype) -> Any:
    """Floating-point tensors in another precision."""
    return mapped(value, lambda t: t.to(dtype) if t.is_floating_point() else t)


def names_of(value: Any) -> str:
    """Paths and shapes, for messages."""
    return ", ".join(f"{path or 'output'} {list(t.shape)}" for path, t in tensors(value)) or type(value).__name__
