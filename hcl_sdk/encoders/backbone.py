"""The base of encoders whose layers come from another backbone library, such as transformers or timm."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import attrs
import torch
from attrs.validators import deep_iterable, gt, min_len, optional
from torch import Tensor, nn

from hcl_sdk.errors import describe_error, list_some
from hcl_sdk.functional.resize import crop_to_strides, pad_to_multiple
from hcl_sdk.interfaces import Encoder, Pyramid, PyramidSpec, component
from hcl_sdk.layers.plain_pyramid import PlainPyramid, choose_strides

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Mean of each channel, RGB in [0, 1], for normalizing images as models trained on ImageNet expect."""

IMAGENET_STD = (0.229, 0.224, 0.225)
"""Standard deviation of each channel, likewise."""

_Plain = bool | int | float | str | None
_Value = (
    _Plain
    | tuple[_Plain, ...]
    | tuple[_Plain | tuple[_Plain, ...], ...]
    | tuple[tuple[_Plain | tuple[_Plain, ...], ...], ...]
    | tuple[tuple[tuple[_Plain | tuple[_Plain, ...], ...], ...], ...]
)
"""Allowed arguments of an architecture: plain values, and lists of them with up to four levels."""


@component
class BackboneEncoder(Encoder):
    """A backbone from another library as an encoder; subclasses determine the library.

    Images, in [0, 1], are padded at the bottom and the right to a size that the backbone accepts, and normalized as in
    its training; its maps are cropped to ``ceil(H / stride)``. If the stages of a backbone differ in stride, a stage
    is a scale. A plain one, such as a vision transformer, has all maps at the stride of its patches; they are resampled
    to a pyramid, see :class:`~hcl_sdk.layers.plain_pyramid.PlainPyramid`.

    Unset fields are filled in when an encoder is created: afterwards it has its architecture in ``config``, its
    ``out_indices`` and its normalization, and ``pretrained`` is False. The same holds for a saved configuration: an
    encoder created from it needs no checkpoint, because its weights are saved with it.

    Attributes:
        model: the checkpoint of the backbone. None for random weights, with ``config``.
        pretrained: whether to load the weights of ``model``; otherwise weights are random.
        config: the architecture, in the library's own terms; empty for that of ``model``.
        out_indices: the stages that become scales, fine to coarse. By default the last stage of every stride, or four
            evenly spaced layers of a plain backbone. Negative ones count from the end. Layers of a plain backbone may
            repeat: the last one four times is the pyramid of ViTDet.
        image_mean: mean of each channel of the images that the backbone was trained with, RGB in [0, 1]. By default
            that of ``model``, or ImageNet's if there is none.
        image_std: their standard deviation, likewise.
        frozen: freeze the backbone: its parameters are not trained, and it stays in evaluation mode, including batch
            normalization. Layers that resample a plain backbone's maps are trained anyway.

    Raises:
        ValueError: if there is no such checkpoint or it cannot be reached, or the backbone does not provide the
            requested maps.
    """

    model: str | None = None
    pretrained: bool = True
    config: dict[str, _Value] = attrs.field(factory=dict)
    out_indices: tuple[int, ...] | None = attrs.field(default=None, validator=optional(min_len(1)))
    image_mean: tuple[float, float, float] | None = None
    image_std: tuple[float, float, float] | None = attrs.field(default=None, validator=optional(deep_iterable(gt(0))))
    frozen: bool = False

    @abstractmethod
    def resolve(self) -> Mapping[str, Any]:
        """Return the values of ``config``, ``image_mean`` and ``image_std``; those that are set are kept.

        Raises:
            ValueError: if ``model`` cannot be found or reached.
        """

    @abstractmethod
    def stages(self) -> Sequence[str]:
        """Return the names of the stages that ``out_indices`` refers to."""

    def usual_indices(self) -> Sequence[int]:
        """Return the stages to choose from if ``out_indices`` is not set."""
        return range(len(self.stages()))

    @abstractmethod
    def multiples(self) -> Sequence[int]:
        """Return the numbers that image sides may have to be multiples of, to be tried in turn."""

    @abstractmethod
    def make_backbone(self, indices: Sequence[int], *, pretrained: bool) -> nn.Module:
        """Create the backbone of ``config`` that returns these stages, sorted and without repetition."""

    @abstractmethod
    def feature_maps(self, backbone: nn.Module, image: Tensor) -> Sequence[Tensor]:
        """Compute the maps ``[B, C, h, w]`` of the stages of a backbone for normalized images."""

    def build(self) -> None:
        """Fill in the unset fields, and create the layers."""
        if self.model is None and not self.config:
            raise ValueError("expected a 'model' to start from, or the 'config' of a backbone with random weights")
        # Fields are read-only for everybody else; here the encoder is still being created.
        vars(self).update(self.resolve())
        asked = self._normalize_indices()
        unit, stages = self._try_out(sorted({*self.usual_indices(), *(asked or ())}))
        strides = {index: stage.stride for index, stage in stages.items()}
        is_plain = len(set(strides.values())) == 1
        chosen = asked or self._choose_indices(strides, is_plain)
        if not is_plain and any(strides[fine] >= strides[coarse] for fine, coarse in pairwise(chosen)):
            raise ValueError(
                f"the strides of a pyramid must increase; those of the stages {chosen} of {self._name} are "
                f"{[strides[index] for index in chosen]}"
            )
        wanted = sorted(set(chosen))
        self.backbone = self.make_backbone(wanted, pretrained=self.pretrained and self.model is not None)
        self.backbone.train()
        used = {name for index in wanted for name in stages[index].used}
        for name, parameter in self.backbone.named_parameters():
            if self.frozen or name not in used:  # an optimizer must not wait for gradients that never come
                parameter.requires_grad_(False)
        self._order = [wanted.index(index) for index in chosen]
        channels = tuple(stages[index].channels for index in chosen)
        scales = tuple(strides[index] for index in chosen)
        if is_plain:
            self.pyramid = PlainPyramid(channels, scales[0])
            scales = choose_strides(scales[0], len(channels))
        self._spec = PyramidSpec(channels=channels, strides=scales)
        self._multiple = math.lcm(unit, *scales, *strides.values())
        self._mean: Tensor
        self._std: Tensor
        self.register_buffer("_mean", torch.tensor(self.image_mean).view(3, 1, 1), persistent=False)
        self.register_buffer("_std", torch.tensor(self.image_std).view(3, 1, 1), persistent=False)
        vars(self).update(out_indices=chosen, pretrained=False)
        self.train(self.training)

    @property
    def spec(self) -> PyramidSpec:
        """The channels and strides of the backbone's maps, as found by running it."""
        return self._spec

    def forward(self, image: Tensor) -> Pyramid:
        """Encode ``[B, 3, H, W]`` images in [0, 1]: maps ``[B, C_s, ceil(H / stride_s), ceil(W / stride_s)]``."""
        padded = pad_to_multiple((image - self._mean) / self._std, self._multiple)
        found = self.feature_maps(self.backbone, padded)
        maps = [found[i] for i in self._order]
        if hasattr(self, "pyramid"):
            maps = self.pyramid(maps)
        return Pyramid(maps=crop_to_strides(maps, image, self._spec.strides), spec=self._spec)

    def train(self, mode: bool = True) -> Self:
        """Set training mode; a frozen backbone stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    @property
    @abstractmethod
    def _name(self) -> str:
        """The name of the backbone in messages."""

    def _normalize_indices(self) -> tuple[int, ...] | None:
        """Count ``out_indices`` from the beginning, and check that there are such stages."""
        if self.out_indices is None:
            return None
        names = self.stages()
        count = len(names)
        if wrong := [index for index in self.out_indices if not -count <= index < count]:
            raise ValueError(
                f"out_indices {wrong} are out of range: {self._name} has the stages 0 to {count - 1}, "
                f"{', '.join(names)}"
            )
        asked = tuple(index % count for index in self.out_indices)
        if list(asked) != sorted(asked):
            raise ValueError(f"out_indices must go from fine to coarse, from a stage to later ones; got {asked}")
        return asked

    def _choose_indices(self, strides: Mapping[int, int], is_plain: bool) -> tuple[int, ...]:
        indices = list(strides)
        if is_plain:
            return tuple(indices[max(0, round(len(indices) * (k + 1) / 4) - 1)] for k in range(4))
        return tuple({stride: index for index, stride in strides.items()}.values())  # the last of every stride

    def _try_out(self, indices: Sequence[int]) -> tuple[int, dict[int, _Stage]]:
        """Run a copy without weights on an image without pixels (the ``meta`` device): nothing is computed.

        Returns:
            The number that the sides of an image must be a multiple of, and a description of each stage's map.
        """
        failure: Exception | None = None
        for unit in self.multiples():
            side = 2 * math.lcm(unit, 32)
            size = side, 2 * side  # not square, because some backbones accept only squares
            try:
                with torch.device("meta"), torch.enable_grad():
                    copy = self.make_backbone(indices, pretrained=False).eval()
                    maps = self.feature_maps(copy, torch.empty(1, 3, *size))
            except Exception as error:  # of any library
                failure = failure or error
                continue
            return unit, {i: self._make_stage(copy, i, m, size) for i, m in zip(indices, maps, strict=True)}
        assert failure is not None
        raise ValueError(
            f"{self._name} cannot be an encoder, which takes images of any size: {describe_error(failure, limit=240)}"
        ) from failure

    def _make_stage(self, backbone: nn.Module, index: int, m: Tensor, size: tuple[int, int]) -> _Stage:
        if m.ndim != 4 or size[0] % m.shape[2] or size[0] * m.shape[3] != size[1] * m.shape[2]:
            raise ValueError(
                f"{self._name} cannot be an encoder: for an image of {size[0]} x {size[1]}, stage {index} gives "
                f"{list(m.shape)}; expected a map [1, C, {size[0]} / stride, {size[1]} / stride]"
            )
        return _Stage(channels=m.shape[1], stride=size[0] // m.shape[2], used=_find_parameters_behind(m, backbone))


@dataclass(frozen=True, kw_only=True)
class _Stage:
    """The map of a stage: its channels and stride, and the names of the parameters that it depends on."""

    channels: int
    stride: int
    used: frozenset[str]


def _find_parameters_behind(result: Tensor, module: nn.Module) -> frozenset[str]:
    """Find the parameters of a module that receive gradients from one of its outputs."""
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    found, seen, queue = set(), set(), [result.grad_fn]
    while queue:
        node = queue.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        found.add(names.get(id(getattr(node, "variable", None)), ""))
        queue += [following for following, _ in node.next_functions]
    return frozenset(found - {""})


def check_loaded(made: nn.Module, not_loaded: Sequence[str], source: str) -> None:
    """Raise ``ValueError`` if randomly initialized tensors got no values from a checkpoint.

    Those initialized with ones or zeros, as in normalization, may be missing: libraries add some for feature maps.
    """
    state = made.state_dict()
    lost = [name for name in not_loaded if name in state and _is_random(state[name])]
    if lost:
        raise ValueError(
            f"{source} does not fit the backbone: it lacks {len(lost)} of {len(state)} tensors: {list_some(lost, 3)}"
        )


def _is_random(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and tensor.numel() > 1 and bool((tensor != tensor.flatten()[0]).any())


def to_tuples(value: Any) -> Any:
    """Convert lists, also nested ones, to tuples, as ``config`` holds them; other values stay."""
    return tuple(to_tuples(item) for item in value) if isinstance(value, list | tuple) else value
