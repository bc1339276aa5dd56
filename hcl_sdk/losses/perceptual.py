"""The published perceptual loss, and the same with any other network."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import attrs
import torch
from attrs.validators import deep_iterable, ge, in_, min_len
from torch import Tensor

from hcl_sdk.files import expand_home
from hcl_sdk.files.tensors import WEIGHTS, read_tensors
from hcl_sdk.interfaces import Encoder, RestorationLoss, component
from hcl_sdk.layers.vgg import LAYERS, load_vgg19

OWN = "own"
_PREFIX = "detector.encoder."


def _check_trained_network(instance: PerceptualLoss, attribute: attrs.Attribute[Any], value: str | None) -> None:
    if instance.encoder is None and value in (None, OWN):
        raise ValueError(
            "'weights' is missing: a file with VGG-19's weights, or 'download'; or use an 'encoder' in place of VGG-19"
        )
    if value is None:
        raise ValueError(
            f"'weights' is missing: a folder of weights of a pipeline with such an encoder, or {OWN!r} for an encoder "
            f"that comes with trained ones"
        )


@component
class PerceptualLoss(RestorationLoss):
    """Mean absolute difference between the features of both images in a trained network (paper, section 3.4).

    The published network is VGG-19, trained on ImageNet; any encoder can take its place. Either is frozen and stays in
    evaluation mode; training checkpoints, which hold only what is trained, do not contain it. The mask is not used.

    Attributes:
        weight: factor in the sum of losses.
        layers: layers of VGG-19 that are compared, each with a weight of 1.
        encoder: a network in place of VGG-19, all scales of which are compared, each with a weight of 1. It becomes
            part of the loss and is frozen, so do not share it with other components.
        weights: a file with VGG-19's weights in torchvision's layout (``vgg19-dcbb9e9d.pth``, or the same tensors as
            ``.safetensors``), or ``download``. For an ``encoder``, a folder of weights of a pipeline whose detector has
            such an encoder; or ``own`` for an encoder that is already trained, or loads trained weights itself.

    Raises:
        ValueError: if the weights are missing, cannot be read or downloaded, or are not of this network.

    Example:
        >>> from hcl_sdk import ResNetEncoder
        >>> image = torch.rand(2, 3, 32, 32)
        >>> loss = PerceptualLoss(encoder=ResNetEncoder(channels=(8, 16), depths=(1, 1)), weights="own")
        >>> loss(image, image, torch.ones(2, 1, 32, 32, dtype=torch.bool)).item()
        0.0
    """

    weight: float = attrs.field(default=1.0, validator=ge(0))
    layers: tuple[str, ...] = attrs.field(
        default=("relu2_2", "relu3_2"), validator=[min_len(1), deep_iterable(in_(LAYERS))]
    )
    encoder: Encoder | None = None
    weights: str | None = attrs.field(default=None, validator=_check_trained_network)

    def build(self) -> None:
        if self.encoder is None:
            assert self.weights is not None
            self.vgg = load_vgg19(self.layers, self.weights)
        elif self.weights != OWN:
            assert self.weights is not None
            _load_encoder(self.encoder, expand_home(self.weights))
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        """Set training mode; the network stays in evaluation mode."""
        super().train(mode)
        for network in self.children():
            network.eval()
        return self

    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
        with torch.autocast(restored.device.type, enabled=False):
            with torch.no_grad():
                expected = self.features(target.float())
            found = self.features(restored.float())
        return torch.stack([(a - b).abs().mean() for a, b in zip(found, expected, strict=True)]).sum()

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """Compute the maps to compare for images in [0, 1]: ``b 3 h w -> b c h' w'`` for each layer."""
        return tuple(self.vgg(image)) if self.encoder is None else self.encoder(image).maps


def _load_encoder(encoder: Encoder, folder: Path) -> None:
    """Load the encoder's part of the weights of a pipeline; every name and shape must match."""
    path = folder / WEIGHTS
    loaded = read_tensors(path)
    state = {name.removeprefix(_PREFIX): tensor for name, tensor in loaded.items() if name.startswith(_PREFIX)}
    try:
        encoder.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"{path} holds no such encoder: {error}") from None
